import { contains, evaluate, type FlowPath, type Packet, type RuleSet, type Verdict } from './flow.ts'
import type { Simulation } from './simulation.ts'
import type { ArmResource, IpConfiguration, Subnet } from './world.ts'

/** One address of a machine, with the network interface that carries it. */
export interface Endpoint {
  nic: ArmResource
  address: IpConfiguration
}

export function endpointsOf(sim: Simulation, machine: ArmResource): Endpoint[] {
  return (machine.properties.networkProfile?.networkInterfaces ?? []).flatMap(({ id }) => {
    const nic = sim.resources.get(id)
    return nic ? (nic.properties.ipConfigurations ?? []).map((address) => ({ nic, address })) : []
  })
}

/** A machine by its id, or by its name when only one machine has it. */
export function findMachine(sim: Simulation, idOrName: string): ArmResource | undefined {
  if (idOrName.startsWith('/')) return sim.resources.get(idOrName)
  const named = sim.resources.named('microsoft.compute/virtualmachines', idOrName)
  return named.length === 1 ? named[0] : undefined
}

/** The first address of a machine that speaks the same version of IP as the other side. */
export function endpointFor(sim: Simulation, machine: ArmResource, other: string): Endpoint | undefined {
  return endpointsOf(sim, machine).find(
    ({ address }) => address.properties.privateIPAddress.includes(':') === other.includes(':'),
  )
}

/** What the security groups on the way to or from this address say to a packet. */
export function judge(sim: Simulation, endpoint: Endpoint, packet: Packet): Verdict {
  return evaluate(packet, pathOf(sim, endpoint))
}

function pathOf(sim: Simulation, { nic, address }: Endpoint): FlowPath {
  const subnetId = address.properties.subnet?.id ?? ''
  const network = sim.resources.get(subnetId.replace(/\/subnets\/[^/]+$/i, ''))
  const subnet = subnetOf(sim, address)
  const onSubnet = ruleSet(sim, subnet)
  const onNic = ruleSet(sim, nic)
  return {
    ...(onSubnet && { subnet: onSubnet }),
    ...(onNic && { nic: onNic }),
    virtualNetwork: network ? addressSpace(network) : [],
    inGroup: (groupId, candidate) => membersOf(sim, groupId).some((member) => contains(member, candidate)),
  }
}

/** The security groups that stand before an address, by where they are attached. */
export function groupsBefore(sim: Simulation, { nic, address }: Endpoint): { subnet?: string; nic?: string } {
  const subnet = subnetOf(sim, address)?.properties.networkSecurityGroup?.id
  const own = nic.properties.networkSecurityGroup?.id
  return { ...(subnet !== undefined && { subnet }), ...(own !== undefined && { nic: own }) }
}

function subnetOf(sim: Simulation, address: IpConfiguration): Subnet | undefined {
  const id = address.properties.subnet?.id ?? ''
  const network = sim.resources.get(id.replace(/\/subnets\/[^/]+$/i, ''))
  return network?.properties.subnets?.find((each) => each.id.toLowerCase() === id.toLowerCase())
}

function ruleSet(sim: Simulation, holder: ArmResource | Subnet | undefined): RuleSet | undefined {
  const id = holder?.properties.networkSecurityGroup?.id
  const group = id === undefined ? undefined : sim.group(id)
  return group && { nsg: group.resource.id, rules: group.active() }
}

/** The tag `VirtualNetwork` covers the network itself and the networks that are peered with it. */
function addressSpace({ properties }: ArmResource): string[] {
  const peered = properties.virtualNetworkPeerings ?? []
  return [
    ...(properties.addressSpace?.addressPrefixes ?? []),
    ...peered.flatMap((each) => each.properties.remoteAddressSpace.addressPrefixes),
  ]
}

interface Membership {
  generation: number
  members: Map<string, string[]>
}

const memberships = new WeakMap<Simulation, Membership>()

/** The private addresses in an application security group, indexed once per change of the world. */
function membersOf(sim: Simulation, groupId: string): string[] {
  const { generation } = sim.resources
  let known = memberships.get(sim)
  if (known?.generation !== generation) {
    known = { generation, members: indexMembers(sim) }
    memberships.set(sim, known)
  }
  return known.members.get(groupId.toLowerCase()) ?? []
}

function indexMembers(sim: Simulation): Map<string, string[]> {
  const members = new Map<string, string[]>()
  for (const nic of sim.resources.list('microsoft.network/networkinterfaces')) {
    for (const { properties } of nic.properties.ipConfigurations ?? []) {
      for (const { id } of properties.applicationSecurityGroups ?? []) {
        const key = id.toLowerCase()
        members.set(key, [...(members.get(key) ?? []), properties.privateIPAddress])
      }
    }
  }
  return members
}
