import { createHash, type Hash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { AddressList } from './core/address-policy.ts'
import { isSpan, spansOf } from './core/spans.ts'
import { expectedRange } from './policy-address.ts'
import type { FileProblem, Flaw } from './policy-yaml.ts'

/** Apple’s list has under three hundred thousand lines. */
const mostBytes = 64_000_000
const mostLines = 1_000_000
/** The bot has to answer Slack in between. */
const linesAtOnce = 2_000
const mostProblems = 10

/** What stands first in a line: a range alone or the first column; empty for a comment. */
const rangeIn = (line: string): string =>
  (line.split('#', 1)[0] ?? '')
    .split(/[,;]/, 1)[0]
    ?.trim()
    .replace(/^"(.*)"$/, '$1') ?? ''

type ListAnswer =
  | { readonly ok: true; readonly list: AddressList }
  | { readonly ok: false; readonly problems: readonly FileProblem[] }

async function readRanges(file: string, text: string): Promise<ListAnswer> {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const problem = (line: number, message: string): FileProblem => ({
    file,
    line,
    column: 1,
    path: '',
    message,
  })
  if (lines.length > mostLines)
    return { ok: false, problems: [problem(mostLines, `has more than ${mostLines} lines`)] }
  const [ranges, problems]: [string[], FileProblem[]] = [[], []]
  for (const [index, line] of lines.entries()) {
    if (index % linesAtOnce === linesAtOnce - 1) await setImmediate()
    const range = rangeIn(line)
    if (range === '') continue
    if (isSpan(range)) ranges.push(range)
    else problems.push(problem(index + 1, `${expectedRange} (found ${JSON.stringify(range.slice(0, 60))})`))
    if (problems.length >= mostProblems) break
  }
  // A download that failed leaves an empty file, and nothing of what should never come in would be refused.
  if (ranges.length === 0 && problems.length === 0) problems.push(problem(1, 'holds no range at all'))
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, list: { what: `the list ${basename(file)}`, spans: spansOf(ranges) } }
}

async function readText(file: string): Promise<string> {
  const { size } = await stat(file)
  if (size > mostBytes) throw new Error(`it is larger than ${mostBytes / 1_000_000} MB`)
  return readFile(file, 'utf8')
}

/** A list changes seldom and the policy is read twice each time, so the same text is not read again. */
const known = new Map<string, { readonly digest: string; readonly answer: ListAnswer }>()

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

async function readList(file: string, hash: Hash): Promise<ListAnswer> {
  const text = await readText(file)
  const digest = digestOf(text)
  hash.update(digest)
  const before = known.get(file)
  if (before?.digest === digest) return before.answer
  const answer = await readRanges(file, text)
  known.set(file, { digest, answer })
  return answer
}

/** Reads the files of ranges that a policy names; their paths are meant from where the policy stands. */
export async function readLists(
  policyFile: string,
  names: readonly string[],
  problemOf: (flaw: Flaw) => FileProblem,
  hash: Hash,
): Promise<{ readonly lists: readonly AddressList[]; readonly problems: readonly FileProblem[] }> {
  const [lists, problems]: [AddressList[], FileProblem[]] = [[], []]
  for (const [index, name] of names.entries()) {
    const file = resolve(dirname(policyFile), name)
    try {
      const answer = await readList(file, hash)
      if (answer.ok) lists.push(answer.list)
      else problems.push(...answer.problems)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      hash.update(why)
      problems.push(
        problemOf({
          path: ['address', 'neverFiles', index],
          message: `the file ${file} cannot be read (${why})`,
        }),
      )
    }
  }
  return { lists, problems }
}
