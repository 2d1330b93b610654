import { z } from 'zod'
import { type Port, parsePort } from './core/service.ts'
import { widestRange } from './core/source.ts'
import { isZone } from './core/time-window.ts'
import { addressShape } from './policy-address.ts'
import { azureRole, channel, duration, globs, group, match, matchKeys, user } from './policy-match-shape.ts'

const expectedPort = 'expected a port such as 5432/tcp or 3389'
const port = z.union([z.string(), z.number()], { error: expectedPort }).transform((value, context): Port => {
  const parsed = parsePort(String(value))
  if (parsed) return parsed
  context.addIssue({ code: 'custom', message: expectedPort })
  return z.NEVER
})
const serviceName = 'a service’s name has small letters, digits and hyphens'

const patternReason = z.strictObject({ pattern: globs, help: z.string().min(1).max(300) })
const reason = z.union([z.enum(['optional', 'required']), patternReason], {
  error: 'expected optional, required, or a pattern with its help',
})
const quotaShape = z.strictObject({
  perPerson: z.int().min(0).exactOptional(),
  perVm: z.int().min(0).exactOptional(),
  perRule: z.int().min(0).exactOptional(),
})
const tagName = z.string().min(1).max(512)
const schedule = z
  .string()
  .regex(/^[A-Z0-9]{4,20}$/, { error: 'expected the id of a schedule such as PABC123' })
const approversShape = z.strictObject({
  users: z.array(user).exactOptional(),
  groups: z.array(group).exactOptional(),
  ownerTag: tagName.exactOptional(),
  onCall: z.array(schedule).min(1).exactOptional(),
})
const approvals = z.int().min(0).max(20)
const stageShape = z.strictObject({
  approvers: approversShape,
  approvals: approvals.min(1).default(1),
  fromDifferentGroups: z.boolean().default(false),
})
const escalateShape = z.strictObject({ after: duration, approvers: approversShape })
const breakGlassShape = z.strictObject({ maxDuration: duration, reviewers: approversShape })
const priority = z.int().min(100).max(4096)
const prioritiesShape = z.strictObject({
  from: priority.exactOptional(),
  to: priority.exactOptional(),
  beatDenies: z.boolean().exactOptional(),
})
const freeOnce = z.strictObject({ freeOnce: duration })
const extend = z.union([z.enum(['same', 'none']), freeOnce], {
  error: 'expected same, none, or freeOnce with a duration',
})
const way = z.enum(['nsg', 'defender'])
const wayShape = z.strictObject({
  prefer: way.exactOptional(),
  otherwise: z.enum(['nsg', 'refuse']).exactOptional(),
})
/** What a rule says about its answer; `defaults` may say it for every rule. */
const answerShape = {
  maxDuration: duration.optional(),
  maxAddresses: z.int().min(1).max(widestRange).optional(),
  approvals: approvals.optional(),
  approvers: approversShape.optional(),
  fromDifferentGroups: z.boolean().optional(),
  stages: z.array(stageShape).min(1).max(5).optional(),
  selfApproval: z.boolean().optional(),
  reason: reason.optional(),
  channel: channel.optional(),
  deadline: duration.optional(),
  escalate: escalateShape.optional(),
  extend: extend.optional(),
  priorities: prioritiesShape.optional(),
  way: wayShape.optional(),
}
const ruleName = z.string().min(1).max(200)
export const denyShape = z.strictObject({ name: ruleName, ...match })
export const ruleShape = z.strictObject({
  name: ruleName,
  ...match,
  ...answerShape,
  requireAzureRole: azureRole.optional(),
  quota: quotaShape.optional(),
  breakGlass: breakGlassShape.optional(),
  flushConnections: z.boolean().optional(),
})

const pagesShape = z.strictObject({
  channel: channel.optional(),
  users: z.array(user).max(20).optional(),
  groups: z.array(group).max(20).optional(),
})
const operatorsShape = z.strictObject({
  users: z.array(user).exactOptional(),
  groups: z.array(group).exactOptional(),
})
const auditShape = z.strictObject({ channel })
const cardShape = z.strictObject({ showTags: z.array(z.string().min(1)).max(10) })
const dayNames = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
const expectedDay = 'expected a day such as monday or mon'
const digestShape = z.strictObject({
  channel,
  day: z
    .string({ error: expectedDay })
    .transform((word, context): number => {
      const small = word.trim().toLowerCase()
      const at = dayNames.findIndex((name) => small === name || small === name.slice(0, 3))
      if (at >= 0) return at + 1
      context.addIssue({ code: 'custom', message: expectedDay })
      return z.NEVER
    })
    .default(1),
  hour: z.int().min(0).max(23).default(9),
  zone: z.string().refine((name) => isZone(name), { error: 'expected a time zone such as Europe/Berlin' }),
})
const defaultsShape = z.strictObject(answerShape)
export const fileShape = z.strictObject({
  version: z.literal(1, { error: 'expected 1, the version of the file’s form' }),
  audit: auditShape,
  pages: pagesShape.optional(),
  operators: operatorsShape.optional(),
  address: addressShape.optional(),
  card: cardShape.optional(),
  digest: digestShape.optional(),
  services: z
    .record(z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, { error: serviceName }), z.array(port).min(1))
    .optional(),
  defaults: defaultsShape.optional(),
  deny: z.array(denyShape).optional(),
  rules: z.array(ruleShape).min(1),
})

const answerKeys = (place: string): Record<string, object> => ({
  [`${place}.approvers`]: approversShape.shape,
  [`${place}.stages.*`]: stageShape.shape,
  [`${place}.stages.*.approvers`]: approversShape.shape,
  [`${place}.escalate`]: escalateShape.shape,
  [`${place}.escalate.approvers`]: approversShape.shape,
  [`${place}.breakGlass`]: breakGlassShape.shape,
  [`${place}.breakGlass.reviewers`]: approversShape.shape,
  [`${place}.extend`]: freeOnce.shape,
  [`${place}.reason`]: patternReason.shape,
  [`${place}.quota`]: quotaShape.shape,
  [`${place}.priorities`]: prioritiesShape.shape,
  [`${place}.way`]: wayShape.shape,
})

/** The keys that are right in each place; `*` stands for any one part of a path. */
export const keysAt: Readonly<Record<string, object>> = {
  '': fileShape.shape,
  audit: auditShape.shape,
  pages: pagesShape.shape,
  operators: operatorsShape.shape,
  address: addressShape.shape,
  card: cardShape.shape,
  digest: digestShape.shape,
  defaults: defaultsShape.shape,
  'rules.*': ruleShape.shape,
  'deny.*': denyShape.shape,
  ...answerKeys('rules.*'),
  ...matchKeys('rules.*'),
  ...matchKeys('deny.*'),
  ...answerKeys('defaults'),
}
