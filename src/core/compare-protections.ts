import type { Loss } from './decide-protection.ts'
import { differencesText } from './live-rule.ts'
import { type Protection, shieldDifferences } from './protection.ts'
import type { SurveyedGroup } from './reconcile.ts'

/** A list of rules may lag behind what was written. */
const lagMs = 30_000

/** Those of a subscription that hold, and have held for so long that a survey must show them. */
export const settledIn = (
  all: readonly Protection[],
  subscriptionId: string,
  surveyedAt: number,
): readonly Protection[] =>
  all.filter(
    ({ state, vm, protectedAt }) =>
      state === 'protected' &&
      vm.subscriptionId.toLowerCase() === subscriptionId.toLowerCase() &&
      protectedAt !== undefined &&
      protectedAt < surveyedAt - lagMs,
  )

/** What of a protection's own rules is gone or changed, by one reading of the groups. */
export function lossesOf({ rules }: Protection, groups: readonly SurveyedGroup[]): readonly Loss[] {
  const read = new Map(groups.map((group) => [group.nsgId.toLowerCase(), group.rules]))
  return rules.flatMap((rule): Loss[] => {
    const live = read.get(rule.nsgId)?.find(({ name }) => name === rule.name)
    if (!live) return [{ place: rule.nsgId, name: rule.name, changes: null }]
    const changes = shieldDifferences(rule, live)
    return changes.length > 0
      ? [{ place: rule.nsgId, name: rule.name, changes: differencesText(changes) }]
      : []
  })
}
