import { confirmedWindowMs } from '../core/address-policy.ts'
import { durationText } from '../core/duration.ts'
import type { KeptLink } from '../core/kept-link.ts'
import type { Request } from '../core/request.ts'
import type { Claim, Gesture, Tx } from '../ports.ts'
import { endWith, type IntakeParts } from './answer.ts'
import { changeAddress } from './change-address.ts'
import { confirmedSource } from './find-source.ts'
import { done, type Finish } from './handler.ts'
import { linkJob } from './job-of.ts'
import { takeAsk } from './take-ask.ts'
import type { VmsParts } from './take-vms.ts'

/** The message says what became of it once that is on record, and is edited for that. */
async function settle(parts: IntakeParts, tx: Tx, { id }: KeptLink, outcome: string): Promise<boolean> {
  const now = parts.clock.now()
  const isFirst = await tx.settleLink(id, outcome)
  if (isFirst) await tx.putJobs([linkJob(id, now)], now)
  return isFirst
}

/** What became of the ask that waited. Whatever comes later, its own message tells. */
const wentOn = ({ wording }: IntakeParts, { id, state, requestedAt }: Request): string =>
  state === 'denied'
    ? `Your request ${id} was made with it at ${wording.time(requestedAt)}, and the policy denied it; the next message says why.`
    : `Your request ${id} was made at ${wording.time(requestedAt)}; the next message says how it stands.`

/** Where the policy has come to turn the confirmed address away. */
function withoutIt({ ask, requestId }: KeptLink): string {
  if (requestId !== null) return `So nothing changed for request ${requestId}.`
  return ask === null ? 'So no request takes it.' : 'So your request was not made.'
}

function remembered(parts: IntakeParts): string {
  const windowMs = confirmedWindowMs(parts.policy())
  return windowMs > 0
    ? `For ${durationText(windowMs)} you need not confirm it again: what you ask for without an address takes this one.`
    : 'The policy wants an address confirmed for each request, so each one will still ask you.'
}

/** What waited for an address goes on with the one that was confirmed; what would be answered stands in the message. */
export async function takeConfirmed(
  parts: VmsParts,
  claim: Claim,
  { linkId }: Extract<Gesture, { kind: 'address confirmed' }>,
): Promise<Finish> {
  const link = await parts.store.links.one(linkId)
  if (!link?.confirmed || link.outcome !== null) {
    await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
    return done
  }
  // The address is on record by now, so what is said elsewhere of a request that was not made would not be so.
  const replyWith = async (tx: Tx, text: string) => {
    await settle(parts, tx, link, text.replaceAll('Nothing was stored', 'No request was made'))
  }
  const reply = (text: string) => parts.store.transact((tx) => replyWith(tx, text))
  const settles = async (tx: Tx, text: string) => {
    // Its person had the address forgotten meanwhile, so nothing is put on record with it; the next try finds that out.
    if (!(await settle(parts, tx, link, text))) throw new Error(`the link ${link.id} was settled meanwhile`)
  }
  const own = { ...parts, reply, replyWith }
  const { confirmed } = link
  const from = confirmedSource(parts.policy(), confirmed.address, confirmed.at)
  if (from.kind === 'no') return endWith(own, claim, null, `${from.why} ${withoutIt(link)}`)
  if (from.kind !== 'found') return done
  if (link.requestId !== null) return changeAddress(own, claim, link, from.source, settles)
  if (link.ask === null) return endWith(own, claim, null, remembered(parts))
  const { person, ask: text, askedAt } = link
  const gesture = { kind: 'ask', person, text, responseUrl: '' } as const
  return takeAsk(own, claim, gesture, askedAt, {
    source: from.source,
    also: (tx, request) => settles(tx, wentOn(parts, request)),
  })
}
