import type { Permission } from './azure-role.ts'
import { compileGlob, folded } from './glob.ts'

const covers = (pattern: string, action: string): boolean => compileGlob(pattern)(folded(action))

/** Which of some actions none of the permissions grants; what a role excepts, another may still give. */
export const lacking = (
  actions: readonly string[],
  permissions: readonly Pick<Permission, 'actions' | 'notActions'>[],
): readonly string[] =>
  actions.filter((action) =>
    permissions.every(
      (one) =>
        !one.actions.some((pattern) => covers(pattern, action)) ||
        one.notActions.some((pattern) => covers(pattern, action)),
    ),
  )

/** One line of what `doctor` found. */
export interface Finding {
  /** `note` is worth knowing and fails nothing. */
  readonly state: 'good' | 'bad' | 'note'
  readonly text: string
  /** What to do about it. */
  readonly advice?: string
}
