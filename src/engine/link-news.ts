import { Fault } from '../core/fault.ts'
import type { KeptLink } from '../core/kept-link.ts'
import type { Wording } from '../core/refusal.ts'
import type { Chat, Claim, Clock, Place, Store } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import { again, done, type Handler, messageOf } from './handler.ts'
import { announceJob, linkJob } from './job-of.ts'
import { type AddressPages, linkDetails } from './keep-ask.ts'
import type { Log } from './log.ts'
import { newestOf } from './newest-move.ts'

export interface LinkNewsParts {
  readonly store: Store
  readonly clock: Clock
  readonly chat: Pick<Chat, 'addressLink' | 'say'>
  readonly addressPages?: AddressPages | null
  readonly wording: Wording
  readonly log: Log
}

/** Only its hash is kept, so each sending has a token of its own; one that was sent before leads nowhere then. */
async function send(parts: LinkNewsParts, { id }: KeptLink, claim: Claim): Promise<void> {
  const { store, clock, chat, addressPages: pages } = parts
  if (!pages) return
  const { token, hash } = pages.newToken()
  const link = await store.links.giveToken(id, hash, clock.now())
  if (!link) return
  const url = `${pages.publicUrl.replace(/\/+$/, '')}/ip/${token}`
  const place = await chat.addressLink(link, { url, repeat: claim.attempt > 1 }, null)
  // Somebody else sent it meanwhile, with a newer token.
  if (!(await store.links.place(id, hash, place)))
    await chat.addressLink({ ...link, state: 'replaced' }, null, place)
}

/** Whether there is nothing left that could get another address. */
async function isOver(store: Store, { state, requestId }: KeptLink): Promise<boolean> {
  if (requestId === null || state === 'confirmed') return false
  const first = await store.case(requestId)
  if (!first) return true
  const { request, grant } = await newestOf(store, first)
  if (request.state !== 'pending' && request.state !== 'approved') return true
  return grant?.state === 'closing' || grant?.state === 'closed'
}

/** Edits the message where it stands; one that somebody deleted, or that never came, is posted. */
async function tell({ store, chat }: LinkNewsParts, link: KeptLink): Promise<void> {
  const over = await isOver(store, link)
  let place: Place
  try {
    place = await chat.addressLink(link, null, link.place, over)
  } catch (error) {
    if (!link.place || !(error instanceof Fault) || error.code !== 'message_not_found') throw error
    place = await chat.addressLink(link, null, null, over)
  }
  if (place.ts !== link.place?.ts) await store.links.place(link.id, null, place)
}

/** Each of them once. */
async function tellOfOthers({ store, chat, wording }: LinkNewsParts, link: KeptLink): Promise<void> {
  const { id, person, others } = link
  for (const { userId, told } of others) {
    if (told) continue
    const next =
      link.state === 'waiting'
        ? 'Your link still works for you alone.'
        : 'Whatever your link was for is as you left it.'
    await chat.say(
      person.userId,
      `Somebody else (${wording.user(userId)}) opened your link and signed in; nothing happened: their address was not taken. ${next} If you did not hand it on, tell whoever looks after this app.`,
    )
    await store.links.told(id, userId)
  }
}

/** Brings the private message about a link up to date with what is on record. */
export const linkNews =
  (parts: LinkNewsParts): Handler =>
  async (claim, _, lease) => {
    const link = await parts.store.links.one(claim.subject)
    if (!link || lease.lapsed()) return done
    try {
      if (link.state !== 'waiting') {
        if (link.place || link.state !== 'replaced') await tell(parts, link)
      } else if (!link.place) await send(parts, link, claim)
      await tellOfOthers(parts, link)
      return done
    } catch (error) {
      const fields = { link: link.id, error: messageOf(error) }
      if (error instanceof Fault && error.kind === 'permanent') {
        parts.log.error(fields, 'Slack refuses the message about an address for good')
        return done
      }
      parts.log.warn(fields, 'Slack did not take the message about an address; it will be sent again')
      const afterMs = error instanceof Fault ? error.afterMs : null
      return again(parts.clock.now() + pauseMs(claim.attempt, afterMs), messageOf(error))
    }
  }

/** Ten minutes are over: what waited for the link is not asked for any more. */
export const lapse =
  ({ store, clock }: LinkNewsParts): Handler =>
  async (claim) => {
    const now = clock.now()
    const link = await store.links.one(claim.subject)
    if (link?.state === 'waiting' && now < link.expiresAt) return again(link.expiresAt, null)
    await store.transact(async (tx) => {
      const lapsed = await tx.lapseLink(claim.subject, now)
      if (!lapsed) return
      const { id, requestId } = lapsed
      const details = linkDetails(lapsed)
      await tx.audit([
        { type: 'address.lapsed', at: now, requestId, grantId: null, actor: 'jitney', details },
      ])
      await tx.putJobs([linkJob(id, now), announceJob(now)], now)
    })
    return done
  }
