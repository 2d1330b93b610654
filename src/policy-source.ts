import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Policy } from './core/policy.ts'
import { type PolicyAnswer, parsePolicy } from './policy-file.ts'
import { readLists } from './policy-lists.ts'
import type { FileProblem } from './policy-yaml.ts'

export const problemText = (
  file: string,
  { file: other, line, column, path, message }: FileProblem,
): string => `${other ?? file}:${line}:${column}: ${path ? `${path}: ` : ''}${message}`

/** What a policy file holds; `hash` identifies the exact text, good or bad, and the lists that it names. */
export type LoadedPolicy = PolicyAnswer & { readonly text: string; readonly hash: string }

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

/** Reads a policy file. A file that cannot be read is a problem like any other. */
export async function loadPolicy(file: string): Promise<LoadedPolicy> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const message = `the file cannot be read (${error instanceof Error ? error.message : String(error)})`
    const problems = [{ line: 1, column: 1, path: '', message }]
    return { ok: false, problems, text: '', hash: hashOf(message) }
  }
  const first = parsePolicy(text, hashOf(text))
  if (!first.ok || first.neverFiles.length === 0) return { ...first, text, hash: hashOf(text) }
  // Another list is another policy, though its text is the same.
  const all = createHash('sha256').update(text)
  const { lists, problems } = await readLists(file, first.neverFiles, first.problemOf, all)
  const hash = all.digest('hex')
  if (problems.length > 0) return { ok: false, problems, text, hash }
  return { ...parsePolicy(text, hash, lists), text, hash }
}

/** The policy in force, and its text. */
export interface PolicySource {
  current(): Policy
  text(): string
  /** Puts another one in force. */
  use(policy: Policy, text: string): void
}

/** Loads the policy that the bot starts with. Throws, naming every problem, when it is bad. */
export async function openPolicy(
  file: string,
  refuse: (problems: readonly string[]) => Error,
): Promise<PolicySource> {
  const first = await loadPolicy(file)
  if (!first.ok) throw refuse(first.problems.map((problem) => problemText(file, problem)))
  let inForce: { readonly policy: Policy; readonly text: string } = first
  return {
    current: () => inForce.policy,
    text: () => inForce.text,
    use: (policy, text) => {
      inForce = { policy, text }
    },
  }
}
