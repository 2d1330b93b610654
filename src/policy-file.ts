import { isNode, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { parseSpan } from './core/duration.ts'
import type { Policy, PolicyRule } from './core/policy.ts'
import { builtInServices, type Port, parsePort, parsePorts, type Service } from './core/service.ts'

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

const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const parsed = parseSpan(String(value))
  if (parsed.ok && parsed.span.kind === 'length') return parsed.span.ms
  context.addIssue({
    code: 'custom',
    message: `${parsed.ok ? 'a time of day is not a duration here' : parsed.why} Write a duration such as 30m, 2h or 1h30m.`,
  })
  return z.NEVER
})

/** One glob or a list of them. */
const globs = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
    error: 'expected a pattern such as vm-*, or a list of patterns',
  })
  .transform((value) => (typeof value === 'string' ? [value] : value))

const id = (form: RegExp, what: string) =>
  z.string({ error: `expected ${what}` }).regex(form, { error: `expected ${what}` })
const user = id(/^[UW][A-Z0-9]{2,}$/, 'a Slack user id such as U012ABCDEF')
const group = id(/^S[A-Z0-9]{2,}$/, 'a Slack user group id such as S012ABCDEF')
const channel = id(/^[CG][A-Z0-9]{2,}$/, 'a Slack channel id such as C012ABCDEF')
const people = z.strictObject({ users: z.array(user).optional(), groups: z.array(group).optional() })
const port = z.union([z.string(), z.number()]).transform((value, context): Port => {
  const parsed = parsePort(String(value))
  if (parsed) return parsed
  context.addIssue({ code: 'custom', message: 'expected a port such as 5432/tcp or 3389' })
  return z.NEVER
})

const ruleShape = z.strictObject({
  name: z.string().min(1).max(200),
  vm: z
    .strictObject({
      name: globs.optional(),
      resourceGroup: globs.optional(),
      subscription: globs.optional(),
      tags: z.record(z.string(), globs).optional(),
    })
    .optional(),
  requester: people.optional(),
  services: z
    .array(z.union([z.string(), z.number()]))
    .min(1)
    .optional(),
  maxDuration: duration,
  approvals: z.int().min(0).max(20).default(1),
  approvers: people.optional(),
  channel: channel.optional(),
  deadline: duration.optional(),
})

const fileShape = z.strictObject({
  version: z.literal(1, { error: 'expected 1, the version of the file’s form' }),
  audit: z.strictObject({ channel }),
  address: z.strictObject({ remember: duration }).optional(),
  card: z.strictObject({ showTags: z.array(z.string().min(1)).max(10) }).optional(),
  services: z
    .record(
      z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,30}$/, { error: 'a service’s name has small letters, digits and hyphens' }),
      z.array(port).min(1),
    )
    .optional(),
  defaults: z.strictObject({ channel: channel.optional(), deadline: duration.optional() }).optional(),
  rules: z.array(ruleShape).min(1),
})

type File = z.infer<typeof fileShape>
type FileRule = File['rules'][number]
type Place = readonly (string | number)[]
interface Flaw {
  readonly path: Place
  readonly message: string
}

const hour = 3_600_000
const defaultRemember = 12 * hour
const defaultDeadline = hour

