import { beyondProtection } from '../core/protection.ts'
import type { Ask } from '../core/request.ts'
import type { Store } from '../ports.ts'

/** Whoever protected the VM may have said how long and from where access may be asked for; null when that allows it. */
export async function beyondProtections(
  { store }: { readonly store: Store },
  ask: Pick<Ask, 'vm' | 'ports' | 'source' | 'durationMs'>,
): Promise<string | null> {
  const found = (await store.protections()).find(
    ({ vm, state, terms }) => vm.id === ask.vm.id && state === 'protected' && terms.way === 'nsg',
  )
  return found ? beyondProtection(found, ask) : null
}
