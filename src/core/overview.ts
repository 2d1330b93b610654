import type { Case } from './case.ts'
import { type Group, groups, type JudgedVm } from './compliance.ts'
import { folded } from './glob.ts'
import type { LateTenant } from './inventory.ts'
import type { Port } from './service.ts'
import { type Changes, type StandingAccess, standingAccess } from './standing.ts'

/** A subscription whose security groups could not be read. */
export interface Unread {
  readonly subscriptionId: string
  readonly name: string
  readonly why: string
}

/** How all VMs stand, as far as it could be read. */
export interface Overview {
  /** When the list of VMs was read; null before the first reading. */
  readonly vmsAt: number | null
  /** When the oldest of the rules were read; null when none were. */
  readonly rulesAt: number | null
  readonly judged: readonly JudgedVm[]
  readonly unread: readonly Unread[]
  /** The tenants whose VMs are older than all others, or not known at all. */
  readonly late?: readonly LateTenant[]
}

export interface LastAccess {
  readonly at: number
  /** A Slack user id of ours, or whoever Defender for Cloud says. */
  readonly by: { readonly userId: string } | { readonly name: string }
}

export interface ShownVm extends JudgedVm {
  readonly lastAccess: LastAccess | null
  /** Set while Jitney keeps it shut: since when, and on which ports. */
  readonly keptShut?: { readonly at: number; readonly ports: readonly Port[] }
}

export interface ShownGroup {
  readonly group: Group
  readonly total: number
  readonly vms: readonly ShownVm[]
}

/** What is shown of the VMs to one person. */
export interface VmsView {
  readonly filter: string
  readonly vmsAt: number | null
  readonly rulesAt: number | null
  readonly unread: readonly Unread[]
  readonly late?: readonly LateTenant[]
  readonly groups: readonly ShownGroup[]
}

export interface StandingView {
  readonly total: number
  readonly shown: readonly StandingAccess[]
  /** VMs without any security group in front. */
  readonly bare: readonly JudgedVm[]
}

export interface HomeView {
  readonly at: number
  readonly own: readonly Case[]
  readonly vms: VmsView
  readonly standing: StandingView
}

/** What is told once a week. */
export interface Digest {
  readonly at: number
  /** When the one before was posted; null for the first one. */
  readonly since: number | null
  readonly view: StandingView
  readonly changes: Changes
  readonly rulesAt: number | null
  readonly vmsAt: number | null
  readonly unread: readonly Unread[]
  readonly late?: readonly LateTenant[]
  /** How many VMs nobody can say it of. */
  readonly doubtful: number
}

const isOpen = ({ exposures, bare }: JudgedVm): boolean => exposures.length > 0 || bare

/** Words with a meaning of their own; everything else is a part of a name. */
const meanings: Readonly<Record<string, (judged: JudgedVm) => boolean>> = {
  open: isOpen,
  configured: ({ group }) => group === 'configured',
  recommended: ({ group }) => group === 'recommended',
  unsupported: ({ group }) => group === 'unsupported',
  unknown: ({ group, doubt }) => group === 'not known' || doubt,
}

/** Whether a VM is meant by all of these words. */
export function isMeant(filter: string): (judged: JudgedVm) => boolean {
  const tests = folded(filter)
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => (Object.hasOwn(meanings, word) ? meanings[word] : undefined) ?? named(word))
  return (judged) => tests.every((test) => test(judged))
}

const named =
  (word: string) =>
  ({ vm }: JudgedVm): boolean =>
    folded(`${vm.subscriptionName}/${vm.resourceGroup}/${vm.name}`).includes(word) ||
    vm.subscriptionId === word

/** The VMs of each group that are meant, of which so many are shown; the open ones come first by how bad it is. */
export function groupsOf(
  overview: Overview,
  filter: string,
  most: number,
): readonly { readonly group: Group; readonly total: number; readonly vms: readonly JudgedVm[] }[] {
  const meant = overview.judged.filter(isMeant(filter))
  const ranked = [...new Set(standingAccess(meant).map(({ judged }) => judged))]
  const inOrder = [...ranked, ...meant.filter((judged) => judged.exposures.length === 0)]
  return groups.map((group) => {
    const vms = inOrder.filter((judged) => judged.group === group)
    return { group, total: vms.length, vms: vms.slice(0, most) }
  })
}

/** So much of what stands open is shown. */
export function standingIn({ judged }: Overview, most: number): StandingView {
  const all = standingAccess(judged)
  return { total: all.length, shown: all.slice(0, most), bare: judged.filter(({ bare }) => bare) }
}
