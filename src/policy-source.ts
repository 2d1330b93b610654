import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Policy } from './core/policy.ts'
import { type PolicyAnswer, parsePolicy } from './policy-file.ts'
import type { FileProblem } from './policy-yaml.ts'

export const problemText = (file: string, { line, column, path, message }: FileProblem): string =>
  `${file}:${line}:${column}: ${path ? `${path}: ` : ''}${message}`

/** Reads a policy file. A file that cannot be read is a problem like any other. */
export async function loadPolicy(file: string): Promise<PolicyAnswer> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const message = `the file cannot be read (${error instanceof Error ? error.message : String(error)})`
    return { ok: false, problems: [{ line: 1, column: 1, path: '', message }] }
  }
  return parsePolicy(text, createHash('sha256').update(text).digest('hex'))
}

/** The policy in force. A bad file is refused: the old one stays. */
export interface PolicySource {
  current(): Policy
  /** Reads the file again; answers what is wrong, or null when the new policy is in force. */
  reload(): Promise<string | null>
}

/** Loads the policy that the bot starts with. Throws, naming every problem, when it is bad. */
export async function openPolicy(
  file: string,
  refuse: (problems: readonly string[]) => Error,
): Promise<PolicySource> {
  const first = await loadPolicy(file)
  if (!first.ok) throw refuse(first.problems.map((problem) => problemText(file, problem)))
  let policy = first.policy
  return {
    current: () => policy,
    reload: async () => {
      const next = await loadPolicy(file)
      if (!next.ok) return next.problems.map((problem) => problemText(file, problem)).join('\n')
      policy = next.policy
      return null
    },
  }
}
