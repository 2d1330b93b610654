import type { JitPolicy } from '../core/inventory.ts'
import type { Protection } from '../core/protection.ts'
import type { Wording } from '../core/refusal.ts'
import type { Vm } from '../core/vm.ts'
import type { Inventory, Store } from '../ports.ts'

/** What goes by a name that somebody wants to protect, or not any more. */
export type Protectable =
  | {
      readonly kind: 'vm'
      readonly vm: Vm
      /** What the inventory knows of its just-in-time policy. */
      readonly jit: JitPolicy | null
      readonly protection: Protection | null
      /** Accesses that are open there. */
      readonly grants: number
    }
  | { readonly kind: 'no'; readonly why: string }

interface ProtectableParts {
  readonly store: Store
  readonly inventory: Inventory
  readonly wording: Pick<Wording, 'words'>
}

/** A VM that is gone from the inventory may still be protected, and then it goes by the name that it had. */
export async function protectable(
  { store, inventory, wording }: ProtectableParts,
  name: string,
): Promise<Protectable> {
  const shown = wording.words(name, 80)
  const [found, other] = inventory.find(name)
  if (found && other)
    return {
      kind: 'no',
      why: `More than one VM is named ${shown}. Nothing was changed. Say which, as in \`group/name\` or \`subscription/group/name\`.`,
    }
  const all = await store.protections()
  const named = all.filter(({ vm }) => vm.name.toLowerCase() === name.toLowerCase())
  const protection = found
    ? (all.find(({ vm }) => vm.id === found.id) ?? null)
    : named.length === 1
      ? (named[0] ?? null)
      : null
  const vm = found ?? protection?.vm
  if (!vm) {
    const [near] = inventory.nearest(name, 1)
    const hint =
      near === undefined ? 'No VM has a name like it.' : `The nearest name is ${wording.words(near, 80)}.`
    return { kind: 'no', why: `I know no VM named ${shown}. ${hint} Nothing was changed.` }
  }
  const open = await store.grants(['open'])
  const jit = inventory.details(vm.id)?.jitPolicy ?? null
  return {
    kind: 'vm',
    vm,
    jit: jit === 'not known' ? null : jit,
    protection,
    grants: open.filter(({ request }) => request.vm.id === vm.id).length,
  }
}
