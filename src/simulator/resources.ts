import type { ArmResource, Lock, ResourceGroup, Subscription, World } from './world.ts'

interface Listing {
  members: Map<string, ArmResource>
  /** Sorted for paging; dropped whenever a member comes or goes. */
  sorted?: ArmResource[]
}

/** Every resource except security rules, found by its lower-cased id; lists are kept per type and scope. */
export class Resources {
  readonly tenantId: string
  readonly subscriptions = new Map<string, Subscription>()
  readonly groups = new Map<string, ResourceGroup>()
  readonly locks: Lock[]
  readonly #byId = new Map<string, ArmResource>()
  readonly #listings = new Map<string, Listing>()
  /** Which subnets and network interfaces hang on a security group. */
  readonly #attachments = new Map<string, Set<string>>()
  #names: Map<string, ArmResource[]> | undefined
  #generation = 0

  constructor(world: World) {
    this.tenantId = world.tenantId
    this.locks = [...world.locks]
    for (const each of world.subscriptions) this.subscriptions.set(each.subscriptionId.toLowerCase(), each)
    for (const each of world.resourceGroups) this.groups.set(groupKey(each.subscriptionId, each.name), each)
    for (const each of world.resources) this.put(each)
  }

  /** Grows with every resource that comes, goes or changes, so that derived indexes know when they are stale. */
  get generation(): number {
    return this.#generation
  }

  get(id: string): ArmResource | undefined {
    return this.#byId.get(id.toLowerCase())
  }

  /** All of a type with this name, wherever they are. */
  named(type: string, name: string): ArmResource[] {
    this.#names ??= Map.groupBy(this.#byId.values(), (each) => nameKey(each.type, each.name))
    return this.#names.get(nameKey(type, name)) ?? []
  }

  hasGroup(subscription: string, group: string): boolean {
    return this.groups.has(groupKey(subscription, group))
  }

  put(resource: ArmResource): void {
    const key = resource.id.toLowerCase()
    const before = this.#byId.get(key)
    if (before) this.#detach(before)
    this.#changed()
    this.#byId.set(key, resource)
    for (const listing of this.#listingsOf(resource)) {
      listing.members.set(key, resource)
      delete listing.sorted
    }
    for (const [nsg, user] of securityGroupUses(resource)) {
      const users = this.#attachments.get(nsg) ?? new Set<string>()
      this.#attachments.set(nsg, users.add(user))
    }
  }

  delete(id: string): ArmResource | undefined {
    const key = id.toLowerCase()
    const resource = this.#byId.get(key)
    if (!resource) return undefined
    this.#changed()
    this.#byId.delete(key)
    this.#detach(resource)
    for (const listing of this.#listingsOf(resource)) {
      listing.members.delete(key)
      delete listing.sorted
    }
    return resource
  }

  deleteGroup(subscription: string, group: string): ArmResource[] {
    const prefix = `/subscriptions/${subscription}/resourcegroups/${group}/`.toLowerCase()
    this.groups.delete(groupKey(subscription, group))
    const doomed = [...this.#byId.values()].filter((each) => each.id.toLowerCase().startsWith(prefix))
    for (const each of doomed) this.delete(each.id)
    return doomed
  }

  attachedTo(nsgId: string): string[] {
    return [...(this.#attachments.get(nsgId.toLowerCase()) ?? [])]
  }

  /** All of one type in a subscription or resource group, or everything, ordered by id. */
  list(type = '', subscription = '', group = ''): readonly ArmResource[] {
    const listing = this.#listings.get(listingKey(type, subscription, group))
    if (!listing) return []
    listing.sorted ??= [...listing.members.entries()].toSorted(byKey).map(([, each]) => each)
    return listing.sorted
  }

  #changed(): void {
    this.#generation++
    this.#names = undefined
  }

  #detach(resource: ArmResource): void {
    for (const [nsg, user] of securityGroupUses(resource)) this.#attachments.get(nsg)?.delete(user)
  }

  #listingsOf(resource: ArmResource): Listing[] {
    const [, , subscription = '', , group = ''] = resource.id.split('/')
    const keys = [
      listingKey('', '', ''),
      listingKey(resource.type, '', ''),
      listingKey(resource.type, subscription, ''),
      listingKey(resource.type, subscription, group),
    ]
    return keys.map((key) => {
      const listing = this.#listings.get(key) ?? { members: new Map<string, ArmResource>() }
      this.#listings.set(key, listing)
      return listing
    })
  }
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function nameKey(type: string, name: string): string {
  return `${type}/${name}`.toLowerCase()
}

function groupKey(subscription: string, group: string): string {
  return `${subscription}/${group}`.toLowerCase()
}

function listingKey(type: string, subscription: string, group: string): string {
  return `${type}|${subscription}|${group}`.toLowerCase()
}

function* securityGroupUses(resource: ArmResource): Generator<[string, string]> {
  const own = resource.properties.networkSecurityGroup
  if (own) yield [own.id.toLowerCase(), resource.id]
  for (const subnet of resource.properties.subnets ?? []) {
    const nsg = subnet.properties.networkSecurityGroup
    if (nsg) yield [nsg.id.toLowerCase(), subnet.id]
  }
}

export function subscriptionOf(id: string): string {
  return id.split('/')[2] ?? ''
}

export function groupOf(id: string): string {
  return id.split('/')[4] ?? ''
}
