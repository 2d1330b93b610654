import type { NetworkInterface, NetworkInterfaceIPConfiguration } from '@azure/arm-network'
import { Fault } from '../core/fault.ts'
import type { Family } from '../core/source.ts'
import type { Endpoint, Hop, Path, Vm, Way } from '../core/vm.ts'
import type { Topology } from '../ports.ts'
import { type Shape, shapeOf, shapesOf, tagsOf, textOf } from './answer.ts'
import type { Arm, CallOptions } from './arm.ts'
import { missingAsNull } from './faults.ts'
import { expectType } from './resource-id.ts'

const computeApi = '2024-07-01'

interface Attached {
  readonly id: string
  readonly primary: boolean
}

/** The VM itself. This is the only thing that is asked of the compute service. */
async function readVm(arm: Arm, vm: Vm, signal?: AbortSignal): Promise<Shape> {
  const reply = await missingAsNull(arm.get(`${vm.id}?api-version=${computeApi}`, signal))
  if (!reply) throw new Fault('vm not found', `${vm.name} no longer exists in Azure.`, { kind: 'permanent' })
  return shapeOf(reply.value)
}

/** The network interfaces that a VM names. */
function interfacesOf(machine: Shape): readonly Attached[] {
  const profile = shapeOf(shapeOf(machine['properties'])['networkProfile'])
  return shapesOf(profile['networkInterfaces']).map((nic) => ({
    id: textOf(nic['id']).toLowerCase(),
    primary: shapeOf(nic['properties'])['primary'] === true,
  }))
}

/** Reads a part that another part has just named; when it is gone, the way is being rebuilt at this moment. */
async function readPart<T>(
  arm: Arm,
  id: string,
  signal: AbortSignal | undefined,
  run: (options: CallOptions) => Promise<T>,
): Promise<T> {
  const reply = await missingAsNull(arm.call(signal, run))
  if (reply) return reply.value
  throw new Fault('network changing', `${id} disappeared while the way to the VM was read.`, {
    kind: 'try again',
  })
}

function readInterface(arm: Arm, id: string, signal?: AbortSignal): Promise<NetworkInterface> {
  const { subscriptionId, resourceGroup, name } = expectType(id, 'microsoft.network/networkinterfaces')
  return readPart(arm, id, signal, (options) =>
    arm.network(subscriptionId).networkInterfaces.get(resourceGroup, name, options),
  )
}

async function subnetGroup(arm: Arm, id: string, signal?: AbortSignal): Promise<string | null> {
  const { subscriptionId, resourceGroup, names } = expectType(id, 'microsoft.network/virtualnetworks/subnets')
  const [network = '', subnet = ''] = names
  const found = await readPart(arm, id, signal, (options) =>
    arm.network(subscriptionId).subnets.get(resourceGroup, network, subnet, options),
  )
  return found.networkSecurityGroup?.id?.toLowerCase() ?? null
}

async function publicAddress(arm: Arm, id: string, signal?: AbortSignal): Promise<string | null> {
  const { subscriptionId, resourceGroup, name } = expectType(id, 'microsoft.network/publicipaddresses')
  const found = await readPart(arm, id, signal, (options) =>
    arm.network(subscriptionId).publicIPAddresses.get(resourceGroup, name, options),
  )
  return found.ipAddress ?? null
}

/** A network interface with those of its addresses that somebody outside would come in by. */
interface Door {
  readonly id: string
  readonly name: string
  readonly nsgId: string | null
  readonly addresses: readonly NetworkInterfaceIPConfiguration[]
}

/** Azure means IPv4 when it names no version. A block of addresses (`172.20.2.16/28`) is not one of a VM's own. */
const inFamily = (config: NetworkInterfaceIPConfiguration, family: Family): boolean =>
  (config.privateIPAddressVersion ?? 'IPv4') === family &&
  config.privateIPAddress !== undefined &&
  !config.privateIPAddress.includes('/')

const door = (nic: NetworkInterface, addresses: readonly NetworkInterfaceIPConfiguration[]): Door => ({
  id: nic.id?.toLowerCase() ?? '',
  name: nic.name ?? '',
  nsgId: nic.networkSecurityGroup?.id?.toLowerCase() ?? null,
  addresses,
})

/**
 * The interfaces with a public address of the family, and of each only the addresses behind it; without any, the
 * primary interface, which a load balancer or a private way in leads to.
 */
function chooseDoors(nics: readonly NetworkInterface[], primary: number, family: Family): readonly Door[] {
  const published = nics
    .map((nic) =>
      door(
        nic,
        configs(nic, family).filter((config) => config.publicIPAddress?.id),
      ),
    )
    .filter((each) => each.addresses.length > 0)
  if (published.length > 0) return published
  const first = nics[primary]
  const addresses = first ? configs(first, family) : []
  return first && addresses.length > 0 ? [door(first, addresses)] : []
}

