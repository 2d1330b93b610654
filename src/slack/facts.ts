import type { Case } from '../core/case.ts'
import { durationText } from '../core/duration.ts'
import type { Lookup, Stage } from '../core/policy.ts'
import type { PendingRequest } from '../core/request.ts'
import { portsText } from '../core/service.ts'
import { addressesIn, countText } from '../core/source.ts'
import { group, time, user, words } from './words.ts'

type Request = Case['request']

/** `a`, `a and b`, `a, b and c`, `a, b and 3 more`. */
export function list(items: readonly string[], most = 10): string {
  const shown = items.length > most ? [...items.slice(0, most - 1), `${items.length - most + 1} more`] : items
  return shown.length < 2 ? (shown[0] ?? 'nobody') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
}

/** `rdp to vm-jump01`, in the person's own words and unescaped: for plain text only. */
export const rawScope = (request: Request): string => `${request.label} to ${request.vm.name}`

/** The same, and that it is about staying longer where it is. */
export const rawSubject = (request: Request): string =>
  `${request.extends ? 'more time for ' : request.moves ? 'a new address for ' : ''}${rawScope(request)}`

/** The same inside mrkdwn. */
export const scope = (request: Request): string =>
  `${words(request.label, 80)} to ${words(request.vm.name, 80)}`

export function portsFact(request: Request): string {
  const numbers = portsText(request.ports)
  return words(request.label === numbers ? numbers : `${request.label} (${numbers})`, 400)
}

function learntText({ learnt, learntAt, name }: Request['source']): string {
  if (learnt === 'typed') return 'typed, not confirmed'
  if (learnt === 'confirmed') return `confirmed in the browser ${time(learntAt)}`
  if (learnt === 'named') return `of the policy’s range ${words(name ?? '', 40)}`
  return `typed earlier, ${time(learntAt)}, not confirmed`
}

/** The approver sees how far the address can be relied on, and whether strangers to the request come from it as well. */
export function addressFact({ source }: Request): string {
  const count = addressesIn(source.address)
  const address = `${words(source.address, 60)}${count === 1 ? '' : `, ${countText(count)}`}`
  const shared = source.isShared ? '; shared address: others come from it too' : ''
  return `${address} (${learntText(source)}${shared})`
}

/** Less than the time until the end that was named: a yes that comes soon enough is over before that. */
const isShortened = ({ durationMs, askedFor }: Request): boolean =>
  askedFor !== undefined && durationMs < askedFor.durationMs

export function lengthFact({ request, grant }: Case): string {
  if (request.extends)
    return `${durationText(request.extends.extraMs)} longer, until ${time(grant?.expiresAt ?? request.until ?? request.extends.endsAt)}`
  if (grant) {
    const from = grant.opensAt ?? grant.approvedAt
    return `${durationText(grant.expiresAt - from)}, until ${time(grant.expiresAt)}`
  }
  if (request.startsAt != null) {
    return `${durationText(request.durationMs)}, from ${time(request.startsAt)}`
  }
  if (request.until !== null && !isShortened(request)) return `until ${time(request.until)}`
  const from = request.state === 'pending' ? ' from the approval' : ''
  const end = request.until === null ? '' : `, at the latest until ${time(request.until)}`
  return `${durationText(request.durationMs)}${from}${end}`
}

const askedLength = ({ durationMs, extraMs }: NonNullable<Request['askedFor']>): string =>
  extraMs === undefined ? durationText(durationMs) : `${durationText(extraMs)} longer`

/** Said where an approver has left less than was asked for. */
export const askedFact = ({ askedFor }: Request): string[] =>
  askedFor
    ? [
        `Asked for: ${words(askedFor.label, 80)}, ${askedLength(askedFor)}${askedFor.source === undefined ? '' : `, from ${words(askedFor.source, 60)}`}. ${user(askedFor.by.userId)} approved less.`,
      ]
    : []

/** What somebody who stays longer gets, first of all; once it is over, what it was to be. */
export const longerFact = ({ request, grant }: Case, over: boolean): string[] =>
  request.extends
    ? [`*More time for ${scope(request)}:* ${over ? 'it was to be ' : ''}${lengthFact({ request, grant })}.`]
    : []

