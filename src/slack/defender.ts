import type { Case } from '../core/case.ts'
import { besidesText, chooseWay, policyName } from '../core/defender.ts'
import type { Grant } from '../core/grant.ts'
import { time, words } from './words.ts'

type Closing = Extract<Grant, { state: 'closing' }>

/** How it is opened, for whoever approves; only where it is not by a rule of our own. */
export function wayFact({ request, grant }: Case): string | null {
  const policyId = grant?.defender?.policyId ?? wayOf(request)
  if (policyId === null) return null
  const more = besidesText(request)
  const way = `by Defender for Cloud, under its policy ${words(policyName(policyId), 80)}`
  return more === null ? way : `${way}, which *${words(more, 400)}*`
}

function wayOf(request: Case['request']): string | null {
  if (request.state !== 'pending' && request.state !== 'approved') return null
  const chosen = chooseWay(request, request.terms)
  return chosen.way === 'defender' ? chosen.policyId : null
}

/** Said while Defender has not opened: it takes a request and says nothing more. */
export function notOpenedYet(grant: Grant): string | null {
  const { defender, expiresAt } = grant
  if (!defender) return null
  const ends = `It ends ${time(expiresAt)}, however long the opening takes.`
  if (defender.askedAt === undefined)
    return `Nothing is known to be open yet: Defender for Cloud is to open it and has not confirmed that it was asked. ${ends}`
  if (defender.left)
    return `Defender for Cloud was asked ${time(defender.askedAt)}. Azure shows a network rule that may be of another request, so this is not called open. ${ends}`
  return `Defender for Cloud was asked ${time(defender.askedAt)}, and Azure does not show its network rule yet. ${ends}`
}

export const slowToOpen = (expiresAt: number): string =>
  `Defender for Cloud took the request and has not opened it so far. I keep looking until ${time(expiresAt)}, when its time ends, and say so when it is open. Close now ends the wait.`

/** Its own record tells who asked, and a rule does not tell whom it is for. */
export const doubtfulRule = ({ nsgId, name }: { nsgId: string; name: string }): string =>
  `Defender for Cloud’s network rule ${words(name, 80)} stood in ${words(nsgId.split('/').at(-1) ?? nsgId, 80)}. It may be of this request or of somebody else’s, and nobody can tell by Defender’s record. I leave it alone, and the operators are called.`

export const doubtfulOpening = (expiresAt: number): string =>
  `I keep looking until ${time(expiresAt)}, when its time ends. Close now ends the wait.`

/** Who opened, where it was not Jitney. */
export function openedBy(grant: Grant | null): string {
  if (!grant?.defender) return ''
  return isMixed(grant)
    ? ' Defender for Cloud opened one security group, and Jitney the other.'
    : ' Defender for Cloud opened it.'
}

/** Where Defender left a group out, so that a rule of our own stands there. */
const isMixed = ({ rules }: Grant): boolean => rules.some((rule) => !rule.defender)

/** Why it is not closed yet, where Defender has a part in that. */
export function closingByDefender(grant: Closing): string | null {
  const { defender, rules, reason } = grant
  if (!defender || defender.lateSince !== undefined) return null
  const seen = rules.some((rule) => (rule.defender?.found.length ?? 0) > 0)
  if (reason === 'expired' && seen)
    return `Defender for Cloud is to close it since ${time(grant.closingSince)}. Azure has not confirmed yet that its network rule is gone.`
  if (seen || defender.askingAt === undefined) return null
  const waits = 'Defender for Cloud was asked to open it and cannot be told not to.'
  return defender.left
    ? `${waits} ${leftAlone(defender.left)} As soon as a network rule appears that is surely of this request, I remove it.`
    : `${waits} As soon as its network rule appears, I remove it.`
}

/** What may be another person's is not called gone. */
export const leftAlone = (names: readonly string[]): string =>
  `I left ${names.map((name) => words(name, 80)).join(', ')} alone, because it may be of this request or of somebody else’s; the operators are called.`

export const lateToClose = (expiresAt: number): string =>
  `Defender for Cloud had not removed its network rule a minute after the end, ${time(expiresAt)}. Jitney removes it instead, and the operators are called.`

/** Who closed, where that is known and Defender had opened. */
export function closedByWhom(grant: Grant | null): string[] {
  const { closedBy, lateSince } = grant?.defender ?? {}
  if (closedBy === 'defender' && grant && isMixed(grant))
    return ['Defender for Cloud and Jitney each removed their own rule.']
  if (closedBy === 'defender')
    return [lateSince === undefined ? 'Defender for Cloud closed it.' : 'Defender for Cloud closed it, late.']
  if (closedBy !== 'jitney') return []
  return [
    lateSince === undefined
      ? 'Jitney removed the network rule that Defender for Cloud had written.'
      : 'Defender for Cloud had not closed it in time, so Jitney removed its network rule.',
  ]
}
