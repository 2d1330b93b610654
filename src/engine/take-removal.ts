import { authorise } from '../core/approval.ts'
import { lapsesAt, undecidedText } from '../core/conversion.ts'
import { isDefenders } from '../core/defender.ts'
import { Fault } from '../core/fault.ts'
import { panicOn } from '../core/panic.ts'
import type { Member, Person } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import { isGrantRule, isShield, type Protection, type Removal } from '../core/protection.ts'
import { refusalText } from '../core/refusal.ts'
import { unshowable } from '../core/shown-rule.ts'
import type { Vm } from '../core/vm.ts'
import type { Claim, Gesture } from '../ports.ts'
import { answer, endWith, type IntakeParts, settle } from './answer.ts'
import { askerProblem, stopText } from './asker.ts'
import { backoffMs, gestureTries } from './backoff.ts'
import { again, ended, type Finish, messageOf } from './handler.ts'
import { look } from './protection-news.ts'
import { protectionIn } from './protections.ts'
import { endSaying, saying } from './say.ts'
import { within } from './within.ts'

type ProposeGesture = Extract<Gesture, { kind: 'propose removal' }>
type DecideGesture = Extract<Gesture, { kind: 'decide removal' }>

const longestReadMs = 20_000
const nothing = 'Nothing was changed.'

type Found =
  | { readonly ok: true; readonly place: Pick<Removal, 'nsgId' | 'rule'> }
  | { readonly ok: false; readonly why: string }

/** The rule as it stands now. Only one that lets somebody in all the same may be spoken of, and none of ours. */
async function findRule(
  parts: IntakeParts,
  protection: Protection,
  name: string,
  signal: AbortSignal,
): Promise<Found> {
  const { groups, news } = await look({ ...parts, flow: null }, protection, signal)
  const shown = parts.wording.words(name, 80)
  if (news.unread !== null)
    return {
      ok: false,
      why: `What lets somebody in could not be read: ${parts.wording.words(news.unread, 300)}.`,
    }
  const ways = news.ways.filter(
    (way) => way.priority !== null && way.rule.toLowerCase() === name.toLowerCase(),
  )
  const found = groups.flatMap(({ hop, rules }) =>
    rules.flatMap((rule) =>
      ways.some((way) => way.nsgId === hop.nsgId && way.rule === rule.name)
        ? [{ nsgId: hop.nsgId, rule }]
        : [],
    ),
  )
  const [place, other] = found
  if (!place || other)
    return {
      ok: false,
      why: other
        ? `Rules named ${shown} let somebody in by more than one security group, so it is not clear which is meant.`
        : `No rule named ${shown} lets anybody in to ${parts.wording.words(protection.vm.name, 80)} on the ports that are protected.`,
    }
  if (isGrantRule(place.rule) || isShield(place.rule) || isDefenders(place.rule))
    return { ok: false, why: `The rule ${shown} comes and goes by itself.` }
  const unshown = unshowable(place.rule)
  if (unshown !== null) return { ok: false, why: `Nobody was asked: ${parts.wording.words(unshown, 300)}.` }
  return { ok: true, place }
}

/** Nothing is removed by this: another operator is asked. */
export async function takeProposal(
  parts: IntakeParts,
  claim: Claim,
  { person, protectionId, rule: name }: ProposeGesture,
): Promise<Finish> {
  const { store, clock, wording } = parts
  const say = (text: string) => endSaying(parts, claim, person.userId, text)
  const policy = parts.policy()
  const by = await parts.directory.member(person, groupsNamed(policy), 'live')
  if (!by.known && claim.attempt < gestureTries)
    return again(clock.now() + backoffMs(claim.attempt), 'Slack did not say who this is')
  const refusal = authorise('protect', by, { request: null, terms: null, operators: policy.operators })
  if (refusal) return say(refusalText(refusal, wording))
  const protection = await store.protection(protectionId)
  if (protection?.state !== 'protected') return say(`That VM is not protected any more. ${nothing}`)
  let found: Found
  try {
    found = await within(clock, longestReadMs, null, (signal) => findRule(parts, protection, name, signal))
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    if (error.kind !== 'permanent' && claim.attempt < gestureTries)
      return again(clock.now() + backoffMs(claim.attempt), messageOf(error))
    return say(
      `Azure could not be read: ${wording.words(messageOf(error), 300)}. ${nothing} Try again in a minute.`,
    )
  }
  if (!found.ok) return say(`${found.why} ${nothing}`)
  const { place } = found
  const said = await store.transact(async (tx) => {
    const now = clock.now()
    const stop = stopText(parts, await tx.panics(), protection.vm, [by])
    if (!(await tx.finish([claim], now)).has(claim.id)) return null
    await tx.endIntake(claim.subject, now)
    if (stop !== null) return stop
    const removal: Removal = { id: parts.newId(), ...place, by: person, at: now, state: 'proposed' }
    const next = await protectionIn(tx, protectionId, { type: 'removal proposed', removal }, now)
    return next
      ? `Another operator is asked, in ${wording.channel(policy.pages.channel)}, whether the rule ${wording.words(place.rule.name, 80)} is removed. Until one agrees it stays as it is.`
      : `That is asked already, or the VM is not protected any more. ${nothing}`
  })
  if (said !== null) await saying(parts, person.userId, said)
  return ended
}