/** Whoever reads when this ends must know that there may be more, which has a card of its own. */
export const moreTimeFact = ({ extensions = [] }: Request): string[] =>
  extensions.length > 0
    ? [
        `More time was asked for: see ${extensions.length === 1 ? 'request' : 'requests'} ${list(extensions.map((id) => words(id, 40)))}.`,
      ]
    : []

/** What became of the address: before the approval it became another one, or somebody asks for that now. */
export const addressChangedFact = ({ addressChange: change, movesTo = [] }: Request): string[] => [
  ...(change
    ? [
        `*Address changed* ${time(change.at)}: it was ${words(change.before, 60)}. ${change.voided.length > 0 ? `Approvals began anew: the yes of ${list(change.voided.map(({ userId }) => user(userId)))} was to the address before.` : 'Nobody had approved the address before.'}`,
      ]
    : []),
  ...(movesTo.length > 0
    ? [`Another address was asked for: see request ${words(movesTo.at(-1) ?? '', 40)}.`]
    : []),
]

/** Nobody canceled what ended because its person comes from another address. */
export const movedSentence = (
  { extends: before, movedTo = '', instead }: Extract<Request, { state: 'canceled' }>,
  who: 'You come' | 'Its person comes',
): string =>
  `${who} from another address now, and request ${words(movedTo, 40)} took the place of ${before && !instead ? 'the access that this was to follow' : 'this one'}.`

/** What follows on from other access must not deny that there is some. */
export const asFollowing = (request: Request, lines: readonly string[]): string[] =>
  lines.map((line) =>
    request.extends || request.moves
      ? line
          .replaceAll('Nothing is open yet.', 'Nothing more is open yet.')
          .replaceAll('Nothing was opened.', 'Nothing more was opened.')
      : line,
  )

/** How the review of an emergency stands. */
export function oversightFact({ oversight, terms }: Request): string[] {
  if (!oversight) return []
  if (oversight.state === 'open') {
    const { users = [], groups = [] } = terms?.emergency?.reviewers ?? {}
    const by = list([...users.map(user), ...groups.map(group)])
    return [`*Break-glass: nobody was asked.* Nobody has reviewed it yet; ${by} should.`]
  }
  const what = oversight.state === 'signed' ? 'signed it' : 'found it not justified'
  return [`Break-glass: nobody was asked. ${user(oversight.by.userId)} ${what} ${time(oversight.at)}.`]
}

/** How long, for the first line, where no date can be written. */
export function rawLength(request: Request): string {
  if (request.extends) return `, ${durationText(request.extends.extraMs)} longer`
  return request.until === null || isShortened(request) ? ` for ${durationText(request.durationMs)}` : ''
}

export const placeFact = ({ vm }: Request): string =>
  `${words(vm.subscriptionName || vm.subscriptionId, 100)} / ${words(vm.resourceGroup, 100)}`

/** The tags that the policy wants shown, as `env=prod`; empty when the VM has none of them. */
export function tagsFact({ vm }: Request, showTags: readonly string[]): string {
  const wanted = new Set(showTags.map((name) => name.toLowerCase()))
  const tags = Object.entries(vm.tags).filter(([name]) => wanted.has(name.toLowerCase()))
  return tags
    .slice(0, 8)
    .map(([name, value]) => `${words(name, 60)}=${words(value, 60)}`)
    .join(', ')
}

export const hasTags = ({ vm }: Request, showTags: readonly string[]): boolean =>
  Object.keys(vm.tags).some((name) => showTags.some((wanted) => wanted.toLowerCase() === name.toLowerCase()))

/** The security groups that a rule is needed in, as they were when the request was made. */
export const groupsFact = ({ hops }: Request): string =>
  list(
    hops.map(({ nsgId, attachedTo }) => `${words(nsgId.split('/').at(-1) ?? nsgId, 80)} (${attachedTo})`),
    4,
  )

