import { confirmedWindowMs, waysToSay } from '../core/address-policy.ts'
import { membershipProblem } from '../core/approval.ts'
import { lives } from '../core/change-address.ts'
import { durationText, utcText } from '../core/duration.ts'
import { Fault } from '../core/fault.ts'
import { nothingAhead } from '../core/kept-link.ts'
import { type Person, samePerson } from '../core/person.ts'
import { refusalText } from '../core/refusal.ts'
import type { Claim, Gesture } from '../ports.ts'
import { answer, endWith, type IntakeParts } from './answer.ts'
import { backoffMs, gestureTries } from './backoff.ts'
import { familyOf } from './family-of.ts'
import { knownAddresses } from './find-source.ts'
import { again, done, ended, type Finish, messageOf } from './handler.ts'
import { announceJob, linkJob } from './job-of.ts'
import { keepAsk } from './keep-ask.ts'
import { newestOf, scheduledText, unread } from './newest-move.ts'

type Of<K extends Gesture['kind']> = Extract<Gesture, { kind: K }>

/** What is remembered of somebody's address is shown to nobody but them. */
export async function takeIp(
  parts: IntakeParts,
  claim: Claim,
  { person, responseUrl }: Of<'ask'>,
): Promise<Finish> {
  const problem = membershipProblem(await parts.directory.member(person, []))
  if (problem !== null) return endWith(parts, claim, responseUrl, `You cannot ask for access: ${problem}.`)
  const page = parts.addressPages != null
  const addresses = await knownAddresses(parts, person, parts.clock.now())
  const policy = parts.policy()
  const view = { addresses, page, ways: waysToSay(policy, page), confirmAhead: confirmedWindowMs(policy) > 0 }
  try {
    await parts.chat.addresses(responseUrl, view)
  } catch (error) {
    parts.log.warn({ error: messageOf(error) }, 'a private answer could not be given')
  }
  await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
  return done
}

/** A request is to have another address. */
async function wantsAnother(
  parts: IntakeParts,
  claim: Claim,
  { person, requestId, responseUrl }: { person: Person; requestId: string; responseUrl: string | null },
): Promise<Finish> {
  const first = await parts.store.case(requestId)
  const no = (text: string) => endWith(parts, claim, responseUrl, text)
  if (!first) return no(`There is no request ${requestId}, so nothing changed.`)
  const current = await newestOf(parts.store, first)
  const { request, grant } = current
  if (!samePerson(request.requester, person))
    return no(refusalText({ code: 'not yours to move' }, parts.wording))
  if (!lives(current)) return no(refusalText({ code: 'address stays' }, parts.wording))
  if (grant?.state === 'opening' && grant.opensAt !== undefined && grant.opensAt > parts.clock.now())
    return no(scheduledText(request, parts.wording.time(grant.opensAt)))
  const family = await familyOf(parts, request.vm)
  const howLong =
    grant === null
      ? { howLong: durationText(request.durationMs) }
      : { howLong: `the time until ${utcText(grant.expiresAt)}`, until: grant.expiresAt }
  const about = { label: request.label, vm: request.vm.name, ...howLong }
  return keepAsk(parts, claim, responseUrl, {
    person,
    ask: null,
    requestId: request.id,
    about,
    family: 'why' in family ? null : family.family,
  })
}

/** A person wants to confirm an address that no ask waits for. */
export async function takeWantsLink(
  parts: IntakeParts,
  claim: Claim,
  { person, responseUrl, requestId }: Of<'confirm address'>,
): Promise<Finish> {
  const problem = membershipProblem(await parts.directory.member(person, []))
  if (problem !== null)
    return endWith(parts, claim, responseUrl, `You cannot confirm an address: ${problem}.`)
  if (!parts.addressPages)
    return endWith(
      parts,
      claim,
      responseUrl,
      `There is no page to confirm an address on. ${waysToSay(parts.policy(), false)}`,
    )
  if (requestId !== null) {
    try {
      return await wantsAnother(parts, claim, { person, requestId, responseUrl })
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      if (error.kind !== 'permanent' && claim.attempt < gestureTries)
        return again(parts.clock.now() + backoffMs(claim.attempt), messageOf(error))
      const text = `${unread(parts, error)} No link was made, and request ${requestId} stays as it is. Press the button again in a minute.`
      return endWith(parts, claim, responseUrl, text)
    }
  }
  // The button may stand in a message from before the policy changed.
  if (confirmedWindowMs(parts.policy()) === 0) return endWith(parts, claim, responseUrl, nothingAhead)
  const nothing = { ask: null, requestId: null, about: null, family: null }
  return keepAsk(parts, claim, responseUrl, { person, ...nothing })
}

/** Of what had been confirmed and could not go on yet. */
const heldUp =
  'You had the address forgotten before it could go on, so nothing came of it. Ask again when you are ready.'

export async function takeForget(
  parts: IntakeParts,
  claim: Claim,
  { person, responseUrl }: Pick<Of<'forget address'>, 'person' | 'responseUrl'>,
): Promise<Finish> {
  const now = parts.clock.now()
  const forgotten = await parts.store.transact(async (tx) => {
    if (!(await tx.finish([claim], now)).has(claim.id)) return null
    await tx.endIntake(claim.subject, now)
    const count = await tx.forgetAddresses(person)
    const dropped = await tx.forgetLinks(person, heldUp)
    await tx.putJobs(
      dropped.map(({ id }) => linkJob(id, now)),
      now,
    )
    if (count === 0) return count
    const details = { requester: person.userId, forgotten: count }
    await tx.audit([
      { type: 'address.forgotten', at: now, requestId: null, grantId: null, actor: person, details },
    ])
    await tx.putJobs([announceJob(now)], now)
    return count
  })
  if (forgotten === null) return ended
  const text =
    forgotten > 0
      ? 'Your address is forgotten: no ask takes it any more. Requests and open access keep the address that is on their card.'
      : 'No address of yours was remembered, so nothing changed.'
  await answer(parts, responseUrl, text)
  return ended
}