const pathText = (path: Place): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${part}` : part),
    '',
  )

/** A union's own message says little; what its alternatives wanted says more. */
function issueText(issue: z.core.$ZodIssue, input: unknown): string {
  const shown = input === undefined ? '' : ` (found ${JSON.stringify(input)?.slice(0, 80)})`
  if (issue.code === 'unrecognized_keys')
    return `unknown key ${issue.keys.map((key) => `“${key}”`).join(', ')}`
  if (issue.code === 'invalid_type' && input === undefined) return `is missing (expected ${issue.expected})`
  return `${issue.message}${shown}`
}

const at = (value: unknown, path: Place): unknown =>
  path.reduce<unknown>(
    (inner, part) => (inner !== null && typeof inner === 'object' ? Reflect.get(inner, part) : undefined),
    value,
  )

/** The keys that would have been right where an unknown one stands. */
function allowedKeys(path: Place): string {
  const [first, , third] = path
  const shape =
    path.length === 0
      ? fileShape.shape
      : first === 'rules' && third === undefined
        ? ruleShape.shape
        : third === 'vm'
          ? { name: 0, resourceGroup: 0, subscription: 0, tags: 0 }
          : third === 'requester' || third === 'approvers'
            ? people.shape
            : null
  return shape ? `; allowed are ${Object.keys(shape).join(', ')}` : ''
}

function servicesOf(file: File): readonly Service[] {
  const own = Object.entries(file.services ?? {}).map(([name, ports]) => ({ name, ports }))
  return [...builtInServices.filter((builtIn) => !own.some(({ name }) => name === builtIn.name)), ...own]
}

function portsOf(
  rule: FileRule,
  services: readonly Service[],
  path: Place,
  flaws: Flaw[],
): Port[] | undefined {
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
  file: File,
  rule: FileRule,
  services: readonly Service[],
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
  const to = rule.channel ?? file.defaults?.channel
  if (to === undefined)
    flaws.push({ path: [...path, 'channel'], message: 'is missing, and defaults.channel is not set' })
  const ports = portsOf(rule, services, path, flaws)
  const { name, resourceGroup, subscription, tags } = rule.vm ?? {}
  return {
    name: rule.name,
    match: {
      vm: {
        ...(name && { name }),
        ...(resourceGroup && { resourceGroup }),
        ...(subscription && { subscription }),
        ...(tags && { tags }),
      },
      requester: {
        ...(rule.requester?.users && { users: rule.requester.users }),
        ...(rule.requester?.groups && { groups: rule.requester.groups }),
      },
      ...(ports && { ports }),
    },
    terms: {
      rule: rule.name,
      maxDurationMs: rule.maxDuration,
      approvers: { users, groups },
      approvals: rule.approvals,
      channel: to ?? '',
      deadlineMs: rule.deadline ?? file.defaults?.deadline ?? defaultDeadline,
    },
  }
}

function duplicateNames(rules: readonly FileRule[], flaws: Flaw[]): void {
  for (const [index, rule] of rules.entries()) {
    const first = rules.findIndex((other) => other.name === rule.name)
    if (first < index)
      flaws.push({
        path: ['rules', index, 'name'],
        message: `“${rule.name}” is the name of rules[${first}] already`,
      })
  }
}

/**
 * Reads a policy file. `hash` identifies the exact text. All problems are named at once, each with its line,
 * its path, the bad value and what would be allowed.
 */
export function parsePolicy(text: string, hash: string): PolicyAnswer {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const locate = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const problem = (flaw: Flaw): PolicyProblem => {
    // The nearest enclosing thing that is there: a missing key has no place of its own.
    for (let length = flaw.path.length; length >= 0; length -= 1) {
      const node = length === 0 ? document.contents : document.getIn(flaw.path.slice(0, length), true)
      if (isNode(node) && node.range)
        return { ...locate(node.range[0]), path: pathText(flaw.path), message: flaw.message }
    }
    return { line: 1, column: 1, path: pathText(flaw.path), message: flaw.message }
  }
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      ...locate(error.pos[0]),
      path: '',
      message: error.message,
    }))
    return { ok: false, problems }
  }
  const raw: unknown = document.toJS()
  const parsed = fileShape.safeParse(raw)
  if (!parsed.success)
    return { ok: false, problems: parsed.error.issues.map((issue) => problem(flawOf(issue, raw))) }
  const file = parsed.data
  const flaws: Flaw[] = []
  duplicateNames(file.rules, flaws)
  const services = servicesOf(file)
  const rules = file.rules.map((rule, index) => ruleOf(file, rule, services, ['rules', index], flaws))
  if (flaws.length > 0) return { ok: false, problems: flaws.map(problem) }
  const policy: Policy = {
    hash,
    services,
    rules,
    auditChannel: file.audit.channel,
    addressWindowMs: file.address?.remember ?? defaultRemember,
    showTags: file.card?.showTags ?? [],
  }
  return { ok: true, policy }
}

function flawOf(issue: z.core.$ZodIssue, raw: unknown): Flaw {
  const path = issue.path.filter((part) => typeof part !== 'symbol')
  const hint = issue.code === 'unrecognized_keys' ? allowedKeys(path) : ''
  return { path, message: `${issueText(issue, at(raw, path))}${hint}` }
}
