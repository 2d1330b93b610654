import { type Field, FieldError, readFields } from './fields.ts'

/** Which calls a fault strikes: the first `after` matching calls pass, the next `times` are struck. */
interface Matcher {
  method?: string
  /** A regular expression over the path, upper and lower case alike. */
  path?: string
  times?: number
  after?: number
}

/** Whether a fault strikes before a write takes effect, or after. */
type When = 'before' | 'after'

export type Fault = Matcher &
  (
    | { kind: 'latency'; ms: number }
    | { kind: 'clock-skew'; seconds: number }
    | { kind: 'throttle'; retryAfterSeconds?: number; retryAfterDate?: number }
    | { kind: 'busy'; status?: number }
    | { kind: 'precondition-failed' }
    | { kind: 'server-error'; status?: number; code?: string; when?: When; retryAfterSeconds?: number }
    | { kind: 'drop'; when?: When }
    | { kind: 'black-hole'; when?: When }
    | { kind: 'unauthorized' }
    | { kind: 'expired-token' }
    | { kind: 'forbidden'; code?: string }
    | { kind: 'lost-operation' }
    | { kind: 'token-endpoint-down'; status?: number }
    | { kind: 'token-lifetime'; seconds: number }
    | { kind: 'slow-operation'; ms?: number; polls?: number; hold?: boolean; retryAfterSeconds?: number }
    | { kind: 'operation-failed'; code: string; message?: string; effect?: boolean }
    | { kind: 'operation-canceled'; effect?: boolean }
    | { kind: 'late-conflict' }
    | { kind: 'stale-reads'; reads: number; skip?: number }
    | { kind: 'late-opening'; ms: number }
    | { kind: 'no-opening' }
    | { kind: 'accepted-as-200' }
    | { kind: 'renumbering'; by?: number }
    | { kind: 'late-expiry'; ms: number }
    | { kind: 'no-expiry' }
  )

type FaultKind = Fault['kind']

/** When in the life of a call a fault is looked up. */
export type Stage = 'arrival' | 'operation' | 'answer' | 'token' | 'initiate' | 'expiry'

const when: Field = { type: 'string', allowed: ['before', 'after'] }
const number: Field = { type: 'number' }
const needed: Field = { type: 'number', required: true }
const flag: Field = { type: 'boolean' }
const words: Field = { type: 'string' }

const matcherFields: Record<string, Field> = { method: words, path: words, times: number, after: number }

const kinds: Record<FaultKind, { stage: Stage; fields: Record<string, Field> }> = {
  latency: { stage: 'arrival', fields: { ms: needed } },
  'clock-skew': { stage: 'arrival', fields: { seconds: needed } },
  throttle: { stage: 'arrival', fields: { retryAfterSeconds: number, retryAfterDate: number } },
  busy: { stage: 'arrival', fields: { status: { type: 'number', allowed: [409, 429] } } },
  'precondition-failed': { stage: 'arrival', fields: {} },
  'server-error': {
    stage: 'arrival',
    fields: { status: number, code: words, when, retryAfterSeconds: number },
  },
  drop: { stage: 'arrival', fields: { when } },
  'black-hole': { stage: 'arrival', fields: { when } },
  unauthorized: { stage: 'arrival', fields: {} },
  'expired-token': { stage: 'arrival', fields: {} },
  forbidden: {
    stage: 'arrival',
    fields: { code: { type: 'string', allowed: ['AuthorizationFailed', 'RequestDisallowedByPolicy'] } },
  },
  'lost-operation': { stage: 'arrival', fields: {} },
  'token-endpoint-down': { stage: 'token', fields: { status: number } },
  'token-lifetime': { stage: 'token', fields: { seconds: needed } },
  'slow-operation': {
    stage: 'operation',
    fields: { ms: number, polls: number, hold: flag, retryAfterSeconds: number },
  },
  'operation-failed': {
    stage: 'operation',
    fields: { code: { type: 'string', required: true }, message: words, effect: flag },
  },
  'operation-canceled': { stage: 'operation', fields: { effect: flag } },
  'late-conflict': { stage: 'operation', fields: {} },
  'stale-reads': { stage: 'operation', fields: { reads: needed, skip: number } },
  'late-opening': { stage: 'initiate', fields: { ms: needed } },
  'no-opening': { stage: 'initiate', fields: {} },
  'accepted-as-200': { stage: 'initiate', fields: {} },
  renumbering: { stage: 'initiate', fields: { by: number } },
  'late-expiry': { stage: 'expiry', fields: { ms: needed } },
  'no-expiry': { stage: 'expiry', fields: {} },
}

