import { limitRefused, noRefusal } from '../core/evaluate.ts'
import type { Reason } from '../core/policy.ts'
import { words } from './words.ts'

const most = 16
const indent = '\u2003'

/** The policy's “no” as short indented lines: each rule that was tried, and under it what did not hold. */
export function reasonLines(tree: Reason): string[] {
  // A refusal that applies is named in the first line already.
  const tried = tree.children.filter(({ check, result }) => result === 'no' && check !== noRefusal)
  const lines = tried.flatMap((rule) => [
    `• The rule “${words(rule.check, 120)}” ${limitRefused(tree, rule) ? 'applies, but refuses' : 'does not fit'}:`,
    ...rule.children
      .filter((check) => check.result === 'no')
      .map((check) => `${indent}– ${words(check.check, 60)}: ${words(check.because, 160)}`),
  ])
  const shown =
    lines.length > most ? [...lines.slice(0, most), '• and more rules, none of which fits'] : lines
  return [`The policy says no: ${words(tree.because, 300)}.`, ...shown]
}
