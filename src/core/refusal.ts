import type { Person } from './person.ts'
import type { Named } from './policy.ts'

/** An expected “no”: nothing changed, and the person is told what is wrong, what still holds, what to do next. */
export type Refusal =
  | { readonly code: 'unknown request' }
  | { readonly code: 'not a member'; readonly why: string }
  | { readonly code: 'own request' }
  | { readonly code: 'own emergency' }
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
  | { readonly code: 'unjustified' }
  | { readonly code: 'not yours to comment' }
  | { readonly code: 'not less' }
  /** Whoever approves saw another address. */
  | { readonly code: 'address changed'; readonly address: string }
  | { readonly code: 'address stays' }
  /** It has one already that was confirmed later. */
  | { readonly code: 'newer address'; readonly address: string }
  /** Another request was made to take its place since that was looked at. */
  | { readonly code: 'moved meanwhile' }
  | { readonly code: 'not yours to move' }
  | { readonly code: 'no extra time' }
  | {
      readonly code: 'not an operator'
      readonly users: readonly string[]
      readonly groups: readonly string[]
    }
  /** The same before it is known who asks: strangers are told no names. */
  | { readonly code: 'operators only' }
  | { readonly code: 'not yours to sign' }
  | { readonly code: 'nothing to sign' }
  | { readonly code: 'panic'; readonly by: Person; readonly at: number; readonly reason: string }
  /** Somebody stopped this very person. */
  | { readonly code: 'stopped'; readonly by: Person; readonly at: number; readonly reason: string }
  /** With the people who are waited for where the yes stands without counting at this moment. */
  | { readonly code: 'already reviewed'; readonly waitsFor?: Named }
  | {
      readonly code: 'already decided'
      readonly state: string
      readonly by: readonly Person[]
      readonly at: number
      /** The request, for whoever wanted to cancel it and can close its access. */
      readonly closes?: string
    }
  | { readonly code: 'already closing'; readonly since: number }
  | { readonly code: 'already closed'; readonly at: number }
  | { readonly code: 'nothing to close' }
  /** With `less` where a part of what was asked for may still be approved. */
  | { readonly code: 'policy changed'; readonly because: string; readonly less?: true }
  | { readonly code: 'requester gone' }
  | { readonly code: 'approvers unknown' }
  /** Entra did not say who somebody is, or whether they are still active there. */
  | { readonly code: 'identity unknown'; readonly of: 'you' | 'requester' }
  | { readonly code: 'no time left' }
  /** Defender for Cloud, under whose policy the VM is, would not open it, or its protection allows less. */
  | { readonly code: 'defender refuses'; readonly vm: string; readonly why: string }

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
  const at = wording.time(refusal.at)
  if (refusal.closes !== undefined)
    return `This request was approved${by} at ${at}, so there is nothing to cancel. \`/jit close ${refusal.closes}\` ends the access.`
  return `Too late: this request ${what}${by} at ${at}. Nothing changed.`
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

/** What is always said in the same words. */
const sentences = {
  'unknown request': 'There is no such request here, so nothing changed. Ask again with `/jit`.',
  'own request': 'Nobody decides on their own request, so nothing changed. It still waits for somebody else.',
  'own emergency':
    'Nobody reviews what they did themselves, so nothing changed. It still waits for another person’s signature.',
  'not yours to cancel':
    'Only the person who asked may cancel a request, so nothing changed. An approver can deny it.',
  'operators only': 'Only operators may do this, and you are none, so nothing changed. Ask one of them.',
  'not yours to close':
    'Only the person who asked, an approver or an operator may close this access, so nothing changed. Ask one of them.',
  'not yours to extend': 'Only the person who asked may ask for more time, so nothing changed.',
  'nothing to extend': 'This access is not open, so it cannot be made longer. Ask again with `/jit`.',
  unjustified:
    'This emergency was marked as not justified, so it cannot be made longer. It ends at its own time. Ask again with `/jit`.',
  'not yours to comment':
    'Only the person who asked and the approvers are heard here, so nothing was passed on.',
  'not yours to sign':
    'Only an operator, or whoever the policy names to review or to approve such access, may sign this, so nothing changed.',
  'nothing to sign': 'There is nothing to sign here: somebody has done that already, or nobody needed to.',
  'not less': 'That is not less than what was asked for, so nothing changed. Use Approve for all of it.',
  'address stays':
    'This request neither waits for approval nor is open any more, so its address stays as it is. Ask again with `/jit`.',
  'moved meanwhile':
    'Another request for this access was made at the same moment, so nothing changed. Look at that one, and try again.',
  'not yours to move': 'Only the person who asked can change the address, so nothing changed.',
  'no extra time':
    'That would end before the access that it is to follow, so nothing changed. Leave some of the extra time, or deny it.',
  'nothing to close':
    'No access was opened for this request, so there is nothing to close. While it waits for approval, it can be canceled.',
  // Slack may also just have failed to answer, so the sentence must hold in both cases.
  'requester gone':
    'It is not confirmed that the person who asked is a full, active member, so nothing was opened. The request still waits: try again in a minute, or deny it.',
  'approvers unknown':
    'Those who approved before you could not be confirmed just now, so your yes was not taken. Click again in a minute.',
  'no time left': 'The end that was asked for has come, so nothing was opened. The person can ask again.',
} as const