const faultKinds: string[] = Object.keys(kinds)

function isFaultKind(text: unknown): text is FaultKind {
  return typeof text === 'string' && Object.hasOwn(kinds, text)
}

/** These let the call go on; every other fault of its stage ends it. */
const passing = new Set<FaultKind>(['latency', 'clock-skew'])

export interface ArmedFault {
  id: string
  fault: Fault
  /** How many calls it has met, and how many of them it struck. */
  met: number
  struck: number
}

interface Armed extends ArmedFault {
  pattern: RegExp | undefined
}

/** Reads a fault from JSON; throws a FieldError that names what is allowed. */
export function readFault(value: unknown): Fault {
  const given = typeof value === 'object' && value !== null ? value : {}
  const kind: unknown = 'kind' in given ? given.kind : undefined
  if (!isFaultKind(kind)) throw new FieldError(`kind: ${JSON.stringify(kind)} is not a fault`, faultKinds)
  const read = readFields(given, { kind: { type: 'string' }, ...matcherFields, ...kinds[kind].fields })
  if (typeof read['path'] === 'string') compiled(read['path'])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- readFields has checked it against the table.
  return read as unknown as Fault
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'i')
  } catch {
    throw new FieldError(`path: ${JSON.stringify(pattern)} is not a regular expression`, [])
  }
}

function stageOf(fault: Fault): Stage {
  return 'when' in fault && fault.when === 'after' ? 'answer' : kinds[fault.kind].stage
}

export class Faults {
  #armed: Armed[] = []
  #set = 0

  add(fault: Fault): ArmedFault {
    const pattern = fault.path === undefined ? undefined : compiled(fault.path)
    const armed = { id: `fault-${++this.#set}`, fault, met: 0, struck: 0, pattern }
    this.#armed.push(armed)
    return armed
  }

  list(): ArmedFault[] {
    return this.#armed.map(({ id, fault, met, struck }) => ({ id, fault, met, struck }))
  }

  clear(id?: string): void {
    this.#armed = id === undefined ? [] : this.#armed.filter((each) => each.id !== id)
  }

  /** The faults that strike this call now; each is counted, and none after the first that ends the call. */
  take(stage: Stage, method: string, path: string): Fault[] {
    const struck: Fault[] = []
    for (const armed of this.#armed) {
      const { fault } = armed
      if (stageOf(fault) !== stage || !matches(armed, method, path)) continue
      if (!strikes(armed)) continue
      struck.push(fault)
      if (stage === 'arrival' && !passing.has(fault.kind)) break
    }
    return struck
  }
}

function matches({ fault, pattern }: Armed, method: string, path: string): boolean {
  if (fault.method !== undefined && fault.method.toUpperCase() !== method) return false
  if (fault.kind === 'lost-operation' && !isOperation(path)) return false
  // Without a path a fault strikes ARM alone: a lost token would hide what it was set for.
  if (pattern === undefined && kinds[fault.kind].stage !== 'token' && !armPath(path)) return false
  return pattern === undefined || pattern.test(path)
}

function armPath(path: string): boolean {
  return /^\/(subscriptions|providers)\b/i.test(path)
}

function isOperation(path: string): boolean {
  return /\/locations\/[^/]+\/operation(s|Results)\//i.test(path)
}

function strikes(armed: Armed): boolean {
  const { after = 0, times = Number.POSITIVE_INFINITY } = armed.fault
  armed.met++
  if (armed.met <= after || armed.struck >= times) return false
  armed.struck++
  return true
}
