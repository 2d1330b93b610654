import { readFileSync } from 'node:fs'
import type { AuthorizationWorld, EntraWorld } from './world-access.ts'

export interface Subscription {
  subscriptionId: string
  displayName: string
}

export interface ResourceGroup {
  subscriptionId: string
  name: string
  location: string
}

export interface Reference {
  id: string
}

export interface RuleProperties {
  access: string
  direction: string
  priority: number
  protocol: string
  description?: string
  sourceAddressPrefix?: string
  sourceAddressPrefixes?: string[]
  sourceApplicationSecurityGroups?: Reference[]
  sourcePortRange?: string
  sourcePortRanges?: string[]
  destinationAddressPrefix?: string
  destinationAddressPrefixes?: string[]
  destinationApplicationSecurityGroups?: Reference[]
  destinationPortRange?: string
  destinationPortRanges?: string[]
}

export interface NamedRule {
  name: string
  properties: RuleProperties
}

export interface IpConfiguration {
  name: string
  properties: {
    privateIPAddress: string
    privateIPAddressVersion?: string
    publicIPAddress?: Reference
    subnet?: Reference
    primary?: boolean
    applicationSecurityGroups?: Reference[]
  }
}

export interface Subnet {
  id: string
  name: string
  properties: { addressPrefixes: string[]; networkSecurityGroup?: Reference }
}

/** The parts of the properties that the simulator reads; the rest passes through untouched. */
export interface ResourceProperties {
  networkProfile?: { networkInterfaces: { id: string; properties?: { primary?: boolean } }[] }
  ipConfigurations?: IpConfiguration[]
  networkSecurityGroup?: Reference
  virtualMachine?: Reference
  addressSpace?: { addressPrefixes: string[] }
  virtualNetworkPeerings?: { properties: { remoteAddressSpace: { addressPrefixes: string[] } } }[]
  subnets?: Subnet[]
  ipAddress?: string
  securityRules?: NamedRule[]
  [other: string]: unknown
}

export interface ArmResource {
  id: string
  name: string
  type: string
  location: string
  kind?: string
  tags?: Record<string, string>
  sku?: Record<string, string>
  zones?: string[]
  /** For a virtual machine, for example `PowerState/running`. */
  powerState?: string
  properties: ResourceProperties
}

export const lockLevels = ['CanNotDelete', 'ReadOnly'] as const
export type LockLevel = (typeof lockLevels)[number]

export interface Lock {
  scope: string
  name: string
  level: LockLevel
}

/** Everything that Azure knows at the start, in Azure's own shapes, so that a real export can be pasted in. */
export interface World {
  tenantId: string
  subscriptions: Subscription[]
  resourceGroups: ResourceGroup[]
  resources: ArmResource[]
  locks: Lock[]
  /** The actions of the caller's role; every action when left out. Only shown, never enforced. */
  actions?: string[]
  /** Who there is in Entra; nobody when left out. */
  directory?: EntraWorld
  /** Nobody has a role when left out. */
  authorization?: AuthorizationWorld
}

const requiredLists = ['subscriptions', 'resourceGroups', 'resources'] as const

export function loadWorld(file: string): World {
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (typeof parsed !== 'object' || parsed === null) throw new Error(`${file}: expected a JSON object`)
  const world = parsed as Partial<World>
  for (const list of requiredLists) {
    if (!Array.isArray(world[list])) throw new Error(`${file}: "${list}" must be a list`)
  }
  for (const [index, resource] of (world.resources ?? []).entries()) {
    for (const field of ['id', 'name', 'type', 'location', 'properties'] as const) {
      if (resource[field] === undefined) throw new Error(`${file}: resources[${index}] has no "${field}"`)
    }
  }
  return {
    tenantId: world.tenantId ?? '00000000-0000-0000-0000-000000000000',
    subscriptions: world.subscriptions ?? [],
    resourceGroups: world.resourceGroups ?? [],
    resources: world.resources ?? [],
    locks: world.locks ?? [],
    ...(world.actions && { actions: world.actions }),
    ...(world.directory && { directory: world.directory }),
    ...(world.authorization && { authorization: world.authorization }),
  }
}
