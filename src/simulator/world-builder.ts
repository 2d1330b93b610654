import type {
  ArmResource,
  IpConfiguration,
  NamedRule,
  Reference,
  ResourceProperties,
  RuleProperties,
  Subnet,
} from './world.ts'

export interface Place {
  subscriptionId: string
  resourceGroup: string
  location: string
}

export function resourceId(place: Place, type: string, name: string): string {
  return `/subscriptions/${place.subscriptionId}/resourceGroups/${place.resourceGroup}/providers/${type}/${name}`
}

export function resource(
  place: Place,
  type: string,
  name: string,
  properties: ResourceProperties,
): ArmResource {
  return {
    id: resourceId(place, type, name),
    name,
    type,
    location: place.location,
    properties: { provisioningState: 'Succeeded', ...properties },
  }
}

export function rule(name: string, priority: number, more: Partial<RuleProperties>): NamedRule {
  return {
    name,
    properties: {
      access: 'Allow',
      direction: 'Inbound',
      protocol: 'Tcp',
      // Azure takes and shows one form of a field or the other, never both.
      ...(!more.sourceAddressPrefixes && { sourceAddressPrefix: '*' }),
      ...(!more.sourcePortRanges && { sourcePortRange: '*' }),
      ...(!more.destinationAddressPrefixes && { destinationAddressPrefix: '*' }),
      ...(!more.destinationPortRanges && { destinationPortRange: '*' }),
      ...more,
      priority,
    },
  }
}

export function securityGroup(place: Place, name: string, rules: NamedRule[] = []): ArmResource {
  return resource(place, 'Microsoft.Network/networkSecurityGroups', name, { securityRules: rules })
}

export interface SubnetSketch {
  name: string
  prefixes: string[]
  nsg?: string
}

export function virtualNetwork(
  place: Place,
  name: string,
  prefixes: string[],
  subnets: SubnetSketch[],
): ArmResource {
  const id = resourceId(place, 'Microsoft.Network/virtualNetworks', name)
  return resource(place, 'Microsoft.Network/virtualNetworks', name, {
    addressSpace: { addressPrefixes: prefixes },
    subnets: subnets.map(
      (subnet): Subnet => ({
        id: `${id}/subnets/${subnet.name}`,
        name: subnet.name,
        properties: {
          addressPrefixes: subnet.prefixes,
          ...(subnet.nsg && { networkSecurityGroup: { id: subnet.nsg } }),
        },
      }),
    ),
  })
}

export interface MachineSketch {
  name: string
  os: 'Windows' | 'Linux'
  privateIp: string
  privateIp6?: string
  publicIp?: string
  subnet: string
  nsg?: string
  tags?: Record<string, string>
  power?: string
  applicationSecurityGroups?: string[]
}

/** A machine with its network interface and, when it has one, its public address. */
export function machine(place: Place, sketch: MachineSketch): ArmResource[] {
  const nic = resourceId(place, 'Microsoft.Network/networkInterfaces', `${sketch.name}-nic`)
  const vm = resource(place, 'Microsoft.Compute/virtualMachines', sketch.name, {
    hardwareProfile: { vmSize: 'Standard_D2s_v5' },
    storageProfile: { osDisk: { osType: sketch.os, name: `${sketch.name}-os`, createOption: 'FromImage' } },
    osProfile: { computerName: sketch.name, adminUsername: 'azureuser' },
    networkProfile: { networkInterfaces: [{ id: nic, properties: { primary: true } }] },
  })
  if (sketch.tags) vm.tags = sketch.tags
  vm.powerState = sketch.power ?? 'PowerState/running'
  const publicIp =
    sketch.publicIp === undefined ? undefined : publicAddress(place, `${sketch.name}-ip`, sketch.publicIp)
  const card = resource(place, 'Microsoft.Network/networkInterfaces', `${sketch.name}-nic`, {
    ipConfigurations: ipConfigurations(sketch, publicIp),
    virtualMachine: { id: vm.id },
    ...(sketch.nsg && { networkSecurityGroup: { id: sketch.nsg } }),
  })
  return publicIp ? [vm, card, publicIp] : [vm, card]
}

function publicAddress(place: Place, name: string, address: string): ArmResource {
  return {
    ...resource(place, 'Microsoft.Network/publicIPAddresses', name, {
      ipAddress: address,
      publicIPAllocationMethod: 'Static',
      publicIPAddressVersion: address.includes(':') ? 'IPv6' : 'IPv4',
    }),
    sku: { name: 'Standard', tier: 'Regional' },
  }
}

