import { authorise } from '../core/approval.ts'
import { type AskedConversion, askedConversion, askingProblem } from '../core/conversion.ts'
import type { Conversion } from '../core/convert.ts'
import type { Member } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import { type Refusal, refusalText } from '../core/refusal.ts'
import type { Claim, Gesture } from '../ports.ts'
import { answer, endWith, type IntakeParts } from './answer.ts'
import { askerProblem, stopText } from './asker.ts'
import { backoffMs, gestureTries } from './backoff.ts'
import { conversionIn, proposeIn } from './conversions.ts'
import { again, ended, type Finish } from './handler.ts'
import { foundVm, propose } from './propose-conversion.ts'
import { saying } from './say.ts'
import { stillAsked } from './second-yes.ts'
import { goneText, markOf } from './take-convert.ts'
import type { VmsParts } from './take-vms.ts'

type AskGesture = Extract<Gesture, { kind: 'ask conversion' }>
type DecideGesture = Extract<Gesture, { kind: 'decide conversion' }>

const nothing = 'Nothing was changed.'

/** Null when it may be asked for: the very proposal that was shown, as the rules stand now. */
function notAsked(parts: VmsParts, { mark }: AskGesture, conversion: Conversion): string | null {
  const problem = askingProblem(conversion)
  if (problem !== null) return `Nobody was asked: ${parts.wording.words(problem, 300)}.`
  return markOf(parts, conversion) === mark
    ? null
    : 'What would have to change is not what you were shown any more, so nobody was asked. Look at it again with Convert to JIT.'
}

/** Nothing is changed by this: another operator is asked. */
export async function takeAskConversion(parts: VmsParts, claim: Claim, gesture: AskGesture): Promise<Finish> {
  const { store, clock, wording } = parts
  const { person, vmId, responseUrl } = gesture
  const say = (text: string) => endWith(parts, claim, responseUrl, text)
  const policy = parts.policy()
  const by = await parts.directory.member(person, groupsNamed(policy), 'live')
  if (!by.known && claim.attempt < gestureTries)
    return again(clock.now() + backoffMs(claim.attempt), 'Slack did not say who this is')
  const refusal = authorise('protect', by, { request: null, terms: null, operators: policy.operators })
  if (refusal) return say(refusalText(refusal, wording))
  const found = foundVm(parts, vmId)
  if (!found) return say(goneText)
  const conversion = await propose(parts, found)
  const why = notAsked(parts, gesture, conversion)
  if (why !== null) return say(`${why} ${nothing}`)
  const said = await store.transact(async (tx) => {
    const now = clock.now()
    const stop = stopText(parts, await tx.panics(), found.vm, [by])
    if (!(await tx.finish([claim], now)).has(claim.id)) return null
    await tx.endIntake(claim.subject, now)
    if (stop !== null) return stop
    const asked = askedConversion(conversion, { id: parts.newId(), by: person, at: now })
    const where = wording.channel(policy.pages.channel)
    return (await proposeIn(tx, asked))
      ? `Another operator is asked, in ${where}, whether this change is made. Until one agrees every rule stays as it is. You are told what becomes of it.`
      : `A change of rules for ${wording.words(found.vm.name, 80)} is asked for or under way already, in ${where}. ${nothing}`
  })
  if (said !== null) await answer(parts, responseUrl, said)
  return ended
}

/** To take back one's own wish harms nothing; one's own yes counts for nothing. */
function mayDecide(
  parts: IntakeParts,
  { agrees }: DecideGesture,
  { by: requester }: AskedConversion,
  by: Member,
  asker: Member,
): Refusal | null {
  const { operators } = parts.policy()
  if (!agrees && by.person.userId === requester.userId)
    return authorise('protect', by, { request: null, terms: null, operators })
  return authorise('agree', by, {
    request: { requester },
    requesterEntraId: asker.entraId,
    ...(asker.entraUnread && { requesterUnread: true }),
    terms: null,
    operators,
  })
}

