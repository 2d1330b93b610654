import { z } from 'zod'
import { parseSpan } from './core/duration.ts'
import { isRange, waysLearnt } from './core/source.ts'
import { isZone, parseDays, parseHours } from './core/time-window.ts'

const expectedDuration = 'expected a duration such as 30m, 2h or 1h30m'
export const duration = z
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
export const globs = z
  .union([pattern, z.array(pattern).min(1, { error: expectedPattern })], { error: expectedPattern })
  .transform((value) => (typeof value === 'string' ? [value] : value))

const id = (form: RegExp, what: string) =>
  z.string({ error: `expected ${what}` }).regex(form, { error: `expected ${what}` })
export const user = id(/^[UW][A-Z0-9]{2,}$/, 'a Slack user id such as U012ABCDEF')
export const group = id(/^S[A-Z0-9]{2,}$/, 'a Slack user group id such as S012ABCDEF')
export const channel = id(/^[CG][A-Z0-9]{2,}$/, 'a Slack channel id such as C012ABCDEF')
export const entraGroup = z.guid({ error: 'expected the object id of an Entra group' })
const expectedRole =
  'expected the name of an Azure role such as Virtual Machine Contributor, or the id of its definition'
/** A role's name may hold a slash, but does not begin with one. */
const definitionForm =
  /^(?:\/(?:subscriptions\/[^/]+\/)?providers\/microsoft\.authorization\/roledefinitions\/[0-9a-f-]{36}|[^/].*)$/i
export const azureRole = z
  .string({ error: expectedRole })
  .trim()
  .min(1, { error: expectedRole })
  .max(512, { error: expectedRole })
  .regex(definitionForm, { error: expectedRole })
const requesterLists = {
  users: z.array(user).exactOptional(),
  groups: z.array(group).exactOptional(),
  entraGroups: z.array(entraGroup).exactOptional(),
}

const expectedRange = 'expected a range such as 81.2.69.0/24 or 2a00:1450::/32'
const range = z.string({ error: expectedRange }).refine((text) => isRange(text), { error: expectedRange })
const sourceLists = {
  kind: z.array(z.enum(waysLearnt)).min(1).exactOptional(),
  within: z.array(range).min(1).exactOptional(),
}

const expectedDays = 'expected days such as mon, tue or mon-fri'
const days = z
  .union([z.string(), z.array(z.string())], { error: expectedDays })
  .transform((value, context): readonly number[] => {
    const found = parseDays(typeof value === 'string' ? [value] : value)
    if (found) return found
    context.addIssue({ code: 'custom', message: expectedDays })
    return z.NEVER
  })
const expectedHours = 'expected hours such as 08:00-18:00'
const hours = z.string({ error: expectedHours }).transform((text, context) => {
  const found = parseHours(text)
  if (found) return found
  context.addIssue({ code: 'custom', message: expectedHours })
  return z.NEVER
})
const expectedZone = 'expected a time zone such as Europe/Berlin'
const zone = z.string({ error: expectedZone }).refine((name) => isZone(name), { error: expectedZone })
const timeLists = { days: days.exactOptional(), hours: hours.exactOptional(), zone }

const os = z.enum(['windows', 'linux'], { error: 'expected windows or linux' })
const vmLists = {
  name: globs.exactOptional(),
  resourceGroup: globs.exactOptional(),
  subscription: globs.exactOptional(),
  tenant: globs.exactOptional(),
  region: globs.exactOptional(),
  os: z
    .union([os, z.array(os).min(1)], { error: 'expected windows or linux' })
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .exactOptional(),
  tags: z.record(z.string(), globs).exactOptional(),
}
const notVm = z.strictObject(vmLists)
const vmShape = z.strictObject({ ...vmLists, not: notVm.exactOptional() })
const notRequester = z.strictObject(requesterLists)
const requesterShape = z.strictObject({ ...requesterLists, not: notRequester.exactOptional() })
const notSource = z.strictObject(sourceLists)
const sourceShape = z.strictObject({ ...sourceLists, not: notSource.exactOptional() })
const notTime = z.strictObject(timeLists)
const timeShape = z.strictObject({ ...timeLists, zone: zone.optional(), not: notTime.exactOptional() })
const durationShape = z.strictObject({ atLeast: duration.optional(), atMost: duration.optional() })

/** What a rule may ask; every part may be left out. */
export const match = {
  vm: vmShape.optional(),
  requester: requesterShape.optional(),
  services: z
    .array(z.union([z.string(), z.number()], { error: 'expected the name of a service, or a port' }))
    .min(1)
    .optional(),
  source: sourceShape.optional(),
  time: timeShape.optional(),
  duration: durationShape.optional(),
}

/** The keys that are right in each place of a match. */
export const matchKeys = (place: string): Record<string, object> => ({
  [`${place}.vm`]: vmShape.shape,
  [`${place}.vm.not`]: notVm.shape,
  [`${place}.requester`]: requesterShape.shape,
  [`${place}.requester.not`]: notRequester.shape,
  [`${place}.source`]: sourceShape.shape,
  [`${place}.source.not`]: notSource.shape,
  [`${place}.time`]: timeShape.shape,
  [`${place}.time.not`]: notTime.shape,
  [`${place}.duration`]: durationShape.shape,
})
