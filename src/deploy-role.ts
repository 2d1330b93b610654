import { readFile } from 'node:fs/promises'
import { z } from 'zod'

/** The actions of one of the roles in `deploy/`, which a test holds to what the code calls. */
export async function deployedActions(name: 'role-nsg' | 'role-defender'): Promise<readonly string[]> {
  const text = await readFile(new URL(`../deploy/${name}.json`, import.meta.url), 'utf8')
  return z.object({ Actions: z.array(z.string()) }).parse(JSON.parse(text)).Actions
}
