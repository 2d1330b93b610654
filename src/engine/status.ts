import { day, durationText, minute } from '../core/duration.ts'
import { type Panic, scopeName, stoppedText } from '../core/panic.ts'
import type { Wording } from '../core/refusal.ts'
import type { Clock, Health, Inventory, Spread, Store } from '../ports.ts'

export interface StatusParts {
  readonly store: Store
  readonly clock: Clock
  readonly inventory: Inventory
  readonly wording: Wording
  readonly clockTrouble: () => string | null
}

const days = 7

const seconds = (ms: number | null) =>
  ms === null ? 'unknown' : `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`

const spreadText = (what: string, { count, p50, p99, max }: Spread) =>
  count === 0
    ? `${what}: none in the last ${days} days.`
    : `${what}: half within ${seconds(p50)}, 99 % within ${seconds(p99)}, at most ${seconds(max)} (${count} in the last ${days} days).`

function standing({ states, earliestExpiry, overdue, stuck }: Health, wording: Wording): string[] {
  const count = (state: string) => states[state] ?? 0
  const open = `Open: ${count('open')}, opening: ${count('opening')}, closing: ${count('closing')}.`
  const next = earliestExpiry === null ? '' : ` The next end is at ${wording.time(earliestExpiry)}.`
  const late =
    overdue + stuck === 0
      ? 'Nothing is open past its time.'
      : `*Past its time: ${overdue}. Closing for more than a minute: ${stuck}.*`
  return [`${open}${next}`, late]
}

/** More than these fill the answer. */
const mostStops = 8

/** Nothing is asked for or approved in the scope of a stop, so whoever asks how things stand reads it first. */
function stopped(panics: readonly Panic[], wording: Wording): string[] {
  const lines = panics.slice(0, mostStops).map(({ by, scope, at, reason }) => {
    const what = stoppedText(scope.kind, scopeName(scope), wording)
    return `*Stopped:* ${wording.person(by)} stopped ${what} at ${wording.time(at)}: ${wording.words(reason, 200)}.`
  })
  const more = panics.length - lines.length
  return more > 0 ? [...lines, `*More stops that hold: ${more}.*`] : lines
}

const ageText = (ms: number) =>
  ms < minute ? 'less than a minute' : durationText(Math.floor(ms / minute) * minute)

/** How things stand, in words, for whoever asks. */
export async function statusText({
  store,
  clock,
  inventory,
  wording,
  clockTrouble,
}: StatusParts): Promise<string> {
  const now = clock.now()
  const health = await store.health(now, now - days * day)
  const readAt = inventory.readAt()
  const trouble = clockTrouble()
  return [
    ...stopped(await store.panics(), wording),
    ...standing(health, wording),
    ...(health.unsigned > 0 ? [`*Emergencies that nobody has reviewed: ${health.unsigned}.*`] : []),
    spreadText('Closing after the end', health.lateness),
    spreadText('Opening after the approval', health.opening),
    readAt === null
      ? 'Azure’s VMs have not been read yet.'
      : `Azure’s VMs were read at ${wording.time(readAt)}, ${ageText(now - readAt)} ago.`,
    ...(inventory.late?.() ?? []).map(
      ({ tenantId, readAt: at }) =>
        `*The tenant ${wording.words(tenantId, 60)} could not be read:* ${at === null ? 'its VMs are not known' : `its VMs are as of ${wording.time(at)}`}.`,
    ),
    ...(trouble === null ? [] : [`*${trouble}.*`]),
  ].join('\n')
}
