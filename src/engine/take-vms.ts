import { membershipProblem } from '../core/approval.ts'
import { groupsOf, type HomeView, type Overview, standingIn, type VmsView } from '../core/overview.ts'
import type { Person } from '../core/person.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endWith, type IntakeParts } from './answer.ts'
import { backoffMs, gestureTries } from './backoff.ts'
import { again, done, type Finish, messageOf } from './handler.ts'
import type { Overviews } from './overview.ts'

export interface VmsParts extends IntakeParts {
  readonly overviews: Overviews
}

/** Whoever asks waits for it. */
const longestLookMs = 20_000
/** So many VMs of each group fit into an answer with room for their rules. */
const mostAnswered = 10
const mostAtHome = 8
const mostStanding = 15
const mostOwn = 10
const homeEveryMs = 60_000

async function viewOf(
  { overviews }: VmsParts,
  overview: Overview,
  filter: string,
  most: number,
): Promise<VmsView> {
  const { vmsAt, rulesAt, unread, late } = overview
  const groups = await Promise.all(
    groupsOf(overview, filter, most).map(async ({ group, total, vms }) => ({
      group,
      total,
      vms: await overviews.withLastAccess(vms),
    })),
  )
  return { filter, vmsAt, rulesAt, unread, ...(late && { late }), groups }
}

/** How VMs are guarded is for members, as everything else is. */
export async function takeVms(
  parts: VmsParts,
  claim: Claim,
  { person, responseUrl }: Extract<Gesture, { kind: 'ask' }>,
  filter: string,
): Promise<Finish> {
  const problem = membershipProblem(await parts.directory.member(person, []))
  if (problem !== null)
    return endWith(parts, claim, responseUrl, `You cannot see how VMs are guarded: ${problem}.`)
  if (parts.inventory.readAt() === null)
    return endWith(parts, claim, responseUrl, 'Azure’s VMs have not been read yet. Ask again in a minute.')
  const overview = await parts.overviews.look(longestLookMs, null)
  try {
    await parts.chat.vms(responseUrl, await viewOf(parts, overview, filter, mostAnswered))
  } catch (error) {
    parts.log.warn({ error: messageOf(error) }, 'a private answer could not be given')
  }
  return end(parts, claim)
}

async function end(parts: VmsParts, claim: Claim): Promise<Finish> {
  await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
  return done
}

async function homeOf(
  parts: VmsParts,
  person: Person,
  now: number,
): Promise<HomeView | { readonly why: string }> {
  const problem = membershipProblem(await parts.directory.member(person, []))
  if (problem !== null) return { why: problem }
  const [overview, own] = await Promise.all([
    parts.overviews.look(longestLookMs, null),
    parts.store.records.cases(person, mostOwn),
  ])
  return {
    at: now,
    own,
    vms: await viewOf(parts, overview, '', mostAtHome),
    standing: standingIn(overview, mostStanding),
  }
}

/** Draws somebody's Home when they look at it, at most once a minute, whichever replica they reach. */
export async function takeHome(
  parts: VmsParts,
  claim: Claim,
  { person }: Extract<Gesture, { kind: 'home' }>,
): Promise<Finish> {
  const { store, clock, chat, log } = parts
  const feed = `home:${person.userId}`
  const now = clock.now()
  if (now - (await store.feed(feed)).seq < homeEveryMs) return end(parts, claim)
  try {
    await chat.home(person.userId, await homeOf(parts, person, now))
    await store.moveFeed(feed, { seq: now, tried: false })
  } catch (error) {
    log.warn({ userId: person.userId, error: messageOf(error) }, 'somebody’s Home could not be drawn')
    if (claim.attempt < gestureTries) return again(clock.now() + backoffMs(claim.attempt), messageOf(error))
  }
  return end(parts, claim)
}
