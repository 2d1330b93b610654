import { readActionOf } from './actions.ts'
import type { Answer, ArmCall } from './arm-call.ts'
import { ruleBodies } from './bodies.ts'
import { Buckets } from './buckets.ts'
import { ArmError, badRequest } from './errors.ts'
import { parseQuery, type Query } from './kql.ts'
import type { Columns } from './kql-expressions.ts'
import { QueryError } from './kql-text.ts'
import { groupOf, subscriptionOf } from './resources.ts'
import { maySee } from './rights.ts'
import { isRecord } from './rule-validation.ts'
import type { Simulation } from './simulation.ts'
import { callerOf, isOpenTo, tenantOf } from './tenants.ts'
import type { ArmResource } from './world.ts'

const mostRows = 1_000
const mostCursors = 100

/** What Defender for Cloud says has a table of its own; JIT policies are in none. */
const securityTypes = new Set([
  'microsoft.security/assessments',
  'microsoft.security/locations/alerts',
  'microsoft.security/pricings',
])

const isIn = (table: string, type: string): boolean =>
  table === 'securityresources' ? securityTypes.has(type) : !type.startsWith('microsoft.security/')

interface Cursor {
  query: Query<ArmResource>
  rows: ArmResource[]
}

/** The pages of long answers that somebody may still ask for, per simulation. */
const cursors = new WeakMap<Simulation, Map<string, Cursor>>()

interface GraphRequest {
  query: string
  subscriptions: string[] | undefined
  top: number
  skip: number
  skipToken: string | undefined
}

export function queryResources(call: ArmCall): Answer {
  const { sim } = call
  const drawn = sim.settings.buckets ? sim.buckets.drawGraphQuery(sim.now()) : Buckets.fullGraph()
  const headers = {
    'x-ms-user-quota-remaining': String(drawn.remaining),
    'x-ms-user-quota-resets-after': `00:00:0${drawn.retryAfterSeconds}`,
  }
  if (!drawn.ok) throw throttled({ ...headers, 'Retry-After': String(drawn.retryAfterSeconds) })
  const request = readRequest(call.body)
  const [token, from] = position(request)
  const cursor = token === undefined ? openCursor(sim, request, callerOf(call).tid) : knownCursor(sim, token)
  const { query, rows } = cursor
  if (query.counts) return { status: 200, headers, body: page([{ Count: rows.length }], 1) }
  const chosen = rows.slice(from, from + request.top)
  for (const { type } of chosen) sim.shownBy.add(readActionOf(type))
  const data = chosen.map((row) => shown(row, query.columns))
  const next = from + data.length
  const body = page(data, rows.length)
  if (next >= rows.length) return { status: 200, headers, body }
  const skipToken = `${token ?? keepCursor(sim, cursor)}.${next}`
  return { status: 200, headers, body: { ...body, $skipToken: skipToken } }
}

function page(data: object[], totalRecords: number): object {
  return { totalRecords, count: data.length, data, facets: [], resultTruncated: 'false' }
}

function shown(row: ArmResource, columns: Columns<ArmResource>): object {
  return Object.fromEntries([...columns].map(([name, value]) => [name, value(row)]))
}

function readRequest(body: unknown): GraphRequest {
  if (!isRecord(body) || typeof body['query'] !== 'string') {
    throw badRequest('InvalidQuery', 'Query is missing.')
  }
  const options = isRecord(body['options']) ? body['options'] : {}
  const top = Number(options['$top'] ?? mostRows)
  const given = body['subscriptions']
  const subscriptions = Array.isArray(given) ? given.map((each) => String(each).toLowerCase()) : undefined
  const skipToken = options['$skipToken']
  return {
    query: body['query'],
    subscriptions: subscriptions && subscriptions.length > 0 ? subscriptions : undefined,
    top: Math.min(Math.max(1, top), mostRows),
    skip: Number(options['$skip'] ?? 0),
    skipToken: typeof skipToken === 'string' && skipToken !== '' ? skipToken : undefined,
  }
}

function position({ skipToken, skip }: GraphRequest): [string | undefined, number] {
  if (skipToken === undefined) return [undefined, skip]
  const [token, from] = skipToken.split('.')
  return [token, Number(from)]
}

