import type { Outcome, Reason, Verdict } from './policy.ts'

/** One line of an explanation, without its indent. What rules, tags and people are called is in it as it stands. */
export interface TreeLine {
  readonly depth: number
  readonly text: string
  /** Belongs to what decided, so it stays where not everything can be shown. */
  readonly decides: boolean
}

const outcomeText: Readonly<Record<Outcome, string>> = {
  allow: 'Allowed',
  'needs approval': 'Needs approval',
  deny: 'Denied',
}

const resultText: Readonly<Record<Reason['result'], string>> = {
  yes: 'yes',
  no: 'no',
  skipped: 'not tried',
}

/** What stands under a node says why better than a sentence that repeats it. */
const nodeText = ({ check, result, because, children }: Reason): string =>
  `${resultText[result]} – ${check}${children.length > 0 ? '' : `: ${because}`}`

function linesOf(reason: Reason, depth: number, named: (one: Reason) => boolean, within = false): TreeLine[] {
  const self = within || (reason.result === 'yes' || depth === 1 ? named(reason) : false)
  const below = reason.children.flatMap((child) => linesOf(child, depth + 1, named, self))
  return [{ depth, text: nodeText(reason), decides: self || below.some(({ decides }) => decides) }, ...below]
}

/** Rules that were not tried say all the same, so several are one line. */
function skippedLine(skipped: readonly Reason[]): TreeLine[] {
  const [first, ...more] = skipped
  if (!first) return []
  const text =
    more.length === 0
      ? nodeText(first)
      : `${resultText.skipped} – ${skipped.length} rules, from “${first.check}” on: ${first.because}`
  return [{ depth: 1, text, decides: false }]
}

/** The one form in which a policy’s answer is explained, whoever asks and wherever: the answer comes first. */
export function treeLines({ outcome, tree }: Pick<Verdict, 'outcome' | 'tree'>): readonly TreeLine[] {
  const tried = tree.children.filter(({ result }) => result !== 'skipped')
  const skipped = tree.children.filter(({ result }) => result === 'skipped')
  // The sentence at the top names the rule or the refusal that decided.
  const named = ({ check }: Reason) => tree.because.includes(check)
  return [
    { depth: 0, text: `${outcomeText[outcome]}: ${tree.because}.`, decides: true },
    { depth: 0, text: tree.check, decides: true },
    ...tried.flatMap((child) => linesOf(child, 1, named)),
    ...skippedLine(skipped),
  ]
}

/** The same as plain text, for a terminal. */
export const treeText = (verdict: Pick<Verdict, 'outcome' | 'tree'>): string =>
  treeLines(verdict)
    .map(({ depth, text }) => `${'  '.repeat(depth)}${text}`)
    .join('\n')
