import { samePerson } from '../core/person.ts'
import { approvalsOf } from '../core/pick.ts'
import { stagesAsked } from '../core/quorum.ts'
import { closedSentences, closingSentences, reasonSentence, startWaits } from './closing.ts'
import { notOpenedYet, openedBy } from './defender.ts'
import {
  addressChangedFact,
  approvedBy,
  approversFact,
  asFollowing,
  askedFact,
  connectLines,
  list,
  longerFact,
  moreTimeFact,
  movedSentence,
  oversightFact,
  yesTimes,
} from './facts.ts'
import type { Phase } from './phase.ts'
import { proofLines } from './proof.ts'
import { reasonLines } from './reasons.ts'
import { count, person, time, user, words } from './words.ts'

type Approved = Extract<Phase, { grant: unknown }>

type Undecided = Extract<Phase, { name: 'pending' | 'too late' | 'lapsed' | 'canceled' }>

const approvalsIn = ({ request }: Undecided): number =>
  request.state === 'pending'
    ? approvalsOf({ stages: request.terms.stages.slice(0, request.progress.stage) }) +
      request.progress.approvals
    : approvedBy(request).length

/** `1 of 2 approvals, by @bob`. Who has ceased to be an approver said yes all the same, so that is told apart. */
function progress(phase: Undecided): string {
  const { request } = phase
  const by = approvedBy(request).map(user)
  const approvals = approvalsIn(phase)
  const tally = `${approvals} of ${count(approvalsOf(request.terms), 'approval')}`
  if (approvals < by.length) return `${tally}; ${list(by)} said yes, and not every yes counts`
  return by.length > 0 ? `${tally}, by ${list(by)}` : tally
}

/** The same while it still counts, as what is missing. */
function missing(phase: Undecided): string {
  const needed = approvalsOf(phase.request.terms)
  if (approvedBy(phase.request).length > 0) return progress(phase)
  return `Nobody has approved yet, and ${needed === 1 ? 'one approval is' : `${needed} approvals are`} needed`
}

/** Which of several stages waits, what is asked of its people, and who else can bring it further. */
function stageFact({ request }: Extract<Phase, { name: 'pending' | 'too late' }>): string {
  const { stages } = request.terms
  const turnOf = (at: number) => (stages.length > 1 ? ` (stage ${at + 1} of ${stages.length})` : '')
  const [first = 'Approvers: nobody.', ...others] = stagesAsked(request).map(({ stage, at }) => {
    const different = stage.fromDifferentGroups ? ', each from a different group' : ''
    return `Approvers${turnOf(at)}: ${approversFact(request, stage)}${different}.`
  })
  if (others.length === 0) return first
  return `${first} One more yes in an earlier stage helps too, because somebody who gave one there can count here. ${others.join(' ')}`
}

function approval({ request }: Approved): string {
  // The line about its review says that nobody was asked.
  if (request.terms?.emergency) return `Begun by breaking the glass ${time(request.approvedAt)}.`
  const yeses = yesTimes(request).map(([id, at]) => `${user(id)} ${time(at)}`)
  return yeses.length > 0
    ? `Approved by ${list(yeses)}.`
    : `Approved by the policy ${time(request.approvedAt)}; nobody had to be asked.`
}

function canceled({ request }: Extract<Phase, { name: 'canceled' }>, you: boolean): string {
  const at = time(request.canceledAt)
  const { closedBy, requester } = request
  if (closedBy) {
    const who = you && samePerson(closedBy, requester) ? 'You' : person(closedBy)
    return `${who} closed the access that this was to follow ${at}, so it ended too. Nothing was opened.`
  }
  if (request.movedTo)
    return `${movedSentence(request, you ? 'You come' : 'Its person comes')} It ended ${at}. Nothing was opened.`
  return `${you ? 'You canceled this request' : `${person(requester)} canceled it`} ${at}. Nothing was opened.`
}

const notYet = (phase: Extract<Phase, { name: 'opening' }>): string =>
  phase.grant === null
    ? 'Nothing is open yet.'
    : phase.grant.state === 'opening' && phase.grant.waitsFor
      ? `Nothing is open yet: ${startWaits(phase.grant.waitsFor, phase.grant.expiresAt)}`
      : (notOpenedYet(phase.grant) ??
        `Azure has not confirmed the network rule yet. It ends ${time(phase.grant.expiresAt)}, however long the opening takes.`)

const scheduled = ({ grant }: Extract<Phase, { name: 'scheduled' }>): string =>
  `*Opens ${time(grant.opensAt ?? grant.approvedAt)}, until ${time(grant.expiresAt)}.* Nothing is open yet.`

const over = (phase: Extract<Phase, { name: 'over' }>): string =>
  `*Its time ended ${time(phase.grant.expiresAt)}.* It is being closed. Until Azure confirms that, ${words(phase.request.source.address, 60)} may still get in.`

const confirmed = (phase: Extract<Phase, { name: 'open' }>): string =>
  phase.grant.openedAt === null
    ? ''
    : `${openedBy(phase.grant)} Azure confirmed the network rule ${time(phase.grant.openedAt)}.`

