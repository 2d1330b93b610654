import type { Facts } from './check.ts'
import { beginningOf, folded } from './glob.ts'
import type { Match } from './policy.ts'

/** One text of the VM, and the rules that can only fit when it begins in a certain way. */
interface Place {
  readonly read: (facts: Facts) => string | undefined
  /** How long the beginnings are. */
  readonly lengths: readonly number[]
  readonly rules: ReadonlyMap<string, readonly number[]>
}

/** The positions of the rules that may fit, first to last; those left out surely do not. */
export type RuleIndex = (facts: Facts) => readonly number[]

const placesOf = ({ vm }: Match): [where: string, globs: readonly string[]][] => [
  ['name', vm.name ?? []],
  ['resource group', vm.resourceGroup ?? []],
  ...Object.entries(vm.tags ?? {}).map(([tag, globs]): [string, readonly string[]] => [
    `tag ${folded(tag)}`,
    globs,
  ]),
]

/** The longest beginning that a match asks for passes over the most VMs; null when it asks for none. */
function anchorOf(match: Match): { readonly where: string; readonly begins: string } | null {
  const anchors = placesOf(match).map(([where, globs]) => ({ where, begins: beginningOf(globs) }))
  const best = anchors.toSorted((a, b) => b.begins.length - a.begins.length)[0]
  return best && best.begins !== '' ? best : null
}

function readerOf(where: string): Place['read'] {
  if (where === 'name') return ({ vmName }) => vmName
  if (where === 'resource group') return ({ resourceGroup }) => resourceGroup
  const tag = where.slice('tag '.length)
  return ({ tags }) => tags.get(tag)?.folded
}

/** Finds the rules worth asking by how a VM's texts begin, so that a policy's size hardly matters. */
export function indexRules(matches: readonly Match[]): RuleIndex {
  const always: number[] = []
  const byPlace = new Map<string, Map<string, number[]>>()
  for (const [position, match] of matches.entries()) {
    const anchor = anchorOf(match)
    if (!anchor) {
      always.push(position)
      continue
    }
    const rules = byPlace.get(anchor.where) ?? new Map<string, number[]>()
    byPlace.set(anchor.where, rules)
    rules.set(anchor.begins, [...(rules.get(anchor.begins) ?? []), position])
  }
  const places = [...byPlace].map(([where, rules]): Place => {
    const lengths = [...new Set([...rules.keys()].map((begins) => begins.length))]
    return { read: readerOf(where), lengths, rules }
  })
  return (facts) => {
    const found = [...always]
    for (const { read, lengths, rules } of places) {
      const text = read(facts)
      if (text === undefined) continue
      for (const length of lengths) {
        // A shorter text is found by its own length, and would be found again here.
        const here = length <= text.length ? rules.get(text.slice(0, length)) : undefined
        if (here) found.push(...here)
      }
    }
    return found.toSorted((a, b) => a - b)
  }
}
