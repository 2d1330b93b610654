import type { VmInterface } from './inventory.ts'
import type { Path } from './vm.ts'

const last = (id: string): string => id.split('/').at(-1) ?? id

/**
 * What stands in front of each address of a VM, by a way that was read for it: the list of VMs is older, and a security
 * group may have been taken off since. Public addresses are not read with a way, so they are those of the list.
 */
export function interfacesNow(path: Path, listed: readonly VmInterface[]): readonly VmInterface[] {
  if (path.kind === 'unreachable') return []
  if (path.kind === 'unguarded') {
    const bare = (id: string): VmInterface => ({
      id,
      nsgId: null,
      subnetNsgIds: [],
      privateAddresses: [],
      publicAddresses: listed.find((one) => one.id === id)?.publicAddresses ?? [],
      whole: true,
    })
    const named = listed.find(({ id }) => last(id) === path.networkInterface.toLowerCase())
    // The way ends at the first one without a group, so what stands before the others is what the list says.
    return [bare(named?.id ?? path.networkInterface), ...listed.filter((one) => one !== named)]
  }
  const before = (address: string, attachedTo: 'subnet' | 'network interface') =>
    path.hops.find((hop) => hop.attachedTo === attachedTo && hop.destinations.includes(address))?.nsgId ??
    null
  return (path.endpoints ?? []).map(({ networkInterface, address }) => ({
    id: networkInterface,
    nsgId: before(address, 'network interface'),
    subnetNsgIds: [before(address, 'subnet')],
    privateAddresses: [address],
    publicAddresses: listed.find(({ id }) => id === networkInterface)?.publicAddresses ?? [],
    whole: true,
  }))
}
