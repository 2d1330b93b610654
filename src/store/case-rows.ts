import type { Case } from '../core/case.ts'
import type { Grant, Rule } from '../core/grant.ts'
import type { Request, Review } from '../core/request.ts'

/** One case as the database hands it over: parsed JSON that nobody has checked. */
export interface CaseRow {
  readonly id: string
  readonly request: unknown
  readonly reviews: unknown
  readonly granted: unknown
  readonly rules: unknown
}

type Fields = { readonly [key: string]: unknown }

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const text = (value: unknown): boolean => typeof value === 'string'
const instant = (value: unknown): boolean => typeof value === 'number'
const list = (value: unknown): boolean => Array.isArray(value)
const person = (value: unknown): boolean => isFields(value) && text(value['userId']) && text(value['teamId'])
const oneOf =
  (...values: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === 'string' && values.includes(value)

type Shape = { readonly [key: string]: (value: unknown) => boolean }

/** What every reader relies on. The rest was written by this product and is as it was written. */
const requestShape: Shape = {
  id: text,
  requester: person,
  vm: (value) => isFields(value) && text(value['id']) && text(value['name']),
  hops: list,
  ports: list,
  source: (value) => isFields(value) && text(value['address']),
  durationMs: instant,
  requestedAt: instant,
  verdict: isFields,
  state: oneOf('pending', 'approved', 'denied', 'canceled', 'lapsed'),
}
const reviewShape: Shape = { by: person, verdict: oneOf('approve', 'deny'), at: instant }
const grantShape: Shape = {
  id: text,
  requestId: text,
  approvedAt: instant,
  expiresAt: instant,
  state: oneOf('opening', 'open', 'closing', 'closed'),
}
const ruleShape: Shape = {
  name: text,
  nsgId: text,
  priority: instant,
  source: text,
  destinations: list,
  ports: list,
  state: oneOf('planned', 'present', 'absent'),
}

function checked(what: string, value: unknown, shape: Shape): Fields {
  if (!isFields(value)) throw new Error(`${what} is not an object`)
  for (const [key, holds] of Object.entries(shape)) {
    if (!holds(value[key])) throw new Error(`${what}: ${key} is ${JSON.stringify(value[key]) ?? 'missing'}`)
  }
  return value
}

function checkedList(what: string, value: unknown, shape: Shape): readonly Fields[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`)
  return value.map((item) => checked(what, item, shape))
}

export const readRule = (value: unknown): Rule => checked('a rule', value, ruleShape) as unknown as Rule

/** Throws when a row is not what this version of the product writes. */
export function readCase(row: CaseRow): Case {
  const reviews = checkedList('a review', row.reviews, reviewShape) as unknown as readonly Review[]
  const request = { ...checked('the request', row.request, requestShape), reviews } as unknown as Request
  if (row.granted === null) return { request, grant: null }
  const rules = checkedList('a rule', row.rules, ruleShape)
  const grant = { ...checked('the grant', row.granted, grantShape), rules } as unknown as Grant
  return { request, grant }
}
