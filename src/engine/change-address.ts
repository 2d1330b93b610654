import type { Case } from '../core/case.ts'
import { chooseWay } from '../core/defender.ts'
import type { KeptLink } from '../core/kept-link.ts'
import type { Member } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import { defeatsText } from '../core/pre-flight.ts'
import { refusalText } from '../core/refusal.ts'
import type { Ask, Request } from '../core/request.ts'
import type { Source } from '../core/source.ts'
import { asRead, type Way } from '../core/vm.ts'
import type { Claim, Store, Tx } from '../ports.ts'
import { endWith, type IntakeParts } from './answer.ts'
import { again, ended, type Finish } from './handler.ts'
import { lookAhead } from './pre-flight.ts'
import { submit } from './submit-ask.ts'
import { firstVerdict } from './verdict.ts'
import { within } from './within.ts'

const longestReadMs = 20_000
const soonMs = 250

/** The request that goes on from this one with another address, as long as it is not over. */
export async function newestOf(store: Pick<Store, 'case'>, kase: Case): Promise<Case> {
  const last = kase.request.movesTo?.at(-1)
  const next = last === undefined ? null : await store.case(last)
  const lives = next?.request.state === 'pending' || next?.grant?.state === 'open'
  return next && lives ? newestOf(store, next) : kase
}

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
}: Request) => ({
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

const stays = (request: Request) =>
  `Request ${request.id} stays as it is, with the address ${request.source.address}.`

/** Before the approval: the request itself gets the address, and everybody is asked anew. */
async function whilePending(of: Changing, source: Source): Promise<Finish> {
  const { parts, claim, current, member } = of
  const { request } = current
  const { wording } = parts
  const no = (why: string) => endWith(parts, claim, null, `${why} ${stays(request)}`)
  const found = await asked(parts, { ...bare(request), source })
  if ('why' in found) return no(found.why)
  const verdict = await firstVerdict(parts, parts.policy(), found.ask, member)
  if (verdict.outcome === 'deny' || !verdict.terms)
    return no(
      `The policy does not allow it from ${source.address}: ${wording.words(verdict.tree.because, 300)}.`,
    )
  const chosen = chooseWay(found.ask, verdict.terms)
  if (chosen.way === 'none') return no(`${wording.words(chosen.why, 300)}.`)
  const byDefender = chosen.way === 'defender'
  const looked = await lookAhead(parts, found.ask, found.way, { terms: verdict.terms, byDefender })
  if (!looked.ok) return no(`It would not work from ${source.address}. ${defeatsText(looked.defeats)}`)
  const { hops, connectTo, guard } = found.ask
  const change = { source, hops, connectTo, ...(guard && { guard }), preFlight: looked.preFlight }
  const outcome = await parts.dispatcher.dispatch({
    requestId: request.id,
    event: { type: 'address changed', by: member, change, verdict },
    claim,
    also: async (tx, decided) => {
      if (decided.ok) {
        await tx.endIntake(claim.subject, parts.clock.now())
        await of.settles(
          tx,
          `Request ${request.id} has this address now instead of ${request.source.address}. Approvals that were given are void; everybody is asked anew.`,
        )
      }
    },
  })
  return outcome === 'lost' || outcome.ok
    ? ended
    : endWith(parts, claim, null, refusalText(outcome.refusal, wording))
}

/** While it is open: a request of its own from the new address; the old access is closed once that is open. */
async function whileOpen(of: Changing, source: Source): Promise<Finish> {
  const { parts, claim, link, current, member } = of
  const { request, grant } = current
  if (!grant) return again(parts.clock.now() + soonMs, null)
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
  const outcome = await parts.dispatcher.dispatch({
    requestId: request.id,
    event: { type: 'address moves', by: member, requestId: id, address: source.address },
  })
  if (outcome === 'lost') return again(now + soonMs, null)
  if (!outcome.ok) return endWith(parts, claim, null, refusalText(outcome.refusal, parts.wording))
  return submit(parts, claim, '', member, found.ask, {
    way: found.way,
    also: (tx, { state }) =>
      of.settles(
        tx,
        state === 'denied'
          ? `The policy denied request ${id} for it; a message of its own says why. ${stays(request)}`
          : `Request ${id} was made for it; a message of its own says how it stands. ${request.source.address} stays open until its end, or until that request is open.`,
      ),
  })
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
  const { request, grant } = current
  if (source.address === request.source.address)
    return endWith(
      parts,
      claim,
      null,
      `It is the address that request ${request.id} has already, so nothing changed.`,
    )
  const member = await parts.directory.member(link.person, groupsNamed(parts.policy()), 'live')
  const of = { parts, claim, link, current, member, settles }
  if (request.state === 'pending') return whilePending(of, source)
  if (grant?.state === 'open') return whileOpen(of, source)
  return endWith(
    parts,
    claim,
    null,
    `Request ${request.id} neither waits nor is open any more, so nothing changed. Ask again with \`/jit\`.`,
  )
}
