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
import type { Policy, PolicyRule } from './core/policy.ts'
import { builtInServices, type Port, parsePorts, type Service } from './core/service.ts'
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

type File = z.infer<typeof fileShape>
type FileRule = File['rules'][number]
type Defaults = File['defaults']
type Services = readonly Service[]
type Place = readonly (string | number)[]
interface Flaw {
  readonly path: Place
  readonly message: string
  /** The path ends in a key that should not be there: its place is the key's own. */
  readonly ofKey?: boolean
}

const hour = 3_600_000
const defaultRemember = 12 * hour
const defaultDeadline = hour

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

function servicesOf(named: File['services']): Services {
  const own = Object.entries(named ?? {}).map(([name, ports]) => ({ name, ports }))
  return [...builtInServices.filter((builtIn) => !own.some(({ name }) => name === builtIn.name)), ...own]
}

function portsOf(rule: FileRule, services: Services, path: Place, flaws: Flaw[]): Port[] | undefined {
  if (!rule.services) return undefined
  return rule.services.flatMap((word, index) => {
    const parsed = parsePorts(String(word), services)
    if (parsed.ok) return parsed.value.ports
    const names = services.map((service) => service.name).join(', ')
    flaws.push({
      path: [...path, 'services', index],
      message: `unknown service “${parsed.unknown}”; allowed are ${names}, or a port such as 443/tcp`,
    })
    return []
  })
}

function ruleOf(
  defaults: Defaults,
  rule: FileRule,
  services: Services,
  path: Place,
  flaws: Flaw[],
): PolicyRule {
  const users = rule.approvers?.users ?? []
  const groups = rule.approvers?.groups ?? []
  if (rule.approvals > 0 && users.length + groups.length === 0) {
    flaws.push({ path, message: 'nobody can approve: name approvers, or set approvals to 0' })
  } else if (groups.length === 0 && rule.approvals > new Set(users).size) {
    flaws.push({
      path: [...path, 'approvals'],
      message: `asks for ${rule.approvals} approvals, but names only ${new Set(users).size} approver(s)`,
    })
  }
  const to = rule.channel ?? defaults?.channel
  if (to === undefined)
    flaws.push({ path: [...path, 'channel'], message: 'is missing, and defaults.channel is not set' })
  const ports = portsOf(rule, services, path, flaws)
  return {
    name: rule.name,
    match: {
      vm: rule.vm ?? {},
      requester: rule.requester ?? {},
      ...(ports && { ports }),
    },
    terms: {
      rule: rule.name,
      maxDurationMs: rule.maxDuration,
      approvers: { users, groups },
      approvals: rule.approvals,
      channel: to ?? '',
      deadlineMs: rule.deadline ?? defaults?.deadline ?? defaultDeadline,
    },
  }
}

function duplicateNames(rules: readonly (FileRule | null)[], flaws: Flaw[]): void {
  const firsts = new Map<string, number>()
  for (const [index, rule] of rules.entries()) {
    const first = firsts.get(rule?.name ?? '')
    if (rule && first === undefined) firsts.set(rule.name, index)
    if (first === undefined) continue
    const message = `“${rule?.name}” is the name of rules[${first}] already`
    flaws.push({ path: ['rules', index, 'name'], message })
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
  duplicateNames(good, flaws)
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
  duplicateNames(file.rules, flaws)
  const services = servicesOf(file.services)
  const rules = file.rules.map((rule, index) =>
    ruleOf(file.defaults, rule, services, ['rules', index], flaws),
  )
  if (flaws.length > 0) return { flaws }
  return {
    hash,
    services,
    rules,
    auditChannel: file.audit.channel,
    pages: {
      channel: file.pages?.channel ?? file.audit.channel,
      users: file.pages?.users ?? [],
      groups: file.pages?.groups ?? [],
    },
    addressWindowMs: file.address?.remember ?? defaultRemember,
    showTags: file.card?.showTags ?? [],
  }
}
