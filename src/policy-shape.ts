import { z } from 'zod'
import { parseSpan } from './core/duration.ts'
import { type Port, parsePort } from './core/service.ts'

const expectedDuration = 'expected a duration such as 30m, 2h or 1h30m'
const duration = z
  .union([z.string(), z.number()], { error: expectedDuration })
  .transform((value, context) => {
    const parsed = parseSpan(String(value))
    if (parsed.ok && parsed.span.kind === 'length') return parsed.span.ms
    context.addIssue({
      code: 'custom',
      message: `${parsed.ok ? 'A time of day is not a duration here.' : parsed.why} Write a duration such as 30m, 2h or 1h30m.`,
    })
    return z.NEVER
  })

const expectedPattern = 'expected a pattern such as vm-*, or a list of patterns'
const pattern = z.string().min(1, { error: expectedPattern })
/** One glob or a list of them. */
const globs = z
  .union([pattern, z.array(pattern).min(1, { error: expectedPattern })], { error: expectedPattern })
  .transform((value) => (typeof value === 'string' ? [value] : value))

const id = (form: RegExp, what: string) =>
  z.string({ error: `expected ${what}` }).regex(form, { error: `expected ${what}` })
const user = id(/^[UW][A-Z0-9]{2,}$/, 'a Slack user id such as U012ABCDEF')
const group = id(/^S[A-Z0-9]{2,}$/, 'a Slack user group id such as S012ABCDEF')
const channel = id(/^[CG][A-Z0-9]{2,}$/, 'a Slack channel id such as C012ABCDEF')
const people = z.strictObject({
  users: z.array(user).exactOptional(),
  groups: z.array(group).exactOptional(),
})
const expectedPort = 'expected a port such as 5432/tcp or 3389'
const port = z.union([z.string(), z.number()], { error: expectedPort }).transform((value, context): Port => {
  const parsed = parsePort(String(value))
  if (parsed) return parsed
  context.addIssue({ code: 'custom', message: expectedPort })
  return z.NEVER
})
const serviceName = 'a service’s name has small letters, digits and hyphens'

const vmShape = z.strictObject({
  name: globs.exactOptional(),
  resourceGroup: globs.exactOptional(),
  subscription: globs.exactOptional(),
  tags: z.record(z.string(), globs).exactOptional(),
})
export const ruleShape = z.strictObject({
  name: z.string().min(1).max(200),
  vm: vmShape.optional(),
  requester: people.optional(),
  services: z
    .array(z.union([z.string(), z.number()], { error: 'expected the name of a service, or a port' }))
    .min(1)
    .optional(),
  maxDuration: duration,
  approvals: z.int().min(0).max(20).default(1),
  approvers: people.optional(),
  channel: channel.optional(),
  deadline: duration.optional(),
})

const pagesShape = z.strictObject({
  channel: channel.optional(),
  users: z.array(user).max(20).optional(),
  groups: z.array(group).max(20).optional(),
})
const auditShape = z.strictObject({ channel })
const addressShape = z.strictObject({ remember: duration })
const cardShape = z.strictObject({ showTags: z.array(z.string().min(1)).max(10) })
const defaultsShape = z.strictObject({ channel: channel.optional(), deadline: duration.optional() })
export const fileShape = z.strictObject({
  version: z.literal(1, { error: 'expected 1, the version of the file’s form' }),
  audit: auditShape,
  pages: pagesShape.optional(),
  address: addressShape.optional(),
  card: cardShape.optional(),
  services: z
    .record(z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, { error: serviceName }), z.array(port).min(1))
    .optional(),
  defaults: defaultsShape.optional(),
  rules: z.array(ruleShape).min(1),
})

/** The keys that are right in each place; `*` stands for any one part of a path. */
export const keysAt: Readonly<Record<string, object>> = {
  '': fileShape.shape,
  audit: auditShape.shape,
  pages: pagesShape.shape,
  address: addressShape.shape,
  card: cardShape.shape,
  defaults: defaultsShape.shape,
  'rules.*': ruleShape.shape,
  'rules.*.vm': vmShape.shape,
  'rules.*.requester': people.shape,
  'rules.*.approvers': people.shape,
}
