import { askingProblem } from '../core/approval.ts'
import type { Case } from '../core/case.ts'
import { asAsked, isOlder, lives } from '../core/change-address.ts'
import { chooseWay } from '../core/defender.ts'
import { minute } from '../core/duration.ts'
import { Fault } from '../core/fault.ts'
import type { KeptLink } from '../core/kept-link.ts'
import type { Member } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import { defeatsText } from '../core/pre-flight.ts'
import type { Wording } from '../core/refusal.ts'
import type { Ask, Request } from '../core/request.ts'
import type { Source } from '../core/source.ts'
import { asRead, type Way } from '../core/vm.ts'
import type { Claim, Tx } from '../ports.ts'
import { endWith, type IntakeParts, keepRefusal } from './answer.ts'
import { backoffMs } from './backoff.ts'
import type { Happening } from './dispatch.ts'
import { again, ended, type Finish, messageOf } from './handler.ts'
import { newestOf, scheduledText, stays, unread } from './newest-move.ts'
import { lookAhead } from './pre-flight.ts'
import { isOvertaken, Overtaken, submit } from './submit-ask.ts'
import { firstVerdict } from './verdict.ts'
import { within } from './within.ts'

const longestReadMs = 20_000
const lookEveryMs = 5_000
/** Whoever waits is told by then that it did not work: where they came from long ago is not where they are. */
const longestSilenceMs = 10 * minute
const silentFrom = ({ learntAt }: Source): number => learntAt + longestSilenceMs

interface Changing {
  readonly parts: IntakeParts
  readonly claim: Claim
  readonly link: KeptLink
  readonly current: Case
  readonly member: Member
  readonly settles: (tx: Tx, text: string) => Promise<void>
}

type Way_ = { readonly ask: Ask; readonly way: Way | undefined } | { readonly why: string }

/** The same ask over the way that leads in from the new address. */
async function asked({ topology, defender, clock }: IntakeParts, ask: Ask): Promise<Way_> {
  const [path, guard] = await within(clock, longestReadMs, null, (signal) =>
    Promise.all([topology.path(ask.vm, ask.source.family, signal), defender?.guard(ask.vm, signal)]),
  )
  if (path.kind !== 'guarded')
    return { why: `${ask.vm.name} cannot be reached from there through a security group.` }
  const { guard: _, ...rest } = ask
  const { hops, connectTo, way } = path
  const vm = asRead(ask.vm, path)
  return { ask: { ...rest, vm, hops, connectTo, ...(guard && { guard }) }, way }
}

const bare = ({
  id,
  requester,
  vm,
  hops,
  connectTo,
  label,
  ports,
  durationMs,
  until,
  reason,
  ...more
}: Ask) => ({
  id,
  requester,
  vm,
  hops,
  connectTo,
  label,
  ports,
  durationMs,
  until,
  reason,
  ...(more.startsAt != null && { startsAt: more.startsAt }),
  ...(more.extends && { extends: more.extends }),
  ...(more.moves && { moves: more.moves }),
})

const denied = (id: string, request: Request): string =>
  `The policy denied request ${id} for it; a message of its own says why. ${stays(request)}`

const voidedText = ({ addressChange }: Request): string =>
  addressChange && addressChange.voided.length > 0
    ? 'Approvals that were given are void; everybody is asked anew.'
    : 'Nobody had approved yet; approvers see the new address.'

