import { authorise, membershipProblem } from '../core/approval.ts'
import { type Panic, panicOver, scopeName, stoppedText } from '../core/panic.ts'
import type { Member } from '../core/person.ts'
import type { Policy } from '../core/policy.ts'
import type { Wording } from '../core/refusal.ts'
import type { Vm } from '../core/vm.ts'

/**
 * Two operators want a change of rules only while whoever asked for it is one still: null then, and otherwise why
 * another one's yes is not taken. `asker` must be read for this yes.
 */
export function askerProblem(
  asker: Member,
  { operators }: Pick<Policy, 'operators'>,
  wording: Wording,
): string | null {
  const refusal = authorise('protect', asker, { request: null, terms: null, operators })
  if (!refusal) return null
  const who = wording.person(asker.person)
  const kept = 'so your yes was not taken. Nothing was changed.'
  if (!asker.known)
    return `Slack did not say just now whether ${who}, who asked for this, may still ask for it, ${kept} Try again in a minute.`
  if (refusal.code === 'identity unknown')
    return `Entra did not say just now whether the account of ${who}, who asked for this, is active, ${kept} Try again in a minute.`
  const why =
    refusal.code === 'not an operator'
      ? 'the policy does not name them as an operator any more'
      : (membershipProblem(asker) ?? 'they may not')
  return `${who}, who asked for this, may not ask for it any more: ${why}, ${kept} Two operators have to want it. Leave it as it is, and an operator can ask anew.`
}

/** A stop that is about the VM, or about one of these people. */
export function stopText(
  { wording }: { readonly wording: Wording },
  panics: readonly Panic[],
  vm: Vm,
  people: readonly Member[],
): string | null {
  const stop = people
    .map(({ person, entraId }) => panicOver(panics, { vm, requester: person }, entraId))
    .find((one) => one !== null)
  if (!stop) return null
  const what = stoppedText(stop.scope.kind, scopeName(stop.scope), wording)
  return `${wording.person(stop.by)} stopped ${what} at ${wording.time(stop.at)}: ${wording.words(stop.reason, 300)}. Until another operator lifts that, no such change is asked for or agreed to. Nothing was changed.`
}
