import { minute } from './duration.ts'

/**
 * When the grant ends: fixed at the approval, and never later than an end that the person named. It begins at the
 * approval, or later where the person named a start.
 */
export const expiryOf = (beginsAt: number, durationMs: number, until: number | null): number =>
  Math.min(beginsAt + durationMs, until ?? Number.POSITIVE_INFINITY)

/** Missing, zero, NaN and endless count as expired, so that a broken row closes instead of staying open for ever. */
export const isExpired = (expiresAt: number, now: number): boolean =>
  !(Number.isFinite(expiresAt) && expiresAt > now)

/** Approvers have until the deadline, or until the end that the person named if that comes first. */
export const deadlineOf = (requestedAt: number, deadlineMs: number, until: number | null): number =>
  Math.min(requestedAt + deadlineMs, until ?? Number.POSITIVE_INFINITY)

const warningBefore = 5 * minute

/** Five minutes before the end; null for a grant so short that the warning would come with the opening. */
export const warningAt = (beginsAt: number, expiresAt: number): number | null =>
  expiresAt - beginsAt > warningBefore + minute ? expiresAt - warningBefore : null

/** When approvers are reminded: at half of the time that they have. */
export const reminderAt = (requestedAt: number, deadlineAt: number): number =>
  requestedAt + (deadlineAt - requestedAt) / 2
