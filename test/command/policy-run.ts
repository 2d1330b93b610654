import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { SlackLookup } from '../../src/config.ts'
import { runPolicy } from '../../src/run-policy.ts'
import { clock } from '../support/cases.ts'

const folder = await mkdtemp(join(tmpdir(), 'jitney-policy-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Writes files beside one another; answers the path of each. */
export async function files<Name extends string>(texts: Record<Name, string>): Promise<Record<Name, string>> {
  const paths = { ...texts }
  for (const name in texts) {
    paths[name] = join(folder, name)
    await writeFile(paths[name], texts[name])
  }
  return paths
}

export interface Said {
  readonly code: number
  /** Everything on both streams, without the folder that only this test knows. */
  readonly text: string
}

/** What an operator sees who types `policy …`; 09:00 is now. */
export async function policyCommand(defaultFile: string, ...args: string[]): Promise<Said> {
  return policyCommandWith(null, defaultFile, ...args)
}

/** The same with a Slack to ask. */
export async function policyCommandWith(
  slack: SlackLookup,
  defaultFile: string,
  ...args: string[]
): Promise<Said> {
  const lines: string[] = []
  const hear = (text: string) => void lines.push(text)
  const code = await runPolicy(args, { defaultFile, now: clock('09:00'), slack, say: hear, complain: hear })
  return { code, text: lines.join('\n').replaceAll(`${folder}/`, '') }
}
