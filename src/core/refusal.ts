import type { Person } from './person.ts'
import type { Named } from './policy.ts'

/** An expected “no”: nothing changed, and the person is told what is wrong, what still holds, what to do next. */
export type Refusal =
  | { readonly code: 'unknown request' }
  | { readonly code: 'not a member'; readonly why: string }
  | { readonly code: 'own request' }
  | {
      readonly code: 'not an approver'
      readonly users: readonly string[]
      readonly groups: readonly string[]
      /** What kept more of them from being found. */
      readonly problems?: readonly string[]
    }
  /** An earlier stage still waits for these. */
  | {
      readonly code: 'not your turn'
      readonly users: readonly string[]
      readonly groups: readonly string[]
      /** What kept more of them from being found. */
      readonly problems?: readonly string[]
    }
  | { readonly code: 'not yours to cancel' }
  | { readonly code: 'not yours to close' }
  | { readonly code: 'not yours to extend' }
  | { readonly code: 'nothing to extend' }
  | { readonly code: 'not yours to comment' }
  | { readonly code: 'not less' }
  | {
      readonly code: 'not an operator'
      readonly users: readonly string[]
      readonly groups: readonly string[]
    }
  | { readonly code: 'not yours to sign' }
  | { readonly code: 'nothing to sign' }
  | { readonly code: 'panic'; readonly by: Person; readonly at: number; readonly reason: string }
  /** Somebody stopped this very person. */
  | { readonly code: 'stopped'; readonly by: Person; readonly at: number; readonly reason: string }
  | { readonly code: 'already reviewed' }
  | {
      readonly code: 'already decided'
      readonly state: string
      readonly by: readonly Person[]
      readonly at: number
    }
  | { readonly code: 'already closing'; readonly since: number }
  | { readonly code: 'already closed'; readonly at: number }
  | { readonly code: 'nothing to close' }
  | { readonly code: 'policy changed'; readonly because: string }
  | { readonly code: 'requester gone' }
  | { readonly code: 'approvers unknown' }
  /** Entra did not say whether two accounts belong to one person. */
  | { readonly code: 'identity unknown' }
  | { readonly code: 'no time left' }

/** How people and times are written where the sentence is shown. */
export interface Wording {
  readonly person: (person: Person) => string
  readonly user: (userId: string) => string
  readonly group: (groupId: string) => string
  readonly channel: (channelId: string) => string
  readonly time: (at: number) => string
  /** Somebody else’s words, of which at most so many letters are shown. */
  readonly words: (text: string, most: number) => string
}

/** More than these nobody reads, and Slack takes only so much. */
const someOf = <T>(all: readonly T[], most = 20): readonly T[] => all.slice(0, most)
const list = (words: readonly string[]) => (words.length > 0 ? words.join(', ') : 'nobody')

function decidedText(refusal: Extract<Refusal, { code: 'already decided' }>, wording: Wording): string {
  const by = refusal.by.length > 0 ? ` by ${list(someOf(refusal.by).map(wording.person))}` : ''
  const what = refusal.state === 'lapsed' ? 'has already lapsed' : `was already ${refusal.state}`
  return `Too late: this request ${what}${by} at ${wording.time(refusal.at)}. Your click changed nothing.`
}

interface Found extends Named {
  readonly problems?: readonly string[]
}

const named = ({ users, groups }: Named, wording: Wording): string =>
  list([...someOf(users).map(wording.user), ...someOf(groups).map(wording.group)])

/** Who could not be found may not approve, and is told why. */
const problemsText = ({ problems = [] }: Found, wording: Wording): string =>
  problems.length > 0
    ? ` Not everybody could be found: ${someOf(problems, 5)
        .map((problem) => wording.words(problem, 200))
        .join('; ')}. If you should be among them, try again in a minute.`
    : ''

