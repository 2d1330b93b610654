import { describe, expect, it } from 'vitest'
import { showsRule, toLiveRule, toSecurityRule } from '../../src/azure/security-rule.ts'
import { ruleOf } from './firewall.contract.ts'

const asg = (name: string) => ({ id: `/Subscriptions/S/ApplicationSecurityGroups/${name}` })

describe('a security rule as Azure shows it', () => {
  it('holds addresses and groups in one list, whichever field they came in', () => {
    const live = toLiveRule({
      name: 'their-rule',
      priority: 200,
      direction: 'Outbound',
      access: 'Deny',
      protocol: '*',
      sourceAddressPrefix: '*',
      sourceAddressPrefixes: ['10.0.0.0/8'],
      sourceApplicationSecurityGroups: [asg('A')],
      destinationAddressPrefixes: ['10.1.0.4', '10.1.0.5'],
      destinationApplicationSecurityGroups: [asg('B')],
      destinationPortRange: '22',
      destinationPortRanges: ['80-90'],
    })
    expect(live).toEqual({
      name: 'their-rule',
      description: '',
      priority: 200,
      direction: 'Outbound',
      access: 'Deny',
      sources: ['*', '10.0.0.0/8', 'asg:/subscriptions/s/applicationsecuritygroups/a'],
      destinations: ['10.1.0.4', '10.1.0.5', 'asg:/subscriptions/s/applicationsecuritygroups/b'],
      ports: ['22', '80-90'],
      protocol: '*',
      provisioning: 'Updating',
    })
  })

  it.each([
    ['Succeeded', 'Succeeded'],
    ['Deleting', 'Deleting'],
    ['Failed', 'Failed'],
    ['Canceled', 'Failed'],
    ['Updating', 'Updating'],
    ['Creating', 'Updating'],
    ['a word of tomorrow', 'Updating'],
  ])('is %s: %s', (provisioningState, provisioning) => {
    expect(toLiveRule({ provisioningState }).provisioning).toBe(provisioning)
  })

  it('shows our rule however Azure spells the same addresses', () => {
    const rule = ruleOf({ source: '2a02:8109:0:0::1', destinations: ['10.1.0.4', '10.1.0.5'] })
    const live = toLiveRule({
      ...toSecurityRule(rule),
      protocol: 'TCP',
      sourceAddressPrefix: '2a02:8109::1/128',
      destinationAddressPrefixes: ['10.1.0.5', '10.1.0.4/32'],
    })
    expect(showsRule(live, rule)).toBe(true)
  })

  it.each([
    ['a wider source', { sourceAddressPrefix: '81.2.69.0/24' }],
    ['one source more', { sourceAddressPrefixes: ['9.9.9.9'] }],
    ['one destination more', { destinationAddressPrefixes: ['10.20.1.11'] }],
    ['one port more', { destinationPortRanges: ['22'] }],
  ])('is not ours with %s', (_what, change) => {
    const rule = ruleOf()
    expect(showsRule(toLiveRule({ ...toSecurityRule(rule), ...change }), rule)).toBe(false)
  })
})
