import { membershipProblem } from '../core/approval.ts'
import type { Case } from '../core/case.ts'
import { chooseWay } from '../core/defender.ts'
import { panicOver } from '../core/panic.ts'
import type { Member } from '../core/person.ts'
import type { Ask } from '../core/request.ts'
import type { Claim, Explained } from '../ports.ts'
import { endWith, type IntakeParts } from './answer.ts'
import { done, type Finish, messageOf } from './handler.ts'
import { lookAhead } from './pre-flight.ts'
import type { Known } from './submit-ask.ts'
import { firstVerdict } from './verdict.ts'

async function explain(
  parts: IntakeParts,
  claim: Claim,
  url: string | null,
  explained: Explained,
): Promise<Finish> {
  try {
    if (url !== null) await parts.chat.explain(url, explained)
  } catch (error) {
    // Whoever wants to know asks again; nothing else depends on it.
    parts.log.warn({ error: messageOf(error) }, 'an explanation could not be given')
  }
  await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
  return done
}

/** What the policy would say to a request that is not made. */
export const whyAsked = async (
  parts: IntakeParts,
  claim: Claim,
  url: string,
  member: Member,
  ask: Ask,
  { way }: Known = {},
): Promise<Finish> => {
  const verdict = await firstVerdict(parts, parts.policy(), ask, member)
  // A stop goes before the policy; whoever asks would be refused by it.
  const stop = panicOver(await parts.store.panics(), ask, member.entraId)
  const chosen = chooseWay(ask, verdict.terms)
  const { terms } = verdict
  const looked =
    verdict.outcome === 'deny'
      ? null
      : await lookAhead(parts, ask, way, { terms, byDefender: chosen.way === 'defender' })
  const noticed = looked && (looked.ok ? looked.preFlight.warnings : looked.defeats)
  const refusal = verdict.outcome !== 'deny' && chosen.way === 'none' ? [`${ask.vm.name}: ${chosen.why}`] : []
  const seen = [...refusal, ...(noticed ?? []).map(({ says }) => says)]
  return explain(parts, claim, url, {
    asked: ask,
    verdict,
    request: null,
    ...(stop && { stop }),
    ...(looked && seen.length > 0 && { azure: { refuses: !looked.ok || refusal.length > 0, says: seen } }),
  })
}

/** What the policy said to a request, for whoever is a full member and sees its card. */
export function whyClicked(
  parts: IntakeParts,
  claim: Claim,
  url: string | null,
  by: Member,
  { request }: Case,
): Promise<Finish> {
  const problem = membershipProblem(by)
  if (problem !== null) return endWith(parts, claim, url, `You cannot see why: ${problem}. Nothing changed.`)
  return explain(parts, claim, url, { asked: request, verdict: request.verdict, request })
}
