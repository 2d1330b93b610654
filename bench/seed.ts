import { sql } from 'kysely'
import type { Case } from '../src/core/case.ts'
import type { Event } from '../src/core/event.ts'
import { type Rule, ruleDescription, ruleName } from '../src/core/grant.ts'
import type { Person } from '../src/core/person.ts'
import type { Terms } from '../src/core/policy.ts'
import type { Ask } from '../src/core/request.ts'
import { createDispatcher, type Dispatcher } from '../src/engine/dispatch.ts'
import type { Clock, Place } from '../src/ports.ts'
import type { Database } from '../src/store/database.ts'
import { storeOn } from '../src/store/store.ts'

const subscription = '33333333-3333-4333-8333-333333333333'
const robin: Person = { enterpriseId: null, teamId: 'T0TEAM', userId: 'U0ROBIN' }
const source = '81.2.69.142'

/** Names in the world for load tests: `vm-00007` stands behind `nsg-00007`. */
const numbered = (word: string, index: number) => `${word}-${String(index).padStart(5, '0')}`
const resourceId = (type: string, name: string) =>
  `/subscriptions/${subscription}/resourcegroups/rg-load/providers/${type}/${name}`

/** One open grant on a security group of its own. */
export interface DueGrant {
  readonly requestId: string
  readonly grantId: string
  readonly nsgId: string
  readonly name: string
}

export function dueGrant(index: number, expiresAt: number): DueGrant {
  const grantId = `g${String(index).padStart(9, '0')}`
  return {
    requestId: `r${String(index).padStart(9, '0')}`,
    grantId,
    nsgId: resourceId('microsoft.network/networksecuritygroups', numbered('nsg', index)),
    name: ruleName(grantId, expiresAt),
  }
}

const terms: Terms = {
  rule: 'nobody needs to agree',
  maxDurationMs: 8 * 3_600_000,
  approvers: { users: [], groups: [] },
  approvals: 0,
  channel: 'C0APPROVALS',
  deadlineMs: 3_600_000,
}

function askOf(grant: DueGrant, index: number, now: number, expiresAt: number): Ask {
  const name = numbered('vm', index)
  return {
    id: grant.requestId,
    requester: robin,
    vm: {
      id: resourceId('microsoft.compute/virtualmachines', name),
      name,
      resourceGroup: 'rg-load',
      subscriptionId: subscription,
      subscriptionName: 'Load',
      location: 'westeurope',
      os: 'linux',
      tags: { env: 'test' },
    },
    hops: [{ nsgId: grant.nsgId, attachedTo: 'network interface', destinations: ['10.0.0.10'] }],
    connectTo: null,
    label: 'ssh',
    ports: [{ number: 22, protocol: 'tcp' }],
    source: { address: source, family: 'IPv4', learnt: 'typed', learntAt: now },
    durationMs: expiresAt - now,
    until: expiresAt,
    reason: 'to see how fast it closes',
  }
}

const ruleOf = ({ requestId, name, nsgId }: DueGrant): Rule => ({
  name,
  nsgId,
  priority: 3000,
  source,
  destinations: ['10.0.0.10'],
  ports: [{ number: 22, protocol: 'tcp' }],
  description: ruleDescription(requestId, robin),
  state: 'planned',
})

/** What happens to a case until its access is open. */
function lifeOf(grant: DueGrant, index: number, now: number, expiresAt: number): readonly Event[] {
  const tree = {
    check: 'Access is granted',
    result: 'yes',
    because: 'nobody needs to agree',
    children: [],
  } as const
  const verdict = { outcome: 'allow', terms, tree, policyHash: 'bench' } as const
  return [
    { type: 'submit', ask: askOf(grant, index, now, expiresAt), verdict, grantId: grant.grantId },
    { type: 'rules planned', rules: [ruleOf(grant)] },
    { type: 'rule present', nsgId: grant.nsgId },
  ]
}

async function live(dispatcher: Dispatcher, grant: DueGrant, life: readonly Event[]): Promise<void> {
  let last: Case | null = null
  for (const event of life) {
    const outcome = await dispatcher.dispatch({ requestId: grant.requestId, event })
    if (outcome === 'lost' || !outcome.ok) throw new Error(`${event.type} of ${grant.requestId} was refused`)
    last = outcome.next
  }
  if (last?.grant?.state !== 'open') throw new Error(`${grant.requestId} did not open`)
}

/** Where the bot had written about a case before. */
export interface Written {
  readonly card: Place
  readonly mirror: Place
}

/** What the bot would have done about them since then is done, as far as its own rows say. */
async function settle(
  { kysely }: Database,
  grants: readonly DueGrant[],
  written: readonly Written[],
): Promise<void> {
  const places = grants.flatMap(({ requestId }, index) =>
    Object.entries(written[index] ?? {}).map(([which, place]) => ({
      request_id: requestId,
      which,
      ...place,
    })),
  )
  await sql`delete from jobs where kind not in ('expiry', 'warning')`.execute(kysely)
  await sql`update notes set tried = true, sent_at = now()`.execute(kysely)
  await sql`insert into places (request_id, which, channel, ts) select request_id, which, channel, ts
    from jsonb_to_recordset(${JSON.stringify(places)}::jsonb)
      as x(request_id text, which text, channel text, ts text)`.execute(kysely)
  await sql`insert into feeds (name, seq, tried) select 'audit', seq, false from audit_head`.execute(kysely)
  await sql`vacuum (analyze)`.execute(kysely)
}

/**
 * Open grants that all end at one moment, made by the same dispatcher that makes them in the bot, in a database
 * that was empty.
 */
export async function seed(
  database: Database,
  clock: Clock,
  expiresAt: number,
  written: readonly Written[],
): Promise<void> {
  const store = await storeOn(database)
  const dispatcher = createDispatcher({ store, clock, observe: () => {} })
  const grants = written.map((_, index) => dueGrant(index, expiresAt))
  await Promise.all(
    grants.map((grant, index) => live(dispatcher, grant, lifeOf(grant, index, clock.now(), expiresAt))),
  )
  await settle(database, grants, written)
}
