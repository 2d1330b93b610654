import type { Quota, Usage } from './policy.ts'

/** Each limit of a quota, the count that it is held against, and what it is called. */
export const quotaParts = [
  ['perPerson', 'byPerson', 'for this person'],
  ['perVm', 'ofVm', 'for this VM'],
  ['perRule', 'ofRule', 'for the rule'],
] as const satisfies readonly (readonly [keyof Quota, keyof Usage, string])[]

/** Whether a quota lets one more through; what is not known counts as used up. */
export function hasPlace(quota: Quota, usage: Usage | undefined): boolean {
  for (const [limit, used] of quotaParts) {
    const most = quota[limit]
    if (most !== undefined && !((usage?.[used] ?? Number.POSITIVE_INFINITY) < most)) return false
  }
  return true
}
