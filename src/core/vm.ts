/** A virtual machine as the inventory knows it. `id` is the resource id in lower case. */
export interface Vm {
  readonly id: string
  readonly name: string
  readonly resourceGroup: string
  readonly subscriptionId: string
  readonly subscriptionName: string
  readonly location: string
  /** The directory that the subscription belongs to; missing where Azure did not say. */
  readonly tenantId?: string
  readonly os: 'windows' | 'linux' | null
  readonly tags: Readonly<Record<string, string>>
}

/** One network security group on the way to a VM, and the VM's addresses behind it. */
export interface Hop {
  /** Resource id in lower case. */
  readonly nsgId: string
  readonly attachedTo: 'subnet' | 'network interface'
  /** The VM's private addresses behind this group, in the source's family: the rule's destination. */
  readonly destinations: readonly string[]
}

/** A way into a VM: one of its private addresses, and the network interface that carries it. */
export interface Endpoint {
  /** Resource id in lower case. */
  readonly networkInterface: string
  readonly address: string
}

/** What else is known of a way when it has been read. */
export interface Way {
  /** The virtual network that the VM is in; its resource id in lower case. */
  readonly networkId: string | null
  /** The VM’s own addresses in each application security group, by the group’s id in lower case. */
  readonly members: Readonly<Record<string, readonly string[]>>
}

/** How a packet from outside reaches a VM, or why asking for access makes no sense. */
export type Path =
  | {
      readonly kind: 'guarded'
      readonly hops: readonly Hop[]
      readonly connectTo: string | null
      /** The addresses behind the groups; missing where they were not read. */
      readonly endpoints?: readonly Endpoint[]
      readonly way?: Way
      /** The VM’s tags at this reading; missing where they were not read. */
      readonly tags?: Vm['tags']
    }
  /** No security group stands in the way, so everything is let in already. */
  | { readonly kind: 'unguarded'; readonly networkInterface: string }
  | { readonly kind: 'unreachable'; readonly why: string }

/** The VM with the tags that were read with its way in. */
export const asRead = (vm: Vm, { tags }: Pick<Extract<Path, { kind: 'guarded' }>, 'tags'>): Vm =>
  tags ? { ...vm, tags } : vm
