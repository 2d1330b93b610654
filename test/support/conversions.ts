import { type AskedChange, type AskedConversion, askedConversion } from '../../src/core/conversion.ts'
import type { Conversion, RuleChange } from '../../src/core/convert.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import { alice, clock, vm } from './cases.ts'
import { live, nsgOf } from './protections.ts'

/** Any source becomes whoever is inside. */
export const narrowed = (name = 'rdp', nsg = 'nic', changes: Partial<LiveRule> = {}): RuleChange => ({
  nsgId: nsgOf(nsg),
  rule: live({ name, ports: ['3389'], ...changes }),
  vms: 1,
  kind: 'sources',
  to: ['VirtualNetwork'],
})

export const proposal = (changes: Partial<Conversion> = {}): Conversion => ({
  vm: vm(),
  at: clock('09:00'),
  open: [
    {
      ports: [{ number: 3389, protocol: 'tcp' }],
      breadth: 'any',
      rules: [{ nsgId: nsgOf('nic'), name: 'rdp', priority: 500, sources: ['*'] }],
    },
  ],
  changes: [narrowed()],
  left: [],
  doubt: false,
  askBy: 'a colleague agrees',
  ...changes,
})

export const conversion = (
  changes: Partial<AskedConversion> = {},
  shown: Partial<Conversion> = {},
): AskedConversion => ({
  ...askedConversion(proposal(shown), { id: 'c1', by: alice, at: clock('09:10') }),
  ...changes,
})

/** Each of the changes as far as these say. */
export const asFarAs = (
  from: AskedConversion,
  ...states: readonly AskedChange['state'][]
): Pick<AskedConversion, 'changes'> => ({
  changes: from.changes.map((one, at) => ({ ...one, state: states[at] ?? one.state })),
})