const configs = (nic: NetworkInterface, family: Family) =>
  (nic.ipConfigurations ?? []).filter((config) => inFamily(config, family))

const subnetOf = (config: NetworkInterfaceIPConfiguration): string => config.subnet?.id?.toLowerCase() ?? ''

/** Which groups stand before these addresses. A group that is met twice is one hop with all of its addresses. */
function hopsOf(doors: readonly Door[], subnets: ReadonlyMap<string, string | null>): readonly Hop[] {
  const hops = new Map<string, Hop>()
  const add = (nsgId: string | null, attachedTo: Hop['attachedTo'], address: string) => {
    if (nsgId === null) return
    const known = hops.get(nsgId)
    const destinations = [...new Set([...(known?.destinations ?? []), address])]
    hops.set(nsgId, { nsgId, attachedTo: known?.attachedTo ?? attachedTo, destinations })
  }
  for (const { nsgId, addresses } of doors) {
    for (const config of addresses) {
      const address = config.privateIPAddress ?? ''
      add(subnets.get(subnetOf(config)) ?? null, 'subnet', address)
      add(nsgId, 'network interface', address)
    }
  }
  return [...hops.values()]
}

const endpointsOf = (doors: readonly Door[]): readonly Endpoint[] =>
  doors.flatMap(({ id, addresses }) =>
    addresses.map(({ privateIPAddress = '' }) => ({ networkInterface: id, address: privateIPAddress })),
  )
/** The network of the VM (all of its interfaces are in one), and where its addresses belong. */
function wayThrough(doors: readonly Door[]): Way {
  const addresses = doors.flatMap((each) => each.addresses)
  const members: Record<string, string[]> = {}
  for (const { privateIPAddress = '', applicationSecurityGroups = [] } of addresses)
    for (const { id = '' } of applicationSecurityGroups)
      (members[id.toLowerCase()] ??= []).push(privateIPAddress)
  const subnet = addresses.map(subnetOf).find((id) => id.includes('/subnets/'))
  return { networkId: subnet?.slice(0, subnet.indexOf('/subnets/')) ?? null, members }
}

const unguarded = (doors: readonly Door[], subnets: ReadonlyMap<string, string | null>): Door | undefined =>
  doors.find(
    ({ nsgId, addresses }) =>
      nsgId === null && addresses.some((config) => (subnets.get(subnetOf(config)) ?? null) === null),
  )

/** Every interface with all of its addresses, whether anybody outside would come in by them or not. */
const allDoors = (nics: readonly NetworkInterface[]): readonly Door[] =>
  nics
    .map((nic) => door(nic, [...configs(nic, 'IPv4'), ...configs(nic, 'IPv6')]))
    .filter((each) => each.addresses.length > 0)

/** Reads the way to a VM from Azure itself: three rounds of calls, each in parallel. */
export function armTopology({ arm }: { readonly arm: Arm }): Topology {
  return {
    async path(vm, family, signal): Promise<Path> {
      const machine = await readVm(arm, vm, signal)
      const attached = interfacesOf(machine)
      const nics = await Promise.all(attached.map(({ id }) => readInterface(arm, id, signal)))
      // With a single interface Azure may leave the mark out.
      const marked = attached.findIndex((nic) => nic.primary)
      const doors = family === 'all' ? allDoors(nics) : chooseDoors(nics, Math.max(0, marked), family)
      if (doors.length === 0)
        return {
          kind: 'unreachable',
          why: `${vm.name} has no ${family === 'all' ? '' : `${family} `}address`,
        }
      const addresses = doors.flatMap((each) => each.addresses)
      const subnetIds = [...new Set(addresses.map(subnetOf))].filter((id) => id !== '')
      const publicId = addresses[0]?.publicIPAddress?.id
      const [groups, connectTo] = await Promise.all([
        Promise.all(subnetIds.map((id) => subnetGroup(arm, id, signal))),
        publicId === undefined ? null : publicAddress(arm, publicId, signal),
      ])
      const subnets = new Map(subnetIds.map((id, index) => [id, groups[index] ?? null]))
      const open = unguarded(doors, subnets)
      if (open) return { kind: 'unguarded', networkInterface: open.name }
      return {
        kind: 'guarded',
        hops: hopsOf(doors, subnets),
        connectTo,
        endpoints: endpointsOf(doors),
        way: wayThrough(doors),
        tags: tagsOf(machine['tags']),
      }
    },
    async tags(vm, signal) {
      return tagsOf((await readVm(arm, vm, signal))['tags'])
    },
  }
}
