import { linkLifeMs } from '../core/address-link.ts'
import { confirmedWindowMs } from '../core/address-policy.ts'
import { durationText } from '../core/duration.ts'
import { type KeptLink, mostWaiting } from '../core/kept-link.ts'
import type { Claim, Tx } from '../ports.ts'
import { answer, type IntakeParts } from './answer.ts'
import { ended, type Finish } from './handler.ts'
import { announceJob, lapseJob, linkJob } from './job-of.ts'

/** Where the address page is, and how a token for it is made. */
export interface AddressPages {
  readonly publicUrl: string
  /** 128 random bits, and their SHA-256, which alone is kept. */
  readonly newToken: () => { readonly token: string; readonly hash: string }
}

export type Wanted = Pick<KeptLink, 'person' | 'ask' | 'requestId' | 'about' | 'family'>

export const linkDetails = ({ id, person, about }: KeptLink) => ({
  link: id,
  requester: person.userId,
  ...(about && { vm: about.vm, asked: { label: about.label } }),
})

const auditOf = (type: 'address.asked' | 'address.replaced', link: KeptLink, at: number) => ({
  type,
  at,
  requestId: link.requestId,
  grantId: null,
  actor: link.person,
  details: linkDetails(link),
})

/** The newest is what its person wants now. */
const crowded = `No more than ${mostWaiting} links of yours wait at once, and this was the oldest of them.`

async function putLink(tx: Tx, link: KeptLink, now: number): Promise<void> {
  const same = await tx.putLink(link)
  const replaced = [...same, ...(await tx.crowdOut(link, mostWaiting, crowded, now))]
  await tx.audit([
    ...replaced.map((older) => auditOf('address.replaced', older, now)),
    auditOf('address.asked', link, now),
  ])
  const jobs = [link, ...replaced].map(({ id }) => linkJob(id, now))
  await tx.putJobs([...jobs, lapseJob(link.id, link.expiresAt), announceJob(now)], now)
}

/** Who breaks the glass must not think that somebody is still asked. */
const glassText =
  'You are breaking the glass: once you have confirmed, access opens at once and those passed over are told.'

/** What a person is told at once, while the message with the link is on its way. */
const onItsWay = ({ ask, requestId, about }: Wanted, until: string, windowMs: number): string => {
  const first = `Look for my message: it has the button “Confirm my address”, which works until ${until}.`
  if (ask !== null && about?.emergency) return `${first} ${glassText} Until then nothing is opened.`
  if (ask !== null)
    return `${first} Once your address is confirmed there, this goes on by itself; you need not type it again. Until then nobody is asked and nothing is opened.`
  return requestId === null
    ? `${first} Once your address is confirmed, what you ask for without one takes it for ${durationText(windowMs)}. Until then what is remembered stays as it is.`
    : `${first} Until your new address is confirmed there, this request stays as it is, with the address that it has.`
}

/** Keeps what was asked for until its person has confirmed an address, and ends the gesture with that. */
export async function keepAsk(
  parts: IntakeParts,
  claim: Claim,
  url: string | null,
  wanted: Wanted,
): Promise<Finish> {
  const { store, clock, wording } = parts
  const now = clock.now()
  const fresh = { place: null, confirmed: null, outcome: null, others: [], state: 'waiting' } as const
  const link: KeptLink = {
    ...wanted,
    ...fresh,
    // The same gesture handled again must mean the same link.
    id: parts.newId(`address ${claim.subject}`),
    askedAt: now,
    expiresAt: now + linkLifeMs,
  }
  const kept = await store.transact(async (tx) => {
    if (!(await tx.finish([claim], now)).has(claim.id)) return false
    await tx.endIntake(claim.subject, now)
    await putLink(tx, link, now)
    return true
  })
  if (kept)
    await answer(
      parts,
      url,
      onItsWay(wanted, wording.time(link.expiresAt), confirmedWindowMs(parts.policy())),
    )
  return ended
}