type Fixed = keyof typeof sentences

const isFixed = (refusal: Refusal): refusal is Extract<Refusal, { code: Fixed }> =>
  Object.hasOwn(sentences, refusal.code)

const operatorsText = (refusal: Named, wording: Wording): string =>
  refusal.users.length + refusal.groups.length === 0
    ? 'Only operators may do this, and the policy names none, so nothing changed.'
    : `Only the operators whom the policy names may do this, so nothing changed. They are: ${named(refusal, wording)}.`

export function refusalText(refusal: Refusal, wording: Wording): string {
  if (isFixed(refusal)) return sentences[refusal.code]
  switch (refusal.code) {
    case 'not a member':
      return `Nothing changed: ${wording.words(refusal.why, 500)}. Only full, active members of this workspace may do this.`
    case 'not an approver':
      return approversText(refusal, wording)
    case 'not your turn':
      return `Your turn comes later, so nothing changed. First ${named(refusal, wording)} must approve.${problemsText(refusal, wording)}`
    case 'not an operator':
      return operatorsText(refusal, wording)
    case 'panic':
      return `Stopped: ${wording.person(refusal.by)} stopped all such access at ${wording.time(refusal.at)}: ${wording.words(refusal.reason, 300)}. Nothing was opened; it can be asked for again once that is lifted.`
    case 'stopped':
      return `You are stopped: ${wording.person(refusal.by)} stopped all your access at ${wording.time(refusal.at)}: ${wording.words(refusal.reason, 300)}. Until another operator lifts that, you can approve, sign and lift nothing, so nothing changed.`
    case 'already reviewed':
      return refusal.waitsFor
        ? `You have said yes already, and that stands: nothing more is needed from you. The request waits for ${named(refusal.waitsFor, wording)}.`
        : 'Your approval already counts. The request is waiting for somebody else’s.'
    case 'already decided':
      return decidedText(refusal, wording)
    case 'already closing':
      return `This access has been closing since ${wording.time(refusal.since)}. The thread will say when it is closed.`
    case 'already closed':
      return `This access was closed at ${wording.time(refusal.at)}. There is nothing left to close.`
    case 'address changed':
      return `The address of this request has changed to ${wording.words(refusal.address, 60)} since the card that you clicked on was drawn, so your yes does not count. Look at the card again, and decide about that address.`
    case 'newer address':
      return `This request has the address ${wording.words(refusal.address, 60)}, which was confirmed later than this one, so nothing changed.`
    case 'defender refuses':
      return `Access to ${wording.words(refusal.vm, 80)} cannot be opened like this: ${wording.words(refusal.why, 500)}. Nothing was stored.`
    case 'policy changed':
      return `The policy no longer allows this request (${wording.words(refusal.because, 1000)}), so nothing was opened. ${refusal.less ? 'Approve less of it or deny it; it can also be asked for again.' : 'It can only be denied, or asked for again.'}`
    case 'identity unknown':
      return refusal.of === 'you'
        ? 'Entra could not tell just now who you are or whether your account there is active, so nothing changed. Try again in a minute, and tell whoever looks after this app if it stays so.'
        : 'Entra could not tell just now who the person who asked is or whether their account there is active, so nothing changed. Try again in a minute, and tell whoever looks after this app if it stays so.'
    default:
      return refusal satisfies never
  }
}
