import type { Permission } from '../core/azure-role.ts'
import { textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { malformed, readList } from './pages.ts'

const api = '2022-04-01'

/** A list that is missing is empty; one that holds something else than texts would be read as less than it is. */
export function textsOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.some((one) => typeof one !== 'string'))
    throw malformed('holds no actions')
  return value.map(textOf)
}

/** What the identity itself may do at a place, by everything that is assigned there and above. Throws a `Fault`. */
export async function ownPermissions(
  arm: Arm,
  scope: string,
  signal?: AbortSignal,
): Promise<readonly Pick<Permission, 'actions' | 'notActions'>[]> {
  const path = `${scope}/providers/Microsoft.Authorization/permissions?api-version=${api}`
  const rows = await readList(arm, path, signal)
  return rows.map((row) => ({ actions: textsOf(row['actions']), notActions: textsOf(row['notActions']) }))
}