/** Before the approval: the request itself gets the address, and everybody is asked anew. */
async function whilePending(of: Changing, source: Source): Promise<Finish> {
  const { parts, claim, current, member } = of
  const { request } = current
  if (request.state !== 'pending') return again(parts.clock.now() + lookEveryMs, null)
  const whole = asAsked(request)
  const { wording } = parts
  const no = (why: string) => endWith(parts, claim, null, `${why} ${stays(request)}`)
  const found = await asked(parts, { ...bare(whole), source })
  if ('why' in found) return no(found.why)
  const verdict = await firstVerdict(parts, parts.policy(), found.ask, member)
  if (verdict.outcome === 'deny' || !verdict.terms)
    return no(
      `The policy does not allow it from ${source.address}: ${wording.words(verdict.tree.because, 300)}.`,
    )
  // The card stays where it is, and who approves by the new address reads another channel.
  if (verdict.outcome === 'needs approval' && verdict.terms.channel !== request.terms.channel)
    return elsewhere(of, request, found)
  const chosen = chooseWay(found.ask, verdict.terms)
  if (chosen.way === 'none') return no(`${wording.words(chosen.why, 300)}.`)
  const byDefender = chosen.way === 'defender'
  const looked = await lookAhead(parts, found.ask, found.way, { terms: verdict.terms, byDefender })
  if (!looked.ok) return no(`It would not work from ${source.address}. ${defeatsText(looked.defeats)}`)
  const { hops, connectTo, guard } = found.ask
  const change = { source, hops, connectTo, ...(guard && { guard }), preFlight: looked.preFlight }
  await parts.dispatcher.dispatch({
    requestId: request.id,
    event: { type: 'address changed', by: member, change, verdict },
    claim,
    also: async (tx, decided) => {
      if (isOvertaken(decided)) throw new Overtaken('it is not pending any more')
      await tx.endIntake(claim.subject, parts.clock.now())
      await keepRefusal(parts, tx, decided)
      if (decided.ok)
        await of.settles(
          tx,
          `Request ${request.id} has this address now instead of ${request.source.address}. ${voidedText(decided.next.request)}`,
        )
    },
  })
  return ended
}

/** What the open access learns of a request that follows on from it, or moves it, in place of an earlier one. */
async function followed(
  { parts, member }: Changing,
  { extends: before, moves }: Ask,
  id: string,
  source: Source,
): Promise<Happening[]> {
  const requestId = (before ?? moves)?.requestId
  const predecessor = requestId === undefined ? null : await parts.store.case(requestId)
  if (predecessor?.grant?.state !== 'open') return []
  const of = { by: member, requestId: id }
  const last = predecessor.request.movesTo?.at(-1) ?? null
  const event = before
    ? ({ ...of, type: 'extend', extraMs: before.extraMs } as const)
    : ({ ...of, type: 'address moves', source, last } as const)
  return [{ requestId: predecessor.request.id, event }]
}

function placeText(next: Request, old: Request, { channel }: Wording): string {
  if (next.state === 'denied') return denied(next.id, old)
  const isElsewhere = next.state === 'pending' && next.terms.channel !== old.terms?.channel
  const why = isElsewhere
    ? `Approval of this address is asked for in ${channel(next.terms.channel)}, so request`
    : 'Request'
  return `${why} ${next.id} was made for it and took the place of request ${old.id}, which has ended; a message of its own says how it stands.`
}

/** A request of its own takes the place of one that waits, before those who approve by the new address. */
async function elsewhere(
  of: Changing,
  request: Request,
  found: Extract<Way_, { ask: Ask }>,
): Promise<Finish> {
  const { parts, claim, link, member } = of
  const id = parts.newId(`instead ${link.id}`)
  const { source } = found.ask
  const instead = { type: 'address moved', to: id, source, instead: { by: member } } as const
  const more = await followed(of, found.ask, id, source)
  return submit(
    parts,
    claim,
    '',
    member,
    { ...found.ask, id },
    {
      way: found.way,
      insteadOf: request,
      besides: [{ requestId: request.id, event: instead }, ...more],
      also: (tx, next) => of.settles(tx, placeText(next, request, parts.wording)),
    },
  )
}

/** While it is open: a request of its own from the new address; the old access is closed once that is open. */
async function whileOpen(of: Changing, source: Source): Promise<Finish> {
  const { parts, claim, link, current, member } = of
  const { request, grant } = current
  if (!grant) return again(parts.clock.now() + lookEveryMs, null)
  const id = parts.newId(`moves ${link.id}`)
  const moves = { requestId: request.id, address: request.source.address }
  const { extends: _, startsAt: __, ...rest } = bare(request)
  const now = parts.clock.now()
  const found = await asked(parts, {
    ...rest,
    id,
    source,
    durationMs: grant.expiresAt - now,
    until: grant.expiresAt,
    moves,
  })
  if ('why' in found) return endWith(parts, claim, null, `${found.why} ${stays(request)}`)
  const more = request.extensions ? ' More time from the old address ends then, too.' : ''
  const last = request.movesTo?.at(-1) ?? null
  const event = { type: 'address moves', by: member, requestId: id, source, last } as const
  return submit(parts, claim, '', member, found.ask, {
    way: found.way,
    besides: [{ requestId: request.id, event }],
    also: (tx, { state }) =>
      of.settles(
        tx,
        state === 'denied'
          ? denied(id, request)
          : `Request ${id} was made for it; a message of its own says how it stands. ${request.source.address} stays open until its end, or until that request is open.${more}`,
      ),
  })
}

