import type { RoleAnswer } from './azure-role.ts'
import { allOrNone, among, type Check, type Facts, type Fit, unknown } from './check.ts'
import { durationText } from './duration.ts'
import type { DurationMatch, Match, RequesterMatch, SourceMatch, Subject, TimeMatch } from './policy.ts'
import { covers, type Port, portsText } from './service.ts'
import { type Range, rangeOf } from './source.ts'
import { momentText, timeFit, timeText } from './time-window.ts'
import { vmChecks } from './vm-checks.ts'

/** Those groups of a match that could not be read. */
const unreadIn = ({ groups = [] }: RequesterMatch, { unknownGroups = [] }: Subject): readonly string[] =>
  groups.filter((id) => unknownGroups.includes(id))

const unreadText = (groups: readonly string[]): string =>
  groups.length === 1
    ? `the group ${groups[0]} could not be read in Slack, so whether they are in it is not known`
    : `the groups ${groups.join(', ')} could not be read in Slack, so whether they are in one of them is not known`

/** Those Entra groups of a match that Entra does not know. */
const goneIn = (
  { entraGroups = [] }: RequesterMatch,
  { unknownEntraGroups = [] }: Subject,
): readonly string[] => entraGroups.filter((id) => unknownEntraGroups.includes(id))

const goneText = (groups: readonly string[]): string =>
  groups.length === 1
    ? `Entra does not know the group ${groups[0]}, so whether they are in it is not known`
    : `Entra does not know the groups ${groups.join(', ')}, so whether they are in one of them is not known`

function requesterCheck(match: RequesterMatch): Check[] {
  const { users, groups, entraGroups } = match
  if (!users && !groups && !entraGroups) return []
  const named = new Set(users)
  const inGroup = (subject: Subject) => groups?.find((id) => subject.groups.includes(id))
  const inEntra = (subject: Subject) => entraGroups?.find((id) => subject.entraGroups?.includes(id))
  return [
    {
      what: 'the requester',
      fit: ({ subject }) => {
        if (named.has(subject.requester.userId) || inGroup(subject) !== undefined) return 'all'
        if (inEntra(subject) !== undefined) return 'all'
        if (entraGroups && subject.entraGroups === null) return 'some'
        return unreadIn(match, subject).length + goneIn(match, subject).length > 0 ? 'some' : 'none'
      },
      because: ({ subject }, fit) => {
        if (named.has(subject.requester.userId)) return 'named in the rule'
        const group = inGroup(subject) ?? inEntra(subject)
        if (group !== undefined) return `in the group ${group}`
        const unread = unreadIn(match, subject)
        if (fit === 'some' && unread.length > 0) return unreadText(unread)
        const gone = goneIn(match, subject)
        if (fit === 'some' && gone.length > 0) return goneText(gone)
        if (fit === 'some') return 'whether they are in one of its Entra groups is not known'
        return 'neither named in the rule nor in one of its groups'
      },
    },
  ]
}

const roleText: Readonly<Record<RoleAnswer, (role: string) => string>> = {
  held: (role) => `they hold ${role} on this VM`,
  'not held': (role) => `they do not hold ${role} on this VM`,
  denied: (role) => `a deny assignment takes ${role} away from them on this VM`,
}

function azureRoleCheck(role: string | undefined): Check[] {
  if (role === undefined) return []
  const answer = ({ subject }: Facts) => subject.azureRoles?.get(role)
  return [
    {
      what: 'the requester’s Azure role',
      fit: (facts) => {
        const known = answer(facts)
        return known === undefined ? 'some' : allOrNone(known === 'held')
      },
      because: (facts) => {
        const known = answer(facts)
        return known === undefined ? unknown(`whether they hold ${role} on this VM`) : roleText[known](role)
      },
    },
  ]
}

function portsCheck(ports: readonly Port[] | undefined): Check[] {
  if (!ports) return []
  return [
    {
      what: 'the ports',
      fit: ({ subject }) => {
        if (covers(ports, subject.ports)) return 'all'
        return subject.ports.some((port) => covers(ports, [port])) ? 'some' : 'none'
      },
      because: ({ subject }, fit) => {
        const how = { all: 'is within', some: 'is only in part within', none: 'is not within' }[fit]
        return `${portsText(subject.ports)} ${how} ${portsText(ports)}`
      },
    },
  ]
}

