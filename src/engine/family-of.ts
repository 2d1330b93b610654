import type { KeptLink } from '../core/kept-link.ts'
import type { Source } from '../core/source.ts'
import type { Path, Vm } from '../core/vm.ts'
import type { IntakeParts } from './answer.ts'
import { within } from './within.ts'

const longestReadMs = 20_000

/** Why no rule can be opened on the way to a VM. */
export const pathProblem = (vm: Vm, path: Exclude<Path, { kind: 'guarded' }>): string =>
  path.kind === 'unguarded'
    ? `${vm.name} has no security group in front of ${path.networkInterface}, so everything is let in already and opening a rule would mean nothing. Ask whoever looks after the VM to put a security group there.`
    : `${path.why}.`

/** Whether somebody who comes from such an address gets to the VM, or would get there by the other kind alone. */
export async function suits(
  parts: Pick<IntakeParts, 'topology' | 'clock'>,
  vm: Vm,
  { family }: Pick<Source, 'family'>,
  path: Path,
): Promise<boolean> {
  if (isPublic(path)) return true
  const reached = await familyOf(parts, vm)
  return 'why' in reached || reached.family === null || reached.family === family
}

const isPublic = (path: Path): boolean => path.kind === 'guarded' && path.connectTo !== null

/** The one kind of address by which a VM is reached; null where both will do. A public address goes before a private one. `why` none will. */
export async function familyOf(
  { topology, clock }: Pick<IntakeParts, 'topology' | 'clock'>,
  vm: Vm,
): Promise<{ readonly family: KeptLink['family'] } | { readonly why: string }> {
  const [four, six] = await within(clock, longestReadMs, null, (signal) =>
    Promise.all([topology.path(vm, 'IPv4', signal), topology.path(vm, 'IPv6', signal)]),
  )
  if (four.kind === 'guarded' && six.kind === 'guarded' && isPublic(four) !== isPublic(six))
    return { family: isPublic(four) ? 'IPv4' : 'IPv6' }
  if (four.kind === 'guarded') return { family: six.kind === 'guarded' ? null : 'IPv4' }
  return six.kind === 'guarded' ? { family: 'IPv6' } : { why: pathProblem(vm, four) }
}
