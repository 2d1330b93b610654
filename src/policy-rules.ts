import type { z } from 'zod'
import type {
  Approvers,
  DenyRule,
  Extension,
  Match,
  PolicyRule,
  ReasonNeed,
  RequesterMatch,
  SourceMatch,
  Stage,
  TimeMatch,
  VmMatch,
} from './core/policy.ts'
import { type Band, defaultBand } from './core/priority.ts'
import { builtInServices, type Port, parsePorts, type Service } from './core/service.ts'
import type { denyShape, fileShape, ruleShape } from './policy-shape.ts'
import type { Flaw, Place } from './policy-yaml.ts'

type File = z.infer<typeof fileShape>
export type FileRule = z.infer<typeof ruleShape>
export type FileDeny = z.infer<typeof denyShape>
type Defaults = File['defaults']
type Services = readonly Service[]

const defaultDeadline = 3_600_000

export function servicesOf(named: File['services']): Services {
  const own = Object.entries(named ?? {}).map(([name, ports]) => ({ name, ports }))
  return [...builtInServices.filter((builtIn) => !own.some(({ name }) => name === builtIn.name)), ...own]
}

/** Gathers flaws of one place in the file. */
interface Pen {
  readonly at: (path: Place, message: string) => void
  readonly services: Services
}

const penFor = (place: Place, services: Services, flaws: Flaw[]): Pen => ({
  at: (path, message) => void flaws.push({ path: [...place, ...path], message }),
  services,
})

function portsOf(words: FileRule['services'], pen: Pen): Port[] | undefined {
  return words?.flatMap((word, index) => {
    const parsed = parsePorts(String(word), pen.services)
    if (parsed.ok) return parsed.value.ports
    const names = pen.services.map((service) => service.name).join(', ')
    pen.at(
      ['services', index],
      `unknown service “${parsed.unknown}”; allowed are ${names}, or a port such as 443/tcp`,
    )
    return []
  })
}

type FileTime = NonNullable<FileRule['time']>

function timeOf(time: FileTime | undefined, pen: Pen): TimeMatch | undefined {
  if (!time) return undefined
  const { not: _, zone, ...rest } = time
  if (zone !== undefined) return { ...rest, zone }
  if (rest.days || rest.hours)
    pen.at(['time', 'zone'], 'is missing; expected a time zone such as Europe/Berlin')
  return undefined
}

type FileMatch = Pick<FileRule, 'vm' | 'requester' | 'services' | 'source' | 'time' | 'duration'>

/** What stands under a `not` in the file stands under one `not` of the whole match. */
function matchOf({ vm, requester, services, source, time, duration }: FileMatch, pen: Pen): Match {
  const { not: notVm, ...vmMatch }: VmMatch & { not?: VmMatch } = vm ?? {}
  const { not: notRequester, ...requesterMatch }: RequesterMatch & { not?: RequesterMatch } = requester ?? {}
  const { not: notSource, ...sourceMatch }: SourceMatch & { not?: SourceMatch } = source ?? {}
  const notTime = time?.not
  const ports = portsOf(services, pen)
  const timeMatch = timeOf(time, pen)
  const not = {
    ...(notVm && { vm: notVm }),
    ...(notRequester && { requester: notRequester }),
    ...(notSource && { source: notSource }),
    ...(notTime && { time: notTime }),
  }
  return {
    vm: vmMatch,
    requester: requesterMatch,
    ...(ports && { ports }),
    ...(Object.keys(sourceMatch).length > 0 && { source: sourceMatch }),
    ...(timeMatch && { time: timeMatch }),
    ...(duration && {
      duration: {
        ...(duration.atLeast !== undefined && { atLeastMs: duration.atLeast }),
        ...(duration.atMost !== undefined && { atMostMs: duration.atMost }),
      },
    }),
    ...(Object.keys(not).length > 0 && { not }),
  }
}

type FileApprovers = NonNullable<FileRule['approvers']>

const approversOf = ({ users = [], groups = [], ownerTag, onCall }: FileApprovers): Approvers => ({
  users,
  groups,
  ...(ownerTag !== undefined && { ownerTag }),
  ...(onCall && { onCall }),
})

/** How many different people, or voices, are named; endless when a list of them is kept elsewhere. */
function mostYeses({ approvers, fromDifferentGroups }: Stage): number {
  const { users, groups, ownerTag, onCall } = approvers
  const named = new Set(users).size
  if (ownerTag !== undefined || onCall) return Number.POSITIVE_INFINITY
  if (fromDifferentGroups) return named + new Set(groups).size
  return groups.length > 0 ? Number.POSITIVE_INFINITY : named
}

function checkStage(stage: Stage, path: Place, pen: Pen): void {
  const most = mostYeses(stage)
  if (most === 0) pen.at(path, 'nobody can approve: name approvers, or set approvals to 0')
  else if (stage.approvals > most) {
    const what = stage.fromDifferentGroups ? 'group(s) and approver(s)' : 'approver(s)'
    pen.at([...path, 'approvals'], `asks for ${stage.approvals} approvals, but names only ${most} ${what}`)
  }
}

type Given = Pick<FileRule, 'approvals' | 'approvers' | 'fromDifferentGroups'>

