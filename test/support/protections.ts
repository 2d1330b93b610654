import type { LiveRule } from '../../src/core/live-rule.ts'
import type { Protection, Removal, ShieldRule } from '../../src/core/protection.ts'
import type { Hop } from '../../src/core/vm.ts'
import { alice, clock, vm } from './cases.ts'

export const nsgOf = (name: string): string =>
  `/subscriptions/s1/resourcegroups/rg/providers/microsoft.network/networksecuritygroups/${name}`

export const hop = (name: string, attachedTo: Hop['attachedTo'], ...destinations: string[]): Hop => ({
  nsgId: nsgOf(name),
  attachedTo,
  destinations,
})

export const live = (changes: Partial<LiveRule> = {}): LiveRule => ({
  name: 'theirs',
  description: '',
  priority: 500,
  direction: 'Inbound',
  access: 'Allow',
  sources: ['*'],
  destinations: ['*'],
  ports: ['*'],
  protocol: '*',
  provisioning: 'Succeeded',
  ...changes,
})

export const shieldRule = (changes: Partial<ShieldRule> = {}): ShieldRule => ({
  name: 'jitney-protect-p1-tcp',
  nsgId: nsgOf('nic'),
  priority: 3500,
  source: '*',
  destinations: ['10.0.0.4'],
  ports: [{ number: 22, protocol: 'tcp' }],
  description: 'jitney protection p1 of vm1 by UALICE',
  state: 'planned',
  ...changes,
})

export const protection = (changes: Partial<Protection> = {}): Protection => ({
  id: 'p1',
  vm: vm(),
  terms: { way: 'nsg', ports: [{ number: 22, protocol: 'tcp' }], sources: ['*'], maxMs: 3 * 60 * 60_000 },
  by: alice,
  at: clock('09:00'),
  state: 'protecting',
  rules: [shieldRule()],
  ...changes,
})

export const removal = (changes: Partial<Removal> = {}): Removal => ({
  id: 'm1',
  nsgId: nsgOf('nic'),
  rule: live(),
  by: alice,
  at: clock('09:10'),
  state: 'proposed',
  ...changes,
})