function ipConfigurations(sketch: MachineSketch, publicIp: Reference | undefined): IpConfiguration[] {
  const groups = sketch.applicationSecurityGroups?.map((id) => ({ id }))
  const first: IpConfiguration = {
    name: 'ipconfig1',
    properties: {
      privateIPAddress: sketch.privateIp,
      privateIPAddressVersion: 'IPv4',
      primary: true,
      subnet: { id: sketch.subnet },
      ...(publicIp && { publicIPAddress: { id: publicIp.id } }),
      ...(groups && { applicationSecurityGroups: groups }),
    },
  }
  if (sketch.privateIp6 === undefined) return [first]
  const second: IpConfiguration = {
    name: 'ipconfig6',
    properties: {
      privateIPAddress: sketch.privateIp6,
      privateIPAddressVersion: 'IPv6',
      primary: false,
      subnet: { id: sketch.subnet },
    },
  }
  return [first, second]
}

/** A Defender for Cloud policy that guards these ports of these machines of one resource group. */
export function jitPolicy(place: Place, name: string, machines: string[], ports: number[]): ArmResource {
  const type = 'Microsoft.Security/locations/jitNetworkAccessPolicies'
  const terms = { protocol: '*', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'PT3H' }
  return {
    id: resourceId(place, `Microsoft.Security/locations/${place.location}/jitNetworkAccessPolicies`, name),
    name,
    type,
    kind: 'Basic',
    location: place.location,
    properties: {
      provisioningState: 'Succeeded',
      virtualMachines: machines.map((machineName) => ({
        id: resourceId(place, 'Microsoft.Compute/virtualMachines', machineName),
        ports: ports.map((number) => ({ number, ...terms })),
      })),
      requests: [],
    },
  }
}

/** Which plan of Defender for Servers a subscription has. */
export function serversPlan(subscriptionId: string, subPlan: 'P1' | 'P2'): ArmResource {
  const type = 'Microsoft.Security/pricings'
  return {
    id: `/subscriptions/${subscriptionId}/providers/${type}/VirtualMachines`,
    name: 'VirtualMachines',
    type,
    location: '',
    properties: { pricingTier: 'Standard', subPlan, freeTrialRemainingTime: 'PT0S' },
  }
}

export interface AlertSketch {
  name: string
  alertType: string
  title: string
  severity: 'Low' | 'Medium' | 'High'
  machine: string
  startsAt: string
}

/** Something that Defender for Cloud noticed about a machine and that nobody has looked at. */
export function alert(place: Place, sketch: AlertSketch): ArmResource {
  const type = 'Microsoft.Security/locations/alerts'
  const id = resourceId(place, `Microsoft.Security/locations/${place.location}/alerts`, sketch.name)
  return {
    id,
    name: sketch.name,
    type,
    location: place.location,
    properties: {
      alertType: sketch.alertType,
      alertDisplayName: sketch.title,
      severity: sketch.severity,
      intent: 'PreAttack',
      status: 'Active',
      compromisedEntity: sketch.machine,
      resourceIdentifiers: [
        {
          type: 'AzureResource',
          azureResourceId: resourceId(place, 'Microsoft.Compute/virtualMachines', sketch.machine),
        },
      ],
      startTimeUtc: sketch.startsAt,
      alertUri: `https://portal.azure.com/#blade/Microsoft_Azure_Security_AzureDefenderForData/AlertBlade/alertId/${sketch.name}`,
    },
  }
}

/** The names by which Azure knows what it judges about ways in to a machine. */
export const assessmentKeys = {
  justInTime: '805651bc-6ecd-4c73-9b55-97a19d0582d0',
  managementPorts: 'bc303248-3d14-44c2-96a0-55f5c326b5fe',
  networkPorts: '3b20e985-f71f-483b-b078-f30d73936d43',
} as const

const assessmentNames: Record<keyof typeof assessmentKeys, string> = {
  justInTime:
    'Management ports of virtual machines should be protected with just-in-time network access control',
  managementPorts: 'Management ports should be closed on your virtual machines',
  networkPorts:
    'All network ports should be restricted on network security groups associated to your virtual machine',
}

export function assessment(
  place: Place,
  machineName: string,
  which: keyof typeof assessmentKeys,
  code: 'Healthy' | 'Unhealthy' | 'NotApplicable',
): ArmResource {
  const type = 'Microsoft.Security/assessments'
  const machineId = resourceId(place, 'Microsoft.Compute/virtualMachines', machineName)
  const name = assessmentKeys[which]
  return {
    id: `${machineId}/providers/${type}/${name}`,
    name,
    type,
    location: '',
    properties: {
      displayName: assessmentNames[which],
      status: { code },
      resourceDetails: { source: 'Azure', id: machineId },
    },
  }
}
