import type { Vm } from './vm.ts'

/** One network interface of a VM, and what stands in front of it. */
export interface VmInterface {
  /** Resource id in lower case. */
  readonly id: string
  /** The security group on the interface itself, by its id in lower case; null when it has none. */
  readonly nsgId: string | null
  /** The security groups of the subnets that it is in; null stands for a subnet without one. */
  readonly subnetNsgIds: readonly (string | null)[]
  readonly privateAddresses: readonly string[]
  readonly publicAddresses: readonly string[]
  /** False when Azure did not show the interface or one of its subnets: there may be more groups than stand here. */
  readonly whole: boolean
}

/** A port that a Defender for Cloud policy guards, and what somebody may ask it for. */
export interface JitPort {
  readonly number: number
  readonly protocol: 'tcp' | 'udp' | 'any'
  /** Addresses and ranges that may be asked for; `*` is any. */
  readonly sources: readonly string[]
  /** The longest access that may be asked for; null when Azure did not say. */
  readonly mostMs: number | null
}

/** What a Defender for Cloud policy says of one VM. */
export interface JitPolicy {
  /** Resource id in lower case. */
  readonly id: string
  readonly ports: readonly JitPort[]
  /** The latest request for the VM that the policy remembers. */
  readonly lastAccess: { readonly by: string; readonly at: number } | null
}

/** A VM with what the last reading of Azure showed around it. */
export interface VmEntry {
  readonly vm: Vm
  readonly interfaces: readonly VmInterface[]
  /** For example `running` or `deallocated`; null when Azure did not say. */
  readonly power: string | null
  /** Null: no policy names the VM. `not known`: the subscription's policies could not be read. */
  readonly jit: JitPolicy | null | 'not known'
  /** When the reading began that showed it, where a later one could not read its tenant. */
  readonly readAt?: number
}

/** A tenant that the last reading could not read. */
export interface LateTenant {
  readonly tenantId: string
  /** Of when its VMs are; null when none of them are known. */
  readonly readAt: number | null
  readonly why: string
}

/** Everything that one reading of Azure showed. */
export interface Reading {
  /** When it began. */
  readonly readAt: number
  readonly entries: readonly VmEntry[]
  /** The tenants that could not be read; absent where that is not known any more. */
  readonly late?: readonly LateTenant[]
}

/** Which tenants are late, as far as their VMs tell. */
export function lateAmong(entries: readonly VmEntry[]): readonly LateTenant[] {
  const found = new Map<string, number>()
  for (const { vm, readAt } of entries)
    if (readAt !== undefined)
      found.set(vm.tenantId ?? '', Math.min(readAt, found.get(vm.tenantId ?? '') ?? readAt))
  return [...found].map(([tenantId, readAt]) => ({ tenantId, readAt, why: 'it could not be read' }))
}

/** What the inventory knows of a VM beside its name and place. It says what was there, never whether access is open. */
export interface VmDetails {
  readonly networkInterfaces: readonly VmInterface[]
  readonly privateAddresses: readonly string[]
  readonly publicAddresses: readonly string[]
  /** Every security group in front of it, each once. */
  readonly nsgIds: readonly string[]
  readonly power: string | null
  readonly jitPolicy: JitPolicy | null | 'not known'
}

export function detailsOf({ interfaces, power, jit }: VmEntry): VmDetails {
  const nsgIds = interfaces
    .flatMap(({ nsgId, subnetNsgIds }) => [nsgId, ...subnetNsgIds])
    .filter((id) => id !== null)
  return {
    networkInterfaces: interfaces,
    privateAddresses: interfaces.flatMap(({ privateAddresses }) => privateAddresses),
    publicAddresses: interfaces.flatMap(({ publicAddresses }) => publicAddresses),
    nsgIds: [...new Set(nsgIds)],
    power,
    jitPolicy: jit,
  }
}

/** Hands out one and the same value for all that are alike: 100,000 VMs have a few places, tags and groups between them. */
export class Shared {
  readonly #texts = new Map<string, string>()
  readonly #values = new Map<string, unknown>()

  text(text: string): string {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    this.#texts.set(text, text)
    return text
  }

  value<T>(value: T): T {
    const key = JSON.stringify(value)
    if (!this.#values.has(key)) this.#values.set(key, value)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is written the same is of the same type.
    return this.#values.get(key) as T
  }

  vm(vm: Vm): Vm {
    return {
      ...vm,
      resourceGroup: this.text(vm.resourceGroup),
      subscriptionId: this.text(vm.subscriptionId),
      subscriptionName: this.text(vm.subscriptionName),
      location: this.text(vm.location),
      ...(vm.tenantId !== undefined && { tenantId: this.text(vm.tenantId) }),
      tags: this.value(vm.tags),
    }
  }

  /** For an entry whose VM is shared already. */
  around({ vm, interfaces, power, jit, readAt }: VmEntry): VmEntry {
    return {
      vm,
      interfaces: interfaces.map((one) => ({
        ...one,
        nsgId: one.nsgId === null ? null : this.text(one.nsgId),
        subnetNsgIds: this.value(one.subnetNsgIds),
        publicAddresses: one.publicAddresses.length === 0 ? this.value([]) : one.publicAddresses,
      })),
      power: power === null ? null : this.text(power),
      jit: jit === null || jit === 'not known' ? jit : this.value(jit),
      ...(readAt !== undefined && { readAt }),
    }
  }

  entry(entry: VmEntry): VmEntry {
    return this.around({ ...entry, vm: this.vm(entry.vm) })
  }
}
