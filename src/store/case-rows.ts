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

/** What is wrong with a value, or null. */
function fault(value: unknown, shape: Shape): string | null {
  if (!isFields(value)) return 'is not an object'
  const wrong = Object.entries(shape).find(([key, holds]) => !holds(value[key]))
  return wrong ? `${wrong[0]} is ${JSON.stringify(value[wrong[0]]) ?? 'missing'}` : null
}

const isRequest = (value: unknown): value is Request => fault(value, requestShape) === null
const isReview = (value: unknown): value is Review => fault(value, reviewShape) === null
const isGrant = (value: unknown): value is Grant => fault(value, grantShape) === null
const isRule = (value: unknown): value is Rule => fault(value, ruleShape) === null

export function readRule(value: unknown): Rule {
  if (isRule(value)) return value
  throw new Error(`the rule: ${fault(value, ruleShape)}`)
}

function readReview(value: unknown): Review {
  if (isReview(value)) return value
  throw new Error(`a review: ${fault(value, reviewShape)}`)
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Throws when a row is not what this version of the product writes. */
export function readCase(row: CaseRow): Case {
  const request = isFields(row.request) && { ...row.request, reviews: listOf(row.reviews).map(readReview) }
  if (!isRequest(request)) throw new Error(`the request: ${fault(request, requestShape)}`)
  if (row.granted === null) return { request, grant: null }
  const grant = isFields(row.granted) && { ...row.granted, rules: listOf(row.rules).map(readRule) }
  if (!isGrant(grant)) throw new Error(`the grant: ${fault(grant, grantShape)}`)
  return { request, grant }
}
