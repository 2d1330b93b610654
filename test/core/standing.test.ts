import { describe, expect, test } from 'vitest'
import { judging } from '../../src/core/compliance.ts'
import type { VmEntry } from '../../src/core/inventory.ts'
import { ruleAbout } from '../../src/core/policy-about.ts'
import { changesSince, kept, standingAccess } from '../../src/core/standing.ts'
import { vm } from '../support/cases.ts'
import { both, entry, grounds, nic, type Rules, rule } from '../support/exposures.ts'
import { rule as policyRule, refusal, tcp } from '../support/policies.ts'

describe('by which rule of the policy file somebody may ask', () => {
  const policy = {
    hash: '',
    services: [],
    auditChannel: '',
    pages: { channel: '', users: [], groups: [] },
    operators: { users: [], groups: [] },
    addressWindowMs: 0,
    showTags: [],
    deny: [
      refusal('never the vault', { vm: { name: ['vault*'] } }),
      refusal('not from there', { vm: { name: ['vm-*'] }, source: { kind: ['typed'] } }),
    ],
    rules: [
      policyRule('leads', {
        vm: { tags: { env: ['prod'] } },
        requester: { users: ['U0LEAD'] },
        ports: [tcp(22)],
      }),
      policyRule('others', { vm: { name: ['vm-*', 'vault*'] }, not: { vm: { name: ['*-old'] } } }),
    ],
  }
  test.each([
    ['vm-1', { env: 'prod' }, 'leads'],
    ['vm-1', {}, 'others'],
    ['vm-old', {}, null],
    ['vault1', {}, null],
    ['db-1', {}, null],
  ])('%s %o: %s', (name, tags, expected) => {
    expect(ruleAbout(policy)(vm({ name, tags }))).toBe(expected)
  })
})

const named = (name: string, changes: Partial<VmEntry>, rules: Rules) =>
  judging(grounds(rules))({ ...entry(changes), vm: vm({ name, id: `/vms/${name}` }) })

describe('standing access', () => {
  const inside = { interfaces: [nic({ publicAddresses: [] })] }
  const order = [
    named('a-rdp', {}, both(rule('any', 300))),
    named('a-winrm', {}, both(rule('any', 300, { ports: ['5985'] }))),
    named('a-stopped', { power: 'deallocated' }, both(rule('any', 300, { ports: ['5985'] }))),
    named('b-inside', inside, both(rule('any', 300))),
    named('b-internet', {}, both(rule('net', 300, { sources: ['Internet'] }))),
    named('c-wide', {}, both(rule('isp', 300, { sources: ['81.0.0.0/8'] }))),
    named('d-tag', {}, both(rule('cloud', 300, { sources: ['AzureCloud'] }))),
    named('e-narrow', {}, both(rule('office', 300, { sources: ['81.2.69.0/24'] }))),
  ]
  test('is told in this order: anybody before some, with a public address, RDP and SSH, running', () => {
    const ranked = standingAccess(order.toReversed()).map(({ judged }) => judged.vm.name)
    expect(ranked).toEqual(order.map((one) => one.vm.name))
  })

  test('is new, or gone, or nobody can say', () => {
    const [one, two, three] = standingAccess(order)
    if (!one || !two || !three) throw new Error('There should be three.')
    const before = [one, two].map(kept)
    const changes = changesSince(before, [one, three], () => false)
    expect(changes.fresh).toEqual([three])
    expect(changes.gone.map(({ vm: name }) => name)).toEqual(['a-winrm'])
    expect(changesSince(before, [one], () => true)).toMatchObject({ gone: [], unsure: [{ vm: 'a-winrm' }] })
  })
})
