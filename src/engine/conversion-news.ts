import type { AskedConversion, OpenAfter } from '../core/conversion.ts'
import { Fault } from '../core/fault.ts'
import type { Pages } from '../core/policy.ts'
import type { Chat, Place, Store } from '../ports.ts'
import { backoffMs, pauseMs } from './backoff.ts'
import { dispatchConversion } from './conversions.ts'
import { again, done, type Handler, messageOf } from './handler.ts'
import { conversionCardJob } from './job-of.ts'
import { openNow, type ProposeParts } from './propose-conversion.ts'

export interface ConversionNewsParts extends ProposeParts {
  readonly store: Store
  readonly chat: Pick<Chat, 'conversionCard' | 'conversionNews'>
  readonly pages: () => Pages
}

/** Azure or Slack may be away just now; after so many tries it is said that it is not known, or left. */
const mostTries = 4

/** Edits the message where it stands; one that somebody deleted is posted anew. */
async function show({ chat, pages }: ConversionNewsParts, conversion: AskedConversion): Promise<Place> {
  const { card = null } = conversion
  try {
    return await chat.conversionCard(pages(), conversion, card)
  } catch (error) {
    if (!card || !(error instanceof Fault) || error.code !== 'message_not_found') throw error
    return chat.conversionCard(pages(), conversion, null)
  }
}

function untried(conversion: AskedConversion): AskedConversion {
  const { cardTried: _, ...rest } = conversion
  return rest
}

async function changeCard(
  { store }: ConversionNewsParts,
  id: string,
  change: (current: AskedConversion) => AskedConversion,
): Promise<AskedConversion | null> {
  return store.transact(async (tx) => {
    const current = await tx.conversion(id)
    if (current) await tx.saveConversion(change(current))
    return current
  })
}

/** Whether it is posted for the first time now, or may stand there already although nobody knows where. */
async function firstPost(
  parts: ConversionNewsParts,
  id: string,
): Promise<{ readonly first: boolean; readonly repeat: boolean }> {
  const known = await parts.store.conversion(id)
  if (known?.card) return { first: false, repeat: known.repeated === true }
  const before = await changeCard(parts, id, (current) => ({ ...current, cardTried: true }))
  return { first: !before?.cardTried, repeat: before?.cardTried === true }
}

/** Brings the message before the operators up to date: it is drawn from the state of this moment. */
export const conversionCard =
  (parts: ConversionNewsParts): Handler =>
  async (claim, _, lease) => {
    const { store, clock, log } = parts
    const conversion = await store.conversion(claim.subject)
    if (!conversion || lease.lapsed()) return done
    const { first, repeat } = await firstPost(parts, conversion.id)
    const drawn: AskedConversion = repeat ? { ...conversion, repeated: true } : conversion
    let place: Place
    try {
      place = await show(parts, drawn)
    } catch (error) {
      // Only an uncertain outcome may have left it in the channel.
      if (first && error instanceof Fault && error.kind !== 'uncertain')
        await changeCard(parts, conversion.id, untried)
      log.error(
        { conversion: conversion.id, error: messageOf(error) },
        'the operators could not be shown a change of rules',
      )
      const afterMs = error instanceof Fault ? error.afterMs : null
      return again(clock.now() + pauseMs(claim.attempt, afterMs), messageOf(error))
    }
    const lapsed = lease.lapsed()
    await store.transact(async (tx) => {
      const now = clock.now()
      const current = await tx.conversion(conversion.id)
      if (current && current.card?.ts !== place.ts)
        await tx.saveConversion({ ...current, card: place, ...(drawn.repeated && { repeated: true }) })
      // Whoever has the job now may have shown a later state before this one landed on top of it.
      if (lapsed) await tx.putJobs([conversionCardJob(conversion.id, now)], now)
    })
    return done
  }

/** What Azure confirmed by one reading, another one may not show at once. */
const lags = ({ changes }: AskedConversion, { open }: OpenAfter): boolean =>
  changes.some(
    ({ state, change }) =>
      state === 'done' &&
      open.some(({ rules }) =>
        rules.some(({ nsgId, name }) => nsgId === change.nsgId && name === change.rule.name),
      ),
  )

/** After the last change: reads what stands open now, has it shown, and tells whoever asked. */
export const conversionNews =
  (parts: ConversionNewsParts): Handler =>
  async (claim) => {
    const { store, clock, chat, log } = parts
    let conversion = await store.conversion(claim.subject)
    if (conversion?.state !== 'ended' && conversion?.state !== 'lapsed') return done
    const later = (why: string) => again(clock.now() + backoffMs(claim.attempt), why)
    if (conversion.state === 'ended' && !conversion.after) {
      const after = await openNow(parts, conversion.proposal.vm.id)
      if (claim.attempt < mostTries) {
        if (after.unread !== null) return later(after.unread)
        if (lags(conversion, after)) return later('Azure does not show all of it yet')
      }
      conversion = (await dispatchConversion(parts, conversion.id, { type: 'looked', after })) ?? conversion
    }
    try {
      await chat.conversionNews(conversion)
    } catch (error) {
      log.error(
        { conversion: conversion.id, error: messageOf(error) },
        'news of a change of rules did not reach whoever asked for it',
      )
      if (claim.attempt < 2 * mostTries) return later(messageOf(error))
    }
    return done
  }
