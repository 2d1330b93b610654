import { type Grounds, type JudgedVm, judging, managementPorts } from '../../src/core/compliance.ts'
import type { VmEntry, VmInterface } from '../../src/core/inventory.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import { vm } from './cases.ts'
import { tcp } from './policies.ts'

export const nic = (changes: Partial<VmInterface> = {}): VmInterface => ({
  id: '/nics/nic1',
  nsgId: '/nsgs/nic',
  subnetNsgIds: ['/nsgs/subnet'],
  privateAddresses: ['10.20.1.10'],
  publicAddresses: ['52.166.10.10'],
  whole: true,
  ...changes,
})
export const entry = (changes: Partial<VmEntry> = {}): VmEntry => ({
  vm: vm({ name: 'vm-1' }),
  interfaces: [nic()],
  power: 'running',
  jit: null,
  ...changes,
})
export const rule = (name: string, priority: number, changes: Partial<LiveRule> = {}): LiveRule => ({
  name,
  description: '',
  priority,
  direction: 'Inbound',
  access: 'Allow',
  sources: ['*'],
  destinations: ['*'],
  ports: ['3389'],
  protocol: 'Tcp',
  provisioning: 'Succeeded',
  ...changes,
})
export const ports = managementPorts([{ name: 'postgres', ports: [tcp(5432)] }])
export type Rules = Readonly<Record<string, readonly LiveRule[] | null>>
export const grounds = (rules: Rules, about: string | null = 'a colleague agrees'): Grounds => ({
  rulesOf: (id) => rules[id] ?? null,
  ports,
  ruleAbout: () => about,
})
export const judge = (rules: Rules, changes: Partial<VmEntry> = {}, about?: string | null): JudgedVm =>
  judging(grounds(rules, about))(entry(changes))
export const both = (...rules: readonly LiveRule[]): Rules => ({ '/nsgs/nic': rules, '/nsgs/subnet': rules })