function oneStage(given: Given, pen: Pen): Stage[] {
  const { approvals = 1, approvers, fromDifferentGroups = false } = given
  if (approvals === 0) return []
  const stage = { approvers: approversOf(approvers ?? {}), approvals, fromDifferentGroups }
  checkStage(stage, [], pen)
  return [stage]
}

/** A rule's own word replaces the default as a whole; stages and the short form replace each other too. */
function stagesOf(defaults: Defaults, rule: FileRule, pen: Pen): Stage[] {
  const { approvals, approvers, fromDifferentGroups, stages } = rule
  const short = approvals !== undefined || approvers !== undefined || fromDifferentGroups !== undefined
  if (stages && short)
    pen.at(['stages'], 'takes the place of approvals, approvers and fromDifferentGroups: use one form')
  const chosen = stages ?? (short ? undefined : defaults?.stages)
  if (!chosen) {
    const given: Given = {
      approvals: approvals ?? defaults?.approvals,
      approvers: approvers ?? defaults?.approvers,
      fromDifferentGroups: fromDifferentGroups ?? defaults?.fromDifferentGroups,
    }
    return oneStage(given, pen)
  }
  return chosen.map((one, index) => {
    const stage = { ...one, approvers: approversOf(one.approvers) }
    checkStage(stage, stages ? ['stages', index] : [], pen)
    return stage
  })
}

function reasonOf(reason: FileRule['reason']): ReasonNeed {
  if (reason === undefined || reason === 'optional') return { kind: 'optional' }
  if (reason === 'required') return { kind: 'required' }
  return { kind: 'pattern', globs: reason.pattern, help: reason.help }
}

function extensionOf(extend: FileRule['extend']): Extension {
  if (extend === undefined || extend === 'same') return { kind: 'same' }
  return extend === 'none' ? { kind: 'none' } : { kind: 'free once', mostMs: extend.freeOnce }
}

type Escalation = PolicyRule['terms']['escalation']

function escalationOf(escalate: FileRule['escalate'], deadlineMs: number, pen: Pen): Escalation {
  if (!escalate) return undefined
  if (escalate.after >= deadlineMs) pen.at(['escalate', 'after'], 'must be shorter than the deadline')
  return { afterMs: escalate.after, approvers: approversOf(escalate.approvers) }
}

/** Defender for Cloud writes its own rules at 100 to 110, so a band needs more than those. */
function bandOf(given: FileRule['priorities'], pen: Pen): Band | undefined {
  if (!given) return undefined
  const { from = defaultBand.from, to = defaultBand.to, beatDenies = false } = given
  if (from > to) pen.at(['priorities'], `goes from ${from} to ${to}, which is backwards`)
  else if (to <= 110) pen.at(['priorities', 'to'], 'must be more than 110, because 100 to 110 are Defender’s')
  return { from, to, ...(beatDenies && { beatDenies }) }
}

export function ruleOf(
  defaults: Defaults,
  rule: FileRule,
  services: Services,
  place: Place,
  flaws: Flaw[],
): PolicyRule {
  const pen = penFor(place, services, flaws)
  const stages = stagesOf(defaults, rule, pen)
  const channel = rule.channel ?? defaults?.channel
  if (channel === undefined) pen.at(['channel'], 'is missing, and defaults.channel is not set')
  const maxDurationMs = rule.maxDuration ?? defaults?.maxDuration
  if (maxDurationMs === undefined)
    pen.at(
      ['maxDuration'],
      'is missing, and defaults.maxDuration is not set; expected a duration such as 30m, 2h or 1h30m',
    )
  if (rule.quota && stages.length > 0)
    pen.at(['quota'], 'counts what the rule grants by itself, so it needs approvals: 0')
  const maxAddresses = rule.maxAddresses ?? defaults?.maxAddresses
  const deadlineMs = rule.deadline ?? defaults?.deadline ?? defaultDeadline
  const priorities = bandOf(rule.priorities ?? defaults?.priorities, pen)
  const way = rule.way ?? defaults?.way
  const escalation = escalationOf(rule.escalate ?? defaults?.escalate, deadlineMs, pen)
  return {
    name: rule.name,
    match: {
      ...matchOf(rule, pen),
      ...(rule.requireAzureRole !== undefined && { azureRole: rule.requireAzureRole }),
    },
    reason: reasonOf(rule.reason ?? defaults?.reason),
    quota: rule.quota ?? {},
    extension: extensionOf(rule.extend ?? defaults?.extend),
    ...(rule.breakGlass && {
      breakGlass: {
        maxDurationMs: rule.breakGlass.maxDuration,
        reviewers: approversOf(rule.breakGlass.reviewers),
      },
    }),
    ...(maxAddresses !== undefined && { maxAddresses }),
    terms: {
      rule: rule.name,
      maxDurationMs: maxDurationMs ?? 0,
      stages,
      selfApproval: rule.selfApproval ?? defaults?.selfApproval ?? false,
      channel: channel ?? '',
      deadlineMs,
      ...(priorities && { priorities }),
      ...(rule.flushConnections && { flushConnections: true }),
      ...(escalation && stages.length > 0 && { escalation }),
      ...(way && { way }),
    },
  }
}

export const denyOf = (rule: FileDeny, services: Services, place: Place, flaws: Flaw[]): DenyRule => ({
  name: rule.name,
  match: matchOf(rule, penFor(place, services, flaws)),
})
