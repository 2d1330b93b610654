import { besidesText, chooseWay } from '../core/defender.ts'
import { durationText, isTomorrow } from '../core/duration.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Member } from '../core/person.ts'
import { defeatsText, type PreFlightAnswer } from '../core/pre-flight.ts'
import type { Wording } from '../core/refusal.ts'
import type { Ask, Request } from '../core/request.ts'
import type { Way } from '../core/vm.ts'
import type { Claim, Tx } from '../ports.ts'
import { answer, endDispatched, endWith, type IntakeParts, keepRefusal } from './answer.ts'
import { beyondProtections } from './beyond-protections.ts'
import type { Dispatched, Happening } from './dispatch.ts'
import { done, ended, type Finish } from './handler.ts'
import { stays } from './newest-move.ts'
import { lookAhead } from './pre-flight.ts'
import { QuotaUsedUp } from './quota.ts'
import { firstVerdict } from './verdict.ts'

const mostTries = 4

/** What is known of a request beside what was asked for. */
export interface Known {
  readonly way?: Way | undefined
  /** It follows on from access that nothing has followed on from. */
  readonly first?: boolean
  /** The request whose place it is to take, which waits still where nothing comes of it. */
  readonly insteadOf?: Request
  /** What is to be put on record together with it. */
  readonly also?: (tx: Tx, request: Request) => Promise<void>
  /** What happens to other requests with it; `Overtaken` is thrown where they are not what they were any more. */
  readonly besides?: readonly Happening[]
}

/** Something else happened to a request meanwhile: it must be looked at again, and the gesture goes on. */
export class Overtaken extends Error {}

export const isOvertaken = (outcome: Outcome): boolean =>
  !outcome.ok && (outcome.refusal.code === 'moved meanwhile' || outcome.refusal.code === 'address stays')

type Defeated = Extract<PreFlightAnswer, { ok: false }>

const isDefeated = (outcome: Dispatched | Defeated): outcome is Defeated =>
  outcome !== 'lost' && 'defeats' in outcome

/** Asks the policy, and puts the request on record together with the end of the gesture that made it. */
export async function submit(
  parts: IntakeParts,
  claim: Claim,
  url: string,
  member: Member,
  ask: Ask,
  known: Known = {},
): Promise<Finish> {
  const outcome = await dispatchAsk(parts, claim, member, ask, known)
  if (isDefeated(outcome)) return endWith(parts, claim, url, defeatedText(ask, outcome, known))
  const told = await endDispatched(parts, url, outcome)
  if (told && !told.ok && told.refusal.code === 'defender refuses') {
    await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
    return done
  }
  if (told?.ok) await answer(parts, url, submittedText(told.next.request, member.timeZone, parts.wording))
  return ended
}

/** Asks the policy, and again when somebody else took the last place of a quota meanwhile. */
async function dispatchAsk(
  parts: IntakeParts,
  claim: Claim,
  member: Member,
  ask: Ask,
  { way, first = false, also, besides }: Known,
): Promise<Dispatched | Defeated> {
  let looked: PreFlightAnswer | null = null
  for (let tries = 1; ; tries += 1) {
    const policy = parts.policy()
    const verdict = await firstVerdict(parts, policy, ask, member, first)
    const chosen = chooseWay(ask, verdict.terms)
    // Nobody is asked for a yes to what will not open, and nobody looks at Azure for what the policy refuses.
    if (verdict.outcome !== 'deny') {
      const beyond = chosen.way === 'none' ? chosen.why : await beyondProtections(parts, ask)
      if (beyond !== null)
        return { ok: false, refusal: { code: 'defender refuses', vm: ask.vm.name, why: beyond } }
      looked ??= await lookAhead(parts, ask, way, {
        terms: verdict.terms,
        byDefender: chosen.way === 'defender',
      })
    }
    if (looked && !looked.ok) return looked
    const planned = looked ? { ...ask, preFlight: looked.preFlight } : ask
    const rule = verdict.outcome === 'allow' ? verdict.terms?.rule : undefined
    const quota = policy.rules.find(({ name }) => name === rule)?.quota ?? {}
    try {
      return await parts.dispatcher.dispatch({
        requestId: ask.id,
        event: {
          type: 'submit',
          ask: planned,
          verdict,
          grantId: parts.newId(),
          requesterEntraId: member.entraId,
        },
        claim,
        ...(besides && { besides }),
        quota: Object.keys(quota).length > 0 ? quota : null,
        also: async (tx, decided) => {
          if (isOvertaken(decided)) throw new Overtaken('the request is not what it was')
          await tx.endIntake(claim.subject, parts.clock.now())
          await keepRefusal(parts, tx, decided)
          if (decided.ok && ask.source.learnt === 'typed') {
            await tx.rememberAddress(ask.requester, ask.source.address, ask.source.learntAt)
          }
          if (decided.ok) await also?.(tx, decided.next.request)
        },
      })
    } catch (error) {
      if (!(error instanceof QuotaUsedUp) || tries >= mostTries) throw error
    }
  }
}

function defeatedText(ask: Ask, { defeats }: Defeated, { insteadOf }: Known): string {
  const what = `${ask.label} to ${ask.vm.name} would not work. ${defeatsText(defeats)}`
  if (insteadOf) return `${what} No other request was made. ${stays(insteadOf)}`
  return `${what} ${ask.extends || ask.moves ? 'Nothing more was asked for or opened; what is open stays open until its own end.' : 'Nothing was stored and nobody was asked.'}`
}

function noticed(request: Request): string {
  const notes = (request.preFlight?.warnings ?? []).map(({ says }) => says)
  const decided = request.state === 'pending' || request.state === 'approved'
  const more = decided && chooseWay(request, request.terms).way === 'defender' ? besidesText(request) : null
  if (more !== null) notes.push(`the policy of Defender for Cloud ${more}`)
  return notes.map((says) => ` Note: ${says}.`).join('')
}

/** A time of day that has passed means tomorrow’s, and nobody may find that out tomorrow. */
function startText({ startsAt, requestedAt }: Request, zone: string | null, wording: Wording): string {
  if (startsAt == null) return ''
  const day = isTomorrow(startsAt, requestedAt, zone) ? 'tomorrow, ' : ''
  return `, beginning ${day}at ${wording.time(startsAt)}`
}

function askedText(request: Request, zone: string | null, wording: Wording): string {
  const { label, vm, durationMs, source, until, extends: before } = request
  const what = `${label} to ${vm.name}`
  if (before)
    return `more time for ${what}, ${durationText(before.extraMs)} longer, until ${wording.time(until ?? before.endsAt)}, from ${source.address}`
  return `${what} for ${durationText(durationMs)} from ${source.address}${startText(request, zone, wording)}`
}

function submittedText(request: Request, zone: string | null, wording: Wording): string {
  const what = askedText(request, zone, wording)
  if (request.state === 'denied') {
    return `Denied by the policy: ${what}. Why: ${request.verdict.tree.because}. ${request.extends ? 'Nothing more was opened; what is open stays open until its own end.' : 'Nothing was opened.'}`
  }
  if (request.state === 'pending') {
    return `Request ${request.id}: ${what}. It waits for approval in ${wording.channel(request.terms.channel)}; I will message you.${noticed(request)}`
  }
  return `Request ${request.id}: ${what}. The policy allows it; I will message you when it is open.${noticed(request)}`
}