/** The yes or the no of another operator. */
export async function takeConversionDecision(
  parts: IntakeParts,
  claim: Claim,
  gesture: DecideGesture,
): Promise<Finish> {
  const { store, clock, wording, directory } = parts
  const { person, conversionId, agrees, responseUrl } = gesture
  const asked = await store.conversion(conversionId)
  if (!asked) return endWith(parts, claim, responseUrl, `There is no such change to decide about. ${nothing}`)
  const groups = groupsNamed(parts.policy())
  const [by, asker] = await Promise.all([
    directory.member(person, groups, 'live'),
    directory.member(asked.by, groups, 'live'),
  ])
  if (!(by.known && (asker.known || !agrees)) && claim.attempt < gestureTries)
    return again(clock.now() + backoffMs(claim.attempt), 'Slack did not say who this is')
  const refusal = mayDecide(parts, gesture, asked, by, asker)
  if (refusal) return endWith(parts, claim, responseUrl, refusalText(refusal, wording))
  const alone = agrees ? askerProblem(asker, parts.policy(), wording) : null
  if (alone !== null) return endWith(parts, claim, responseUrl, alone)
  if (agrees && asked.state === 'proposed') {
    const still = await stillAsked(parts, asked)
    if (still.kind === 'not known' && claim.attempt < gestureTries)
      return again(clock.now() + backoffMs(claim.attempt), still.why)
    if (still.kind === 'not known')
      return endWith(
        parts,
        claim,
        responseUrl,
        `Your yes was not taken, because it is not certain that the change is still the right one: ${wording.words(still.why, 300)}. ${nothing} Try again in a minute.`,
      )
    if (still.kind === 'no') return lapse(parts, claim, gesture, still.because)
  }
  return decide(parts, claim, gesture, asked, [by, asker])
}

/** The question is taken back: nobody can agree to it any more. */
async function lapse(
  parts: IntakeParts,
  claim: Claim,
  { conversionId, responseUrl }: DecideGesture,
  because: string,
): Promise<Finish> {
  const { store, clock, wording } = parts
  const said = await store.transact(async (tx) => {
    const now = clock.now()
    if (!(await tx.finish([claim], now)).has(claim.id)) return null
    await tx.endIntake(claim.subject, now)
    return (await conversionIn(tx, conversionId, { type: 'lapsed', because }, now))
      ? `Your yes was not taken, and this has lapsed: ${wording.words(because, 300)}. ${nothing} An operator can ask anew with Convert to JIT.`
      : decidedAlready
  })
  if (said !== null) await answer(parts, responseUrl, said)
  return ended
}

const decidedAlready = 'This was decided already. Your click changed nothing.'

async function decide(
  parts: IntakeParts,
  claim: Claim,
  { person, conversionId, agrees, responseUrl }: DecideGesture,
  asked: AskedConversion,
  people: readonly Member[],
): Promise<Finish> {
  const { store, clock, wording } = parts
  const { vm } = asked.proposal
  const outcome = await store.transact(async (tx) => {
    const now = clock.now()
    // To leave the rules as they are is never harmful.
    const stop = agrees ? stopText(parts, await tx.panics(), vm, people) : null
    if (!(await tx.finish([claim], now)).has(claim.id)) return null
    await tx.endIntake(claim.subject, now)
    if (stop !== null) return { text: stop, kept: false }
    const next = await conversionIn(tx, conversionId, { type: 'decided', by: person, agrees }, now)
    if (!next) return { text: decidedAlready, kept: false }
    return agrees
      ? {
          text: 'The change is being made, as far as each rule is still as it was shown. The message says what becomes of it, and whoever asked is told.',
          kept: false,
        }
      : { text: 'Every rule stays as it is.', kept: true }
  })
  if (outcome !== null) await answer(parts, responseUrl, outcome.text)
  if (outcome?.kept && person.userId !== asked.by.userId)
    await saying(
      parts,
      asked.by.userId,
      `${wording.person(person)} left the rules for ${wording.words(vm.name, 80)} as they are: the change that you asked for is not made.`,
    )
  return ended
}