function openCursor(sim: Simulation, request: GraphRequest, tenantId: string): Cursor {
  const { subscriptions } = sim.resources
  const open = new Set(
    [...subscriptions].filter(([, each]) => isOpenTo(sim, each, tenantId)).map(([id]) => id),
  )
  const table = /^\s*securityresources\b/i.test(request.query) ? 'securityresources' : 'resources'
  const all = sim.resources.list().filter((each) => {
    if (!isIn(table, each.type.toLowerCase()) || !maySee(sim, each)) return false
    const subscription = subscriptionOf(each.id).toLowerCase()
    return open.has(subscription) && (request.subscriptions?.includes(subscription) ?? true)
  })
  try {
    const query = parseQuery(request.query, table, columnsOf(sim))
    return { query, rows: query.rows(all) }
  } catch (error) {
    if (error instanceof QueryError) throw invalidQuery(error)
    throw error
  }
}

function keepCursor(sim: Simulation, cursor: Cursor): string {
  const kept = cursors.get(sim) ?? new Map<string, Cursor>()
  cursors.set(sim, kept)
  const token = crypto.randomUUID()
  kept.set(token, cursor)
  const [oldest] = kept.keys()
  if (kept.size > mostCursors && oldest !== undefined) kept.delete(oldest)
  return token
}

function knownCursor(sim: Simulation, token: string): Cursor {
  const cursor = cursors.get(sim)?.get(token)
  if (!cursor) throw badRequest('BadRequest', 'The $skipToken is not valid or has expired.')
  return cursor
}

function columnsOf(sim: Simulation): Columns<ArmResource> {
  const properties = rememberingLast((row: ArmResource) => graphProperties(sim, row))
  return new Map<string, (row: ArmResource) => unknown>([
    ['id', (row) => row.id],
    ['name', (row) => row.name],
    ['type', (row) => row.type.toLowerCase()],
    [
      'tenantId',
      (row) => {
        const subscription = sim.resources.subscriptions.get(subscriptionOf(row.id).toLowerCase())
        return subscription ? tenantOf(sim, subscription) : sim.resources.tenantId
      },
    ],
    ['kind', (row) => row.kind ?? ''],
    ['location', (row) => row.location],
    ['resourceGroup', (row) => groupOf(row.id).toLowerCase()],
    ['subscriptionId', (row) => subscriptionOf(row.id)],
    ['managedBy', () => ''],
    ['sku', (row) => row.sku ?? null],
    ['plan', () => null],
    ['properties', properties],
    ['tags', (row) => row.tags ?? null],
    ['identity', () => null],
    ['zones', (row) => row.zones ?? null],
    ['extendedLocation', () => null],
  ])
}

// One row asks for its properties once per column; building those of a security group is the dear part.
function rememberingLast<Row, Value>(build: (row: Row) => Value): (row: Row) => Value {
  let last: { row: Row; value: Value } | undefined
  return (row) => {
    if (last?.row !== row) last = { row, value: build(row) }
    return last.value
  }
}

function graphProperties(sim: Simulation, row: ArmResource): object {
  if (row.type.toLowerCase() === 'microsoft.security/locations/alerts') return capitalized(row.properties)
  if (row.powerState !== undefined) {
    const displayStatus = `VM ${row.powerState.replace('PowerState/', '')}`
    const powerState = { code: row.powerState, level: 'Info', displayStatus }
    return { ...row.properties, extended: { instanceView: { powerState } } }
  }
  if (row.type.toLowerCase() !== 'microsoft.network/networksecuritygroups') return row.properties
  const group = sim.group(row.id)
  if (!group) return row.properties
  return { ...row.properties, securityRules: ruleBodies(group, group.rules) }
}

/** Alerts are spelt another way here than by their own interface. */
function capitalized(properties: object): object {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name.charAt(0).toUpperCase() + name.slice(1), value]),
  )
}

const support = 'Please provide below info when asking for support'

function invalidQuery(error: QueryError): ArmError {
  return new ArmError(400, 'BadRequest', `${support}: timestamp = ${new Date().toISOString()}.`, {
    details: [
      {
        code: 'InvalidQuery',
        message:
          'Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying.',
      },
      { code: 'ParserFailure', message: `${error.message} (at "${error.token}", position ${error.at})` },
    ],
  })
}

function throttled(headers: Record<string, string>): ArmError {
  return new ArmError(429, 'RateLimiting', `${support}.`, {
    headers,
    details: [
      {
        code: 'RateLimiting',
        message:
          'Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help.',
      },
    ],
  })
}