/** What stands in place of the question once nobody is asked any more. */
function settledText(
  { wording }: IntakeParts,
  { rule, nsgId, by }: Removal,
  { person, text, decided }: { readonly person: Person; readonly text: string; readonly decided?: number },
): string {
  const what = `the rule ${wording.words(rule.name, 80)} in ${wording.words(nsgId.split('/').at(-1) ?? '', 80)}`
  const asked = `${wording.person(by)} wanted ${what} removed.`
  return decided === undefined
    ? `${asked} Nobody is asked about it any more.`
    : `${asked} ${wording.person(person)} decided ${wording.time(decided)}: ${text}`
}

interface Decision {
  readonly text: string
  /** Nobody is asked any more. */
  readonly over: boolean
  /** When this click decided it. */
  readonly decided?: number
}

interface Deciding {
  readonly vm: Vm
  readonly removal: Removal
  readonly by: Member
  readonly asker: Member
}

/** Puts the yes or the no on record with the end of the gesture; null when another replica has taken it. */
function decide(
  parts: IntakeParts,
  claim: Claim,
  { person, protectionId, removalId, agrees }: DecideGesture,
  { vm, removal, by, asker }: Deciding,
): Promise<Decision | null> {
  const { store, clock, wording } = parts
  return store.transact(async (tx) => {
    const now = clock.now()
    const panics = await tx.panics()
    const [stop, over] = [panicOn(panics, by), agrees ? stopText(parts, panics, vm, [by, asker]) : null]
    if (!(await tx.finish([claim], now)).has(claim.id)) return null
    await tx.endIntake(claim.subject, now)
    if (over !== null) return { over: false, text: over }
    if (stop) {
      const { by: who, at, reason } = stop
      return { over: false, text: refusalText({ code: 'stopped', by: who, at, reason }, wording) }
    }
    if (agrees && now >= lapsesAt(removal)) {
      const event = { type: 'removal lapsed', id: removalId, because: undecidedText } as const
      const lapsed = await protectionIn(tx, protectionId, event, now)
      if (lapsed)
        return { over: true, text: `Your yes was not taken: ${undecidedText}, so it has lapsed. ${nothing}` }
    }
    const event = { type: 'removal decided', id: removalId, by: person, agrees } as const
    const next = await protectionIn(tx, protectionId, event, now)
    const rule = wording.words(removal.rule.name, 80)
    if (!next)
      // A decision has settled the question itself; the end of the protection has not.
      return {
        over: removal.state === 'void',
        text: `This was decided already, or the VM is not protected any more. ${nothing}`,
      }
    const text = agrees
      ? `The rule ${rule} is being removed, if it is still as it was shown. Whoever asked is told when Azure shows that it is gone.`
      : `The rule ${rule} is kept.`
    return { over: true, text, decided: now }
  })
}

/** The yes or the no of another operator; one's own counts for nothing. */
export async function takeDecision(
  parts: IntakeParts,
  claim: Claim,
  gesture: DecideGesture,
): Promise<Finish> {
  const { store, clock, wording, directory } = parts
  const { person, protectionId, removalId, agrees, responseUrl } = gesture
  const policy = parts.policy()
  const protection = await store.protection(protectionId)
  const removal = protection?.removals?.find(({ id }) => id === removalId)
  if (!protection || !removal)
    return endWith(parts, claim, responseUrl, `There is no such rule to decide about. ${nothing}`)
  const [by, asker] = await Promise.all([
    directory.member(person, groupsNamed(policy), 'live'),
    directory.member(removal.by, groupsNamed(policy), 'live'),
  ])
  if (!(by.known && (asker.known || !agrees)) && claim.attempt < gestureTries)
    return again(clock.now() + backoffMs(claim.attempt), 'Slack did not say who this is')
  const refusal = authorise('agree', by, {
    request: { requester: removal.by },
    requesterEntraId: asker.entraId,
    ...(asker.entraUnread && { requesterUnread: true }),
    terms: null,
    operators: policy.operators,
  })
  if (refusal) return endWith(parts, claim, responseUrl, refusalText(refusal, wording))
  const alone = agrees ? askerProblem(asker, policy, wording) : null
  if (alone !== null) return endWith(parts, claim, responseUrl, alone)
  const outcome = await decide(parts, claim, gesture, { vm: protection.vm, removal, by, asker })
  if (outcome === null) return ended
  await answer(parts, responseUrl, outcome.text)
  if (outcome.over) await settle(parts, responseUrl, settledText(parts, removal, { person, ...outcome }))
  if (!agrees && outcome.decided !== undefined)
    await saying(
      parts,
      removal.by.userId,
      `${wording.person(person)} was asked about the rule ${wording.words(removal.rule.name, 80)}: ${outcome.text}`,
    )
  return ended
}
