import { DateTime } from 'luxon'
import type { KeptAccess } from './standing.ts'

/** When and where it is told each week what stands open. */
export interface DigestSchedule {
  readonly channel: string
  /** 1 is Monday, 7 is Sunday. */
  readonly day: number
  /** By the clock on the wall of the zone. */
  readonly hour: number
  /** An IANA zone. */
  readonly zone: string
}

/** How far the weekly digest has come: kept, so that there is one a week whoever posts it. */
export interface KeptDigest {
  /** The schedule that this is about; a new one begins anew. */
  readonly schedule: string
  /** The last of its moments that has been dealt with. */
  readonly slot: number
  /** A later moment whose digest was sent and may stand there already. */
  readonly tried: number | null
  /** When the last digest was posted, and what stood open then; null before the first one. */
  readonly at: number | null
  readonly standing: readonly KeptAccess[]
}

export const scheduleText = ({ channel, day, hour, zone }: DigestSchedule): string =>
  `${channel} ${day} ${hour} ${zone}`

/**
 * The latest moment of the schedule that is not after `now`. Where the clocks leave the hour out, it is the hour that
 * follows; where it comes twice, the first of the two.
 */
export function latestSlot({ day, hour, zone }: DigestSchedule, now: number): number {
  const here = DateTime.fromMillis(now, { zone })
  for (const weeks of [0, 1]) {
    const slot = here
      .startOf('week')
      .minus({ weeks })
      .plus({ days: day - 1 })
      .set({ hour })
      .toMillis()
    if (slot <= now) return slot
  }
  return Number.NEGATIVE_INFINITY
}

/** The first moment of the schedule after `now`. */
export function nextSlot(schedule: DigestSchedule, now: number): number {
  const here = DateTime.fromMillis(now, { zone: schedule.zone }).startOf('week')
  for (const weeks of [0, 1]) {
    const slot = here
      .plus({ weeks, days: schedule.day - 1 })
      .set({ hour: schedule.hour })
      .toMillis()
    if (slot > now) return slot
  }
  return latestSlot(schedule, now) + 7 * 24 * 3_600_000
}

/** What is kept once a schedule begins: its moments before now are not made up for. */
export const beginning = (schedule: DigestSchedule, before: KeptDigest | null, now: number): KeptDigest => ({
  schedule: scheduleText(schedule),
  slot: Math.max(latestSlot(schedule, now), before?.slot ?? 0),
  tried: null,
  at: before?.at ?? null,
  standing: before?.standing ?? [],
})

/** The moment whose digest is due now; null when it has been posted, or is still to come. */
export function dueSlot(schedule: DigestSchedule, kept: KeptDigest | null, now: number): number | null {
  if (!kept || kept.schedule !== scheduleText(schedule)) return null
  const slot = latestSlot(schedule, now)
  return slot > kept.slot ? slot : null
}