/** Why the address cannot be another one at all, however things go on. */
function problem({ parts, current }: Pick<Changing, 'parts' | 'current'>, source: Source): string | null {
  const { request, grant } = current
  if (source.address === request.source.address)
    return `It is the address that request ${request.id} has already, so nothing changed.`
  if (isOlder(source, request))
    return `Request ${request.id} has the address ${request.source.address}, which you confirmed later than this one, so this one was not used and nothing changed.`
  if (grant?.state === 'opening' && grant.opensAt !== undefined && grant.opensAt > parts.clock.now())
    return scheduledText(request, parts.wording.time(grant.opensAt))
  return lives(current)
    ? null
    : `Request ${request.id} neither waits nor is open any more, so nothing changed. Ask again with \`/jit\`.`
}

/** What may still open has to be open, or over, before another request can take its place. */
const isOpening = ({ grant }: Case): boolean => grant?.state === 'opening'

const tooLong = ({ request, ...of }: Case): string =>
  isOpening({ request, ...of })
    ? `It took too long before this address could be used, because request ${request.id} was still opening for ${request.source.address}. So this one was not used. Press “My address changed” on its message again once it is open.`
    : `It took too long before this address could be used, so it was not used. ${stays(request)} Press “My address changed” on its message again.`

async function changeNow(of: Omit<Changing, 'member'>, source: Source): Promise<Finish> {
  const { parts, claim, link, current } = of
  const { request } = current
  const no = (why: string) => endWith(parts, claim, null, why)
  const why = problem(of, source)
  if (why !== null) return no(why)
  const now = parts.clock.now()
  const until = silentFrom(source)
  if (isOpening(current))
    return now < until
      ? again(now + Math.min(backoffMs(claim.attempt), lookEveryMs), null)
      : no(tooLong(current))
  const member = await parts.directory.member(link.person, groupsNamed(parts.policy()), 'live')
  const unfit = askingProblem(member)
  if (unfit !== null) {
    const silent = !member.known || member.entraUnread === true
    if (silent && now < until) return again(now + backoffMs(claim.attempt), unfit)
    return no(`You cannot ask for access: ${unfit}. ${stays(request)}`)
  }
  if (now >= until) return no(tooLong(current))
  const all = { ...of, member }
  return request.state === 'pending' ? whilePending(all, source) : whileOpen(all, source)
}

/** Gives a request the address that its person has just confirmed. */
export async function changeAddress(
  parts: IntakeParts,
  claim: Claim,
  link: KeptLink,
  source: Source,
  settles: Changing['settles'],
): Promise<Finish> {
  const first = link.requestId === null ? null : await parts.store.case(link.requestId)
  if (!first) return endWith(parts, claim, null, 'The request is not here any more, so nothing changed.')
  const current = await newestOf(parts.store, first)
  try {
    return await changeNow({ parts, claim, link, current, settles }, source)
  } catch (error) {
    if (!(error instanceof Overtaken || error instanceof Fault)) throw error
    const next = parts.clock.now() + backoffMs(claim.attempt)
    // Not by the number of tries: whoever waited for something else has had many of them.
    const mayWait = next < silentFrom(source) && !(error instanceof Fault && error.kind === 'permanent')
    if (mayWait) return again(next, messageOf(error))
    if (error instanceof Overtaken) return endWith(parts, claim, null, tooLong(current))
    return endWith(
      parts,
      claim,
      null,
      `${unread(parts, error)} ${stays(current.request)} Press “My address changed” on its message again in a minute.`,
    )
  }
}
