import type { Scope } from '../core/panic.ts'
import type { Wording } from '../core/refusal.ts'
import type { Inventory } from '../ports.ts'

interface ScopeParts {
  readonly inventory: Pick<Inventory, 'find' | 'nearest' | 'subscription' | 'readAt'>
  readonly wording: Pick<Wording, 'words'>
}

/** Why a stop cannot be for what was named; null when the inventory has it, or nobody has read the inventory yet. */
export function unknownScope(
  { inventory, wording }: ScopeParts,
  { kind, name }: { readonly kind: Scope['kind']; readonly name: string },
): string | null {
  if (inventory.readAt() === null || kind === 'all' || kind === 'person') return null
  const shown = wording.words(name, 80)
  if (kind === 'subscription')
    return inventory.subscription(name) === null
      ? `I know no subscription named ${shown}. Nothing was stopped. Write its name as it is in Azure, or its id.`
      : null
  const [vm, other] = inventory.find(name)
  if (vm && other)
    return `More than one VM is named ${shown}. Nothing was stopped. Say which, as in \`vm group/name\` or \`vm subscription/group/name\`.`
  if (vm) return null
  const [near] = inventory.nearest(name, 1)
  const hint =
    near === undefined ? 'No VM has a name like it.' : `The nearest name is ${wording.words(near, 80)}.`
  return `I know no VM named ${shown}. ${hint} Nothing was stopped.`
}
