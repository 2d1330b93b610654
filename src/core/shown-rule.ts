import type { LiveRule } from './live-rule.ts'
import { groupMark } from './priority.ts'

/** A message shows so many sources, destinations or ports of a rule, and so many letters of each. */
export const mostShownWords = 12
export const mostShownLetters = 120
/** All of them together, so that no part of a message is cut. */
const mostLetters = 1_800
const mostDescription = 150

const applicationGroup =
  /^asg:\/subscriptions\/[^/]+\/resourcegroups\/([^/]+)\/providers\/[^/]+\/applicationsecuritygroups\/([^/]+)$/i

/** An application security group by its name and resource group: of its id nobody would read more. */
export function shownWord(word: string): string {
  // A message may take stars for bold type, and then the word that matters most is gone.
  if (word === '*') return 'any'
  const [, group, name] = (word.startsWith(groupMark) && applicationGroup.exec(word)) || []
  return group === undefined ? word : `the application security group ${name} (${group})`
}

/** Why a message cannot show a rule, and what it is to become, whole: a sentence without its full stop. Null when it can. */
export function unshowable(rule: LiveRule, to: readonly string[] = []): string | null {
  const { name, sources, destinations, ports, sourcePorts = [], description } = rule
  const lists = [sources, destinations, ports, sourcePorts, to]
  const cannot = `so no message shows the rule ${name} whole, and nobody can agree to what they do not see`
  if (lists.some((words) => words.length > mostShownWords))
    return `it has more than ${mostShownWords} sources, destinations or ports, ${cannot}`
  const shown = lists.flat().map(shownWord)
  const letters = shown.reduce((sum, { length }) => sum + length, 0)
  if (letters > mostLetters || shown.some(({ length }) => length > mostShownLetters))
    return `its sources, destinations or ports are too long, ${cannot}`
  if (description.length > mostDescription) return `its description is too long, ${cannot}`
  const words = new Set(lists.flat())
  if (new Set([...words].map(shownWord)).size < words.size)
    return `two of its application security groups have the same name, ${cannot}`
  return null
}