function approversText(refusal: Found, wording: Wording): string {
  const who = named(refusal, wording)
  return `You are not an approver for this request, so nothing changed. The policy names ${who}.${problemsText(refusal, wording)}`
}

const operatorsText = (refusal: Named, wording: Wording): string =>
  refusal.users.length + refusal.groups.length === 0
    ? 'Only operators may do this, and the policy names none, so nothing changed.'
    : `Only the operators whom the policy names may do this, so nothing changed. They are: ${named(refusal, wording)}.`

export function refusalText(refusal: Refusal, wording: Wording): string {
  switch (refusal.code) {
    case 'unknown request':
      return 'There is no such request here, so nothing changed. Ask again with `/jit`.'
    case 'not a member':
      return `Nothing changed: ${wording.words(refusal.why, 500)}. Only full, active members of this workspace may do this.`
    case 'own request':
      return 'Nobody decides on their own request, so nothing changed. It is still waiting for another approver.'
    case 'not an approver':
      return approversText(refusal, wording)
    case 'not your turn':
      return `Your turn comes later, so nothing changed. First ${named(refusal, wording)} must approve.${problemsText(refusal, wording)}`
    case 'not yours to cancel':
      return 'Only the person who asked may cancel a request, so nothing changed. An approver can deny it.'
    case 'not yours to close':
      return 'Only the person who asked or an approver may close this access, so nothing changed. Ask one of them.'
    case 'not yours to extend':
      return 'Only the person who asked may ask for more time, so nothing changed.'
    case 'nothing to extend':
      return 'This access is not open, so it cannot be made longer. Ask again with `/jit`.'
    case 'not yours to comment':
      return 'Only the person who asked and the approvers are heard here, so nothing was passed on.'
    case 'not yours to sign':
      return 'Only those who would have been asked, or whom the policy names for it, may sign this, so nothing changed.'
    case 'nothing to sign':
      return 'There is nothing to sign here: somebody has done that already, or nobody needed to.'
    case 'not an operator':
      return operatorsText(refusal, wording)
    case 'panic':
      return `Stopped: ${wording.person(refusal.by)} stopped all such access at ${wording.time(refusal.at)}: ${wording.words(refusal.reason, 300)}. Nothing was opened; it can be asked for again once that is lifted.`
    case 'stopped':
      return `You are stopped: ${wording.person(refusal.by)} stopped all your access at ${wording.time(refusal.at)}: ${wording.words(refusal.reason, 300)}. Until another operator lifts that, you can approve, sign and lift nothing, so nothing changed.`
    case 'not less':
      return 'That is not less than what was asked for, so nothing changed. Use Approve for all of it.'
    case 'already reviewed':
      return 'Your approval already counts. The request is waiting for somebody else’s.'
    case 'already decided':
      return decidedText(refusal, wording)
    case 'already closing':
      return `This access has been closing since ${wording.time(refusal.since)}. The thread will say when it is closed.`
    case 'already closed':
      return `This access was closed at ${wording.time(refusal.at)}. There is nothing left to close.`
    case 'nothing to close':
      return 'No access was opened for this request, so there is nothing to close. While it waits for approval, it can be canceled.'
    case 'policy changed':
      return `The policy no longer allows this request (${wording.words(refusal.because, 1000)}), so nothing was opened. It can only be denied, or asked for again.`
    case 'requester gone':
      // Slack may also just have failed to answer, so the sentence must hold in both cases.
      return 'It is not confirmed that the person who asked is a full, active member, so nothing was opened. The request still waits: try again in a minute, or deny it.'
    case 'approvers unknown':
      return 'Those who approved before you could not be confirmed just now, so your yes was not taken. Click again in a minute.'
    case 'identity unknown':
      return 'Entra could not tell just now whether you and the person who asked are two people, so your yes was not taken. Click again in a minute.'
    case 'no time left':
      return 'The end that was asked for has come, so nothing was opened. The person can ask again.'
    default:
      return refusal satisfies never
  }
}
