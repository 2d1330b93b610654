import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml'
import type { z } from 'zod'
import type { Policy } from './core/policy.ts'
import { denyOf, type Flaw, type Place, ruleOf, servicesOf } from './policy-rules.ts'
import { fileShape, keysAt, ruleShape } from './policy-shape.ts'

/** One thing that is wrong with a policy file, and where. */
export interface PolicyProblem {
  readonly line: number
  readonly column: number
  /** Such as `rules[0].maxDuration`. */
  readonly path: string
  readonly message: string
}

export type PolicyAnswer =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] }

const hour = 3_600_000
const defaultRemember = 12 * hour

const pathText = (path: Place): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${part}` : part),
    '',
  )

const at = (value: unknown, path: Place): unknown =>
  path.reduce<unknown>(
    (inner, part) =>
      inner !== null && typeof inner === 'object' && Object.hasOwn(inner, part)
        ? Reflect.get(inner, part)
        : undefined,
    value,
  )

/** The beginning of a bad value. YAML can tie a value into a ring, which has no text. */
function shown(input: unknown): string {
  if (typeof input === 'object' && input !== null) return Array.isArray(input) ? 'a list' : 'a mapping'
  return (typeof input === 'string' ? JSON.stringify(input) : String(input)).slice(0, 80)
}

function unknownKey(path: Place, key: string): Flaw {
  const shape = keysAt[path.map((part) => (typeof part === 'number' ? '*' : part)).join('.')] ?? {}
  const allowed = Object.keys(shape).join(', ')
  return { path: [...path, key], message: `unknown key; allowed are ${allowed}`, ofKey: true }
}

function flawsOf(issue: z.core.$ZodIssue, raw: unknown): Flaw[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol')
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key))
  if (issue.code === 'invalid_key')
    return [{ path, message: issue.issues[0]?.message ?? issue.message, ofKey: true }]
  const found = at(raw, path)
  if (found !== undefined) return [{ path, message: `${issue.message} (found ${shown(found)})` }]
  const expected = issue.message.replace(/^(Invalid input: )?(expected )?/, '').replace(/, received.*$/, '')
  return [{ path, message: `is missing; expected ${expected}` }]
}

/** A name stands for one rule in the audit trail, so refusals and rules share one set of names. */
function duplicateNames(
  lists: readonly (readonly [string, readonly ({ name: string } | null)[]])[],
  flaws: Flaw[],
) {
  const firsts = new Map<string, string>()
  for (const [list, rules] of lists) {
    for (const [index, rule] of rules.entries()) {
      if (!rule) continue
      const first = firsts.get(rule.name)
      if (first === undefined) firsts.set(rule.name, `${list}[${index}]`)
      else
        flaws.push({ path: [list, index, 'name'], message: `“${rule.name}” is the name of ${first} already` })
    }
  }
}

/** What can be said about the rules that are well formed while something else in the file is not. */
function flawsBeside(raw: unknown): Flaw[] {
  const rules = at(raw, ['rules'])
  const services = fileShape.shape.services.safeParse(at(raw, ['services']))
  const defaults = fileShape.shape.defaults.safeParse(at(raw, ['defaults']))
  if (!Array.isArray(rules) || !services.success || !defaults.success) return []
  const known = servicesOf(services.data)
  const good = rules.map((rule: unknown) => ruleShape.safeParse(rule).data ?? null)
  const flaws: Flaw[] = []
  duplicateNames([['rules', good]], flaws)
  for (const [index, rule] of good.entries())
    if (rule) ruleOf(defaults.data, rule, known, ['rules', index], flaws)
  return flaws
}

/** Far more than any policy needs; it bounds what a mistaken or hostile file can cost. */
const longestText = 500_000
const mostProblems = 50

const syntaxText = (error: YAMLError): string =>
  error.code === 'MULTIPLE_DOCS' ? 'there is more than one document in the file (---)' : error.message

/** Names that JavaScript gives a meaning of its own: the schema would overlook them, and a rule would lose a condition. */
function protoKeys(document: Document): number[] {
  const offsets: number[] = []
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key) && String(key.value) === '__proto__') offsets.push(key.range?.[0] ?? 0)
    },
  })
  return offsets
}

const bad = (problems: readonly PolicyProblem[]): PolicyAnswer => ({
  ok: false,
  problems: problems.slice(0, mostProblems),
})

/** Where a flaw stands: at the wrong key, at the wrong value, or at the nearest thing around what is missing. */
function offsetOf(document: Document, { path, ofKey }: Flaw): number {
  const around = ofKey ? document.getIn(path.slice(0, -1), true) : null
  if (isMap(around)) {
    const pair = around.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)))
    if (isNode(pair?.key) && pair.key.range) return pair.key.range[0]
  }
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return document.contents?.range?.[0] ?? 0
}

/**
 * Reads a policy file. `hash` identifies the exact text. All problems are named at once, each with its line,
 * its path, the bad value and what would be allowed.
 */
export function parsePolicy(text: string, hash: string): PolicyAnswer {
  const lines = new LineCounter()
  const problem = (offset: number, path: Place, message: string): PolicyProblem => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col), path: pathText(path), message }
  }
  if (text.length > longestText)
    return bad([problem(0, [], `the file is longer than ${longestText} characters`)])
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const { errors } = document
  if (errors.length > 0) return bad(errors.map((error) => problem(error.pos[0], [], syntaxText(error))))
  const forbidden = protoKeys(document)
  if (forbidden.length > 0)
    return bad(forbidden.map((offset) => problem(offset, [], '“__proto__” cannot be a name here')))
  let raw: unknown
  try {
    raw = document.toJS()
  } catch (error) {
    // An alias without its anchor, or aliases of aliases that would grow without end.
    return bad([problem(0, [], error instanceof Error ? error.message : String(error))])
  }
  const answer = policyOf(raw, hash)
  if ('rules' in answer) return { ok: true, policy: answer }
  return bad(answer.flaws.map((flaw) => problem(offsetOf(document, flaw), flaw.path, flaw.message)))
}

function policyOf(raw: unknown, hash: string): Policy | { flaws: readonly Flaw[] } {
  const parsed = fileShape.safeParse(raw)
  if (!parsed.success)
    return { flaws: [...parsed.error.issues.flatMap((issue) => flawsOf(issue, raw)), ...flawsBeside(raw)] }
  const file = parsed.data
  const flaws: Flaw[] = []
  const refusals = file.deny ?? []
  duplicateNames(
    [
      ['deny', refusals],
      ['rules', file.rules],
    ],
    flaws,
  )
  const services = servicesOf(file.services)
  const deny = refusals.map((rule, index) => denyOf(rule, services, ['deny', index], flaws))
  const rules = file.rules.map((rule, index) =>
    ruleOf(file.defaults, rule, services, ['rules', index], flaws),
  )
  if (flaws.length > 0) return { flaws }
  return {
    hash,
    services,
    deny,
    rules,
    auditChannel: file.audit.channel,
    pages: {
      channel: file.pages?.channel ?? file.audit.channel,
      users: file.pages?.users ?? [],
      groups: file.pages?.groups ?? [],
    },
    operators: { users: file.operators?.users ?? [], groups: file.operators?.groups ?? [] },
    addressWindowMs: file.address?.remember ?? defaultRemember,
    showTags: file.card?.showTags ?? [],
  }
}
