import { membershipProblem } from '../core/approval.ts'
import type { Case } from '../core/case.ts'
import type { Command } from '../core/command.ts'
import { groupsNamed } from '../core/policy.ts'
import { refusalText } from '../core/refusal.ts'
import type { Ask } from '../core/request.ts'
import { asRead } from '../core/vm.ts'
import type { Claim, Gesture, Store } from '../ports.ts'
import { endDispatched, endWith, type IntakeParts } from './answer.ts'
import { done, type Finish } from './handler.ts'
import { submit } from './submit-ask.ts'
import { within } from './within.ts'

const longestReadMs = 20_000

/** What follows on from open access: the same way in, until so much later, counted from now. */
function askFor(
  { request, grant }: Case,
  id: string,
  extraMs: number,
  reason: string | null,
  now: number,
): Ask | null {
  if (!grant) return null
  const until = grant.expiresAt + extraMs
  const { requester, vm, hops, connectTo, label, ports, source } = request
  return {
    id,
    requester,
    vm,
    hops,
    connectTo,
    label,
    ports,
    source,
    durationMs: until - now,
    until,
    reason: reason ?? request.reason,
    extends: {
      requestId: request.id,
      endsAt: grant.expiresAt,
      extraMs,
      ...((request.emergency || request.extends?.emergency) && { emergency: true }),
    },
  }
}

/** Whether an earlier command came so far as to make a request. */
async function hasFollowers(
  store: Store,
  { extensions = [] }: Case['request'],
  but: string,
): Promise<boolean> {
  const others = await Promise.all(extensions.filter((id) => id !== but).map((id) => store.case(id)))
  return others.some((other) => other !== null)
}

/** The open access learns that more time is asked for, and a request for it is made; rules are never edited. */
export async function takeExtend(
  parts: IntakeParts,
  claim: Claim,
  gesture: Extract<Gesture, { kind: 'ask' }>,
  command: Extract<Command, { kind: 'extend' }>,
): Promise<Finish> {
  const { store, clock, directory, dispatcher, topology } = parts
  const { responseUrl: url } = gesture
  const { requestId, extraMs, reason } = command
  const by = await directory.member(gesture.person, groupsNamed(parts.policy()), 'live')
  const why = membershipProblem(by)
  if (why !== null)
    return endWith(parts, claim, url, refusalText({ code: 'not a member', why }, parts.wording))
  const current = await store.case(requestId)
  if (!current) return endWith(parts, claim, url, `There is no request ${requestId}, so nothing changed.`)
  // The same command handled again must mean the same request, or it would ask, and count, twice.
  const id = parts.newId(`extend ${claim.subject}`)
  const asked = await dispatcher.dispatch({
    requestId,
    event: { type: 'extend', by, requestId: id, extraMs },
  })
  const told = await endDispatched(parts, url, asked)
  const ask = told?.ok ? askFor(told.next, id, extraMs, reason, clock.now()) : null
  if (!told?.ok || !ask) {
    await store.transact((tx) => tx.endIntake(claim.subject, clock.now()))
    return done
  }
  const [path, guard] = await within(clock, longestReadMs, null, (signal) =>
    Promise.all([topology.path(ask.vm, ask.source.family, signal), parts.defender?.guard(ask.vm, signal)]),
  )
  if (path.kind !== 'guarded')
    return endWith(
      parts,
      claim,
      url,
      `The way to ${ask.vm.name} has changed, so it cannot be made longer. Ask again with \`/jit\`.`,
    )
  // What is free is free once: for the first request that follows on from one that follows on from nothing.
  const first = !current.request.extends && !(await hasFollowers(store, told.next.request, id))
  const found = {
    vm: asRead(ask.vm, path),
    hops: path.hops,
    connectTo: path.connectTo,
    ...(guard && { guard }),
  }
  return submit(parts, claim, url, by, { ...ask, ...found }, { way: path.way, first })
}