function rangeFit(allowed: readonly Range[], asked: Range | null): Fit {
  if (!asked) return 'some'
  const [address, bits] = asked
  let touched = false
  for (const [base, width] of allowed) {
    if (base.kind() !== address.kind()) continue
    if (bits >= width && address.match(base, width)) return 'all'
    if (bits < width && base.match(address, bits)) touched = true
  }
  return touched ? 'some' : 'none'
}

const kindText: Readonly<Record<Subject['source']['learnt'], string>> = {
  typed: 'it was typed',
  remembered: 'it was given before',
  confirmed: 'it was confirmed in the browser',
  named: 'it is a range of the policy',
}

function sourceChecks({ kind, within, listed }: SourceMatch): Check[] {
  const checks: Check[] = []
  if (kind) {
    checks.push({
      what: 'how the address is known',
      fit: ({ subject }) => allOrNone(kind.includes(subject.source.learnt)),
      because: ({ subject }) => kindText[subject.source.learnt],
    })
  }
  if (within) {
    const ranges = within.map(rangeOf).filter((range) => range !== null)
    checks.push({
      what: 'the address',
      fit: ({ subject }) => rangeFit(ranges, rangeOf(subject.source.address)),
      because: ({ subject: { source } }, fit) =>
        rangeOf(source.address) ? among(source.address, fit, within) : unknown('the address'),
    })
  }
  if (listed) {
    checks.push({
      what: 'the address',
      fit: ({ subject: { source } }) =>
        rangeOf(source.address)
          ? allOrNone(listed.some(({ spans }) => spans.touches(source.address)))
          : 'some',
      because: ({ subject: { source } }, fit) =>
        rangeOf(source.address)
          ? `${source.address} is ${fit === 'none' ? 'not ' : ''}in ${listed.map(({ what }) => what).join(', ')}`
          : unknown('the address'),
    })
  }
  return checks
}

function timeChecks(match: TimeMatch): Check[] {
  return [
    {
      what: 'the time',
      fit: ({ subject }) => timeFit(match, subject.startsAt, subject.startsAt + subject.durationMs),
      because: ({ subject: { startsAt, durationMs } }, fit) => {
        const span = `${momentText(match, startsAt)} to ${momentText(match, startsAt + durationMs)}`
        const how = { all: 'is within', some: 'is only in part within', none: 'is not within' }[fit]
        return `${span} ${how} ${timeText(match)}`
      },
    },
  ]
}

function durationCheck({ atLeastMs, atMostMs }: DurationMatch): Check[] {
  const bounds = [
    ...(atLeastMs === undefined ? [] : [`at least ${durationText(atLeastMs)}`]),
    ...(atMostMs === undefined ? [] : [`at most ${durationText(atMostMs)}`]),
  ].join(' and ')
  return [
    {
      what: 'how long',
      fit: ({ subject: { durationMs } }) =>
        allOrNone(durationMs >= (atLeastMs ?? 0) && durationMs <= (atMostMs ?? Number.POSITIVE_INFINITY)),
      because: ({ subject: { durationMs } }, fit) =>
        `${durationText(durationMs)} ${fit === 'all' ? 'is' : 'is not'} ${bounds}`,
    },
  ]
}

const opposite: Readonly<Record<Fit, Fit>> = { none: 'all', some: 'some', all: 'none' }

const not = (check: Check): Check => ({
  what: `not: ${check.what}`,
  fit: (facts) => opposite[check.fit(facts)],
  because: (facts, fit) => check.because(facts, opposite[fit]),
})

/** Everything that a match asks, in the order in which it is asked: what costs little comes first. */
export const checksOf = (match: Match): readonly Check[] => [
  ...vmChecks(match.vm),
  ...requesterCheck(match.requester),
  ...portsCheck(match.ports),
  ...(match.source ? sourceChecks(match.source) : []),
  ...(match.duration ? durationCheck(match.duration) : []),
  ...[
    ...vmChecks(match.not?.vm ?? {}),
    ...requesterCheck(match.not?.requester ?? {}),
    ...(match.not?.source ? sourceChecks(match.not.source) : []),
  ].map(not),
  ...(match.time ? timeChecks(match.time) : []),
  ...(match.not?.time ? timeChecks(match.not.time).map(not) : []),
  ...azureRoleCheck(match.azureRole),
]
