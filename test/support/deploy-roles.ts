import { readFile } from 'node:fs/promises'
import { z } from 'zod'

const shape = z.strictObject({
  Name: z.string().min(1),
  IsCustom: z.literal(true),
  Description: z.string().min(1),
  Actions: z.array(z.string()),
  NotActions: z.array(z.string()),
  AssignableScopes: z.array(z.string()),
})

export const roleFiles = ['role-nsg', 'role-defender', 'role-sweeper', 'role-flush', 'role-protect'] as const
export type RoleFile = (typeof roleFiles)[number]

export const deployRole = async (name: RoleFile) =>
  shape.parse(JSON.parse(await readFile(new URL(`../../deploy/${name}.json`, import.meta.url), 'utf8')))

/** The role as the simulator enforces it: assigned everywhere, whatever the placeholder in the file says. */
export async function heldRole(name: RoleFile): Promise<{ Actions: string[]; NotActions: string[] }> {
  const { Actions, NotActions } = await deployRole(name)
  return { Actions, NotActions }
}