const endOf = ({ request, grant }: Extract<Phase, { name: 'closed' }>) => ({
  closedAt: grant.closedAt,
  expiresAt: grant.expiresAt,
  opened: grant.openedAt !== null,
  ruled: grant.rules.length > 0,
  reason: grant.reason,
  grant,
  flushes: grant.flushes,
  stays: request.extensions && grant.reason === 'expired' ? null : false,
})

const stillTrue = new Set<Phase['name']>(['pending', 'scheduled', 'opening', 'open'])

const longer = (phase: Phase): string[] =>
  longerFact(
    { request: phase.request, grant: 'grant' in phase ? phase.grant : null },
    !stillTrue.has(phase.name),
  )

/** How it stands, for approvers and everybody else who sees the card. */
export const cardStatus = (phase: Phase, now: number): string[] => [
  ...longer(phase),
  ...asFollowing(phase.request, cardLines(phase, now)),
  ...askedFact(phase.request),
  ...moreTimeFact(phase.request),
  ...addressChangedFact(phase.request),
  ...oversightFact(phase.request),
]

function cardLines(phase: Phase, now: number): string[] {
  switch (phase.name) {
    case 'pending':
      return [`*${missing(phase)}.* Decide by ${time(phase.request.deadlineAt)}.`, stageFact(phase)]
    case 'too late':
      return [
        `*${progress(phase)}.* The time to decide ended ${time(phase.request.deadlineAt)}. Nothing was opened.`,
      ]
    case 'scheduled':
      return [scheduled(phase), approval(phase)]
    case 'opening':
      return [`${approval(phase)} ${notYet(phase)}`]
    case 'open':
      return [
        `*Open until ${time(phase.grant.expiresAt)}.*${confirmed(phase)}`,
        ...proofLines(phase, 'open'),
        approval(phase),
      ]
    case 'over':
      return [over(phase), approval(phase)]
    case 'closing':
      return [
        reasonSentence(phase.grant),
        ...closingSentences(phase.grant, phase.request.source.address, now),
      ]
    case 'closed':
      return [
        reasonSentence(phase.grant),
        ...closedSentences(endOf(phase)),
        ...proofLines(phase, 'closed'),
        approval(phase),
      ]
    case 'denied':
      return denied(phase, false)
    case 'canceled':
      return [canceled(phase, false)]
    case 'lapsed':
      return [
        `*${progress(phase)}*, when the time to decide ended ${time(phase.request.lapsedAt)}. Nothing was opened.`,
      ]
    default:
      return phase satisfies never
  }
}

function denied({ request }: Extract<Phase, { name: 'denied' }>, you: boolean): string[] {
  if (request.by === 'policy') return [...reasonLines(request.verdict.tree), 'Nothing was opened.']
  const again = you ? ' Talk to them before you ask again.' : ''
  return [`Denied by ${person(request.by)} ${time(request.deniedAt)}. Nothing was opened.${again}`]
}

/** How it stands, for the person who asked. */
export const mirrorStatus = (phase: Phase, now: number): string[] => [
  ...longer(phase),
  ...asFollowing(phase.request, mirrorLines(phase, now)),
  ...askedFact(phase.request),
  ...moreTimeFact(phase.request),
  ...addressChangedFact(phase.request),
  ...oversightFact(phase.request),
]

function mirrorLines(phase: Phase, now: number): string[] {
  switch (phase.name) {
    case 'pending':
      return [
        `Your request waits for approval. *${missing(phase)}.* Nothing is open yet.`,
        `Approvers can decide until ${time(phase.request.deadlineAt)}. ${stageFact(phase)}`,
      ]
    case 'too late':
      return [
        `Your request had ${progress(phase)}, when the time to decide ended ${time(phase.request.deadlineAt)}. Nothing was opened.`,
      ]
    case 'scheduled':
      return [scheduled(phase), approval(phase), 'You get a message as soon as it is open.']
    case 'opening':
      return [`${approval(phase)} ${notYet(phase)}`, 'You get a message as soon as it is open.']
    case 'open':
      return [
        `*Open for ${words(phase.request.source.address, 60)} until ${time(phase.grant.expiresAt)}.*${confirmed(phase)}`,
        ...proofLines(phase, 'open'),
        ...connectLines(phase.request),
      ]
    case 'over':
      return [over(phase)]
    case 'closing':
      return [
        reasonSentence(phase.grant, phase.request.requester),
        ...closingSentences(phase.grant, phase.request.source.address, now),
      ]
    case 'closed':
      return [
        reasonSentence(phase.grant, phase.request.requester),
        ...closedSentences(endOf(phase)),
        ...proofLines(phase, 'closed'),
      ]
    case 'denied':
      return denied(phase, true)
    case 'canceled':
      return [canceled(phase, true)]
    case 'lapsed':
      return [
        `Your request had ${progress(phase)}, when the time to decide ended ${time(phase.request.lapsedAt)}. Nothing was opened. You can ask again.`,
      ]
    default:
      return phase satisfies never
  }
}