/** The rule as it would be written in each group, by what was free when the request was made. */
export function plannedFact(request: Request): string {
  const { preFlight, hops, source, ports } = request
  const lines = (preFlight?.rules ?? []).slice(0, 4).map(({ nsgId, priority, inFrontOf }) => {
    const hop = hops.find((one) => one.nsgId === nsgId)
    const where = `${words(nsgId.split('/').at(-1) ?? nsgId, 80)}${hop ? ` (${hop.attachedTo})` : ''}`
    const place = priority === null ? 'priority not known' : `priority ${priority}`
    const before = inFrontOf ? `, in front of ${words(inFrontOf.name, 80)} (${inFrontOf.priority})` : ''
    const to = words((hop?.destinations ?? []).join(', '), 120)
    return `${where}: allow ${words(source.address, 60)} to ${to} on ${words(portsText(ports), 200)}, ${place}${before}`
  })
  return lines.join('\n')
}

const mostWarnings = 5

/** What an approver should know before saying yes, as it was when the request was made. */
export function warningLines({ preFlight }: Request): string[] {
  if (!preFlight || preFlight.warnings.length === 0) return []
  const all = preFlight.warnings
  const lines = all.slice(0, mostWarnings).map(({ says }) => `• ${words(says, 400)}.`)
  const more = all.length > mostWarnings ? [`• ${all.length - mostWarnings} more.`] : []
  return [`*Warning, as seen ${time(preFlight.at)}:*`, ...lines, ...more]
}

const mostProblems = 3
const mostLookups = 6

/** `owners (tag owner): @bob`; what kept somebody from being found is said and not hidden. */
function lookupFact({ kind, name, users, groups, until, problems }: Lookup, isOut: (id: string) => boolean) {
  const what = kind === 'owner tag' ? `owners (tag ${words(name, 60)})` : `on call (${words(name, 60)})`
  const end = until === null ? '' : ` until ${time(until)}`
  const found = [...users.filter((id) => !isOut(id)).map(user), ...groups.map(group)]
  const who = found.length === 0 && users.length > 0 ? 'nobody else' : list(found)
  const missing = problems.slice(0, mostProblems).map((problem) => words(problem, 160))
  return `${what}${end}: ${who}${missing.length > 0 ? ` (${missing.join('; ')})` : ''}`
}

/** Who may say a yes in a stage; who has said theirs is not waited for. */
export function approversFact(request: PendingRequest, stage: Stage): string {
  const { approvers } = stage
  const { users, groups } = approvers.looked?.named ?? approvers
  // Nobody decides on their own request, unless the rule says so.
  const own = request.terms.selfApproval
  const said = approvedBy(request)
  const isOut = (id: string) => said.includes(id) || (!own && id === request.requester.userId)
  const named = [...users.filter((id) => !isOut(id)).map(user), ...groups.map(group)]
  const up = approvers.looked?.up ?? []
  const found = up.slice(0, mostLookups).map((lookup) => lookupFact(lookup, isOut))
  if (up.length > mostLookups) found.push(`and ${up.length - mostLookups} more schedules`)
  const nobody = users.length > 0 ? 'nobody else' : list([])
  const first = named.length > 0 ? [list(named)] : found.length === 0 ? [nobody] : []
  return [...first, ...found].join('; ')
}

/** The different people who have approved so far, in order, and when each of them did. */
export function yesTimes({ reviews }: Request): readonly (readonly [userId: string, at: number])[] {
  const times = new Map<string, number>()
  for (const { verdict, by, at } of reviews)
    if (verdict === 'approve' && !times.has(by.userId)) times.set(by.userId, at)
  return [...times]
}

export const approvedBy = (request: Request): readonly string[] => yesTimes(request).map(([id]) => id)

/** What to type to get in, for each port that has a usual program. */
export function connectLines(request: Request): string[] {
  if (request.connectTo === null) {
    return ['Azure shows no public address for this VM, so I cannot say where to connect to.']
  }
  const to = words(request.connectTo, 200).replaceAll('`', '')
  const inBrackets = to.includes(':') ? `[${to}]` : to
  const lines = request.ports.flatMap((port) => {
    if (port.protocol === 'tcp' && port.number === 3389) return [`Connect with \`mstsc /v:${inBrackets}\``]
    if (port.protocol === 'tcp' && port.number === 22) return [`Connect with \`ssh &lt;user&gt;@${to}\``]
    return []
  })
  return lines.length > 0 ? lines : [`Connect to \`${to}\` on ${portsFact(request)}`]
}
