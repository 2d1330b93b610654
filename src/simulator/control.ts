import type { Answer } from './arm-call.ts'
import { readChange } from './changes.ts'
import { readFault } from './faults.ts'
import { type Field, FieldError, readFields } from './fields.ts'
import { applyChange, findGroup } from './hand.ts'
import type { RuleVersion } from './security-groups.ts'
import { busyAnswers, jitGroups, jitSupersedes, type Simulation } from './simulation.ts'
import { endpointFor, findMachine, judge } from './topology.ts'
import type { RuleProperties } from './world.ts'

export const controlPrefix = '/_sim/'

export interface ControlCall {
  sim: Simulation
  method: string
  path: string
  query: URLSearchParams
  body: unknown
}

type Handler = (call: ControlCall) => object

const handlers: Record<string, Handler> = {
  'GET /_sim/calls': ({ sim, query }) => ({ calls: sim.calls.list(Number(query.get('since') ?? 0)) }),
  'DELETE /_sim/calls': ({ sim }) => {
    sim.calls.clear()
    return {}
  },
  'GET /_sim/faults': ({ sim }) => ({ faults: sim.faults.list() }),
  'POST /_sim/faults': ({ sim, body }) => {
    const faults = (Array.isArray(body) ? body : [body]).map(readFault)
    return { faults: faults.map((fault) => ({ id: sim.faults.add(fault).id, fault })) }
  },
  'DELETE /_sim/faults': ({ sim, query }) => {
    sim.faults.clear(query.get('id') ?? undefined)
    return {}
  },
  'GET /_sim/flow': ({ sim, query }) => flowOf(sim, Object.fromEntries(query)),
  'GET /_sim/history': ({ sim, query }) => ({ history: historyOf(sim, query.get('nsg') ?? undefined) }),
  'POST /_sim/release': ({ sim, body }) => {
    const { path } = readFields(record(body), { path: { type: 'string' } })
    return { released: releaseHeld(sim, typeof path === 'string' ? path : undefined) }
  },
  'POST /_sim/mutate': ({ sim, body }) => {
    for (const change of (Array.isArray(body) ? body : [body]).map(readChange)) applyChange(sim, change)
    return {}
  },
  'GET /_sim/settings': ({ sim }) => sim.settings,
  'POST /_sim/settings': ({ sim, body }) => Object.assign(sim.settings, readFields(record(body), settings)),
}

const number: Field = { type: 'number' }
const settings: Record<string, Field> = {
  latencyMs: number,
  operationMs: number,
  operationPolls: number,
  buckets: { type: 'boolean' },
  tokenLifetimeSeconds: number,
  whileBusy: { type: 'string', allowed: busyAnswers },
  flushConnection: { type: 'boolean' },
  jitOpenMs: number,
  jitCloseMs: number,
  jitGroups: { type: 'string', allowed: jitGroups },
  jitRulePerPort: { type: 'boolean' },
  jitSupersedes: { type: 'string', allowed: jitSupersedes },
}

function record(body: unknown): object {
  return typeof body === 'object' && body !== null ? body : {}
}

/** The simulator's own API, for tests and for the curious; it needs no token. */
export function handleControl(call: ControlCall): Answer {
  const handler = handlers[`${call.method} ${call.path}`]
  if (!handler) return { status: 404, body: problem(`no ${call.method} ${call.path}`, Object.keys(handlers)) }
  try {
    return { status: 200, body: handler(call) }
  } catch (error) {
    if (error instanceof FieldError) return { status: 400, body: problem(error.message, error.allowed) }
    throw error
  }
}

function problem(message: string, allowed: readonly (string | number)[]): object {
  return { error: { code: 'InvalidControlCall', message, allowed } }
}

/** Every version of every rule that ever existed, or of those in one group, by its id or name. */
export function historyOf(sim: Simulation, nsg?: string): RuleVersion[] {
  const wanted = nsg?.toLowerCase()
  return sim.history().filter((version) => {
    const id = version.nsg.toLowerCase()
    return wanted === undefined || id === wanted || id.endsWith(`/${wanted}`)
  })
}

/** Lets held operations go: all of them, or those whose target matches the pattern. */
export function releaseHeld(sim: Simulation, path = ''): string[] {
  const pattern = new RegExp(path, 'i')
  const released = sim.operations.release((operation) => pattern.test(operation.target), sim.now())
  return released.map((operation) => operation.target)
}

export interface FlowQuestion {
  vm: string
  source: string
  port: number
  protocol?: string
}

export interface FlowAnswer {
  access: 'Allow' | 'Deny'
  /** As IP flow verify names it; null when no security group, or no address, is on the way. */
  rule: string | null
  nsg: string | null
}

/** Whether a packet from outside would reach a machine; knows IPv6, unlike IP flow verify. */
export function flow(sim: Simulation, question: FlowQuestion): FlowAnswer {
  const machine = findMachine(sim, question.vm)
  if (!machine) throw new FieldError(`vm: ${JSON.stringify(question.vm)} names no single machine`, [])
  const endpoint = endpointFor(sim, machine, question.source)
  if (!endpoint) return { access: 'Deny', rule: null, nsg: null }
  const { access, ruleName, nsg } = judge(sim, endpoint, {
    direction: 'Inbound',
    protocol: question.protocol ?? 'Tcp',
    source: question.source,
    sourcePort: '*',
    destination: endpoint.address.properties.privateIPAddress,
    destinationPort: String(question.port),
  })
  return { access, rule: ruleName === '' ? null : ruleName, nsg }
}

function flowOf(sim: Simulation, query: Record<string, string>): FlowAnswer {
  const text: Field = { type: 'string', required: true }
  readFields(query, { vm: text, source: text, port: text, protocol: { type: 'string' } })
  const { vm = '', source = '', port = '', protocol } = query
  return flow(sim, { vm, source, port: Number(port), ...(protocol !== undefined && { protocol }) })
}

/** The rules of a group as packets meet them, by name. */
export function rulesOf(sim: Simulation, nsg: string): Record<string, RuleProperties> {
  const rules = findGroup(sim, nsg).active()
  return Object.fromEntries(rules.map(({ name, properties }) => [name, properties]))
}
