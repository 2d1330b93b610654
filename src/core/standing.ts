import type { Exposure, JudgedVm } from './compliance.ts'
import { type Breadth, breadths } from './exposure.ts'

/** Somebody outside gets in to a management port of a VM for as long as nobody changes a rule. */
export interface StandingAccess extends Exposure {
  readonly judged: JudgedVm
  /** The same VM by the same rules, whenever it is looked at. */
  readonly key: string
}

const isRunning = ({ power }: JudgedVm): boolean =>
  power === null || power === 'running' || power === 'starting'

/** RDP and SSH are what everybody on the internet tries first. */
const first = new Set([22, 3389])

/** The smaller, the sooner somebody should look at it. What is not known counts as the worse. */
const ranks: readonly ((access: StandingAccess) => number)[] = [
  ({ breadth }) => breadths.indexOf(breadth),
  ({ judged }) => (judged.publicAddresses.length > 0 ? 0 : 1),
  ({ ports }) => (ports.some(({ number }) => first.has(number)) ? 0 : 1),
  ({ judged }) => (isRunning(judged) ? 0 : 1),
]

function byRank(a: StandingAccess, b: StandingAccess): number {
  for (const rank of ranks) {
    const difference = rank(a) - rank(b)
    if (difference !== 0) return difference
  }
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}

const keyOf = ({ vm }: Pick<JudgedVm, 'vm'>, { rules }: Pick<Exposure, 'rules'>): string =>
  [vm.id, ...rules.map(({ nsgId, name }) => `${nsgId}/${name.toLowerCase()}`).toSorted()].join(' ')

/** Everything that stands open, the worst first. */
export const standingAccess = (judged: readonly JudgedVm[]): readonly StandingAccess[] =>
  judged
    .flatMap((one) =>
      one.exposures.map((exposure) => ({ ...exposure, judged: one, key: keyOf(one, exposure) })),
    )
    .toSorted(byRank)

/** What of a standing access is kept, so that the next digest can say that it is gone. */
export interface KeptAccess {
  readonly key: string
  readonly vmId: string
  readonly vm: string
  readonly ports: Exposure['ports']
  readonly breadth: Breadth
  readonly rules: readonly { readonly nsgId: string; readonly name: string }[]
}

export const kept = ({ key, judged, ports, breadth, rules }: StandingAccess): KeptAccess => ({
  key,
  vmId: judged.vm.id,
  vm: judged.vm.name,
  ports,
  breadth,
  rules: rules.map(({ nsgId, name }) => ({ nsgId, name })),
})

export interface Changes {
  readonly fresh: readonly StandingAccess[]
  readonly gone: readonly KeptAccess[]
  /** What stood open before, and of which nobody can say now whether it still does. */
  readonly unsure: readonly KeptAccess[]
}

/** What is new and what is gone since the last look; nothing is gone that could not be looked at. */
export function changesSince(
  before: readonly KeptAccess[],
  now: readonly StandingAccess[],
  isDoubtful: (vmId: string) => boolean,
): Changes {
  const known = new Set(before.map(({ key }) => key))
  const still = new Set(now.map(({ key }) => key))
  const missing = before.filter(({ key }) => !still.has(key))
  return {
    fresh: now.filter(({ key }) => !known.has(key)),
    gone: missing.filter(({ vmId }) => !isDoubtful(vmId)),
    unsure: missing.filter(({ vmId }) => isDoubtful(vmId)),
  }
}
