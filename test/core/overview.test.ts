import { describe, expect, test } from 'vitest'
import { judging } from '../../src/core/compliance.ts'
import { groupsOf, isMeant, type Overview, standingIn } from '../../src/core/overview.ts'
import { vm } from '../support/cases.ts'
import { both, entry, grounds, nic, rule } from '../support/exposures.ts'

const closed = judging(grounds(both()))
const open = judging(grounds(both(rule('rdp', 300))))
const named = (name: string) => ({
  ...entry(),
  vm: vm({ name, id: `/vms/${name}`, resourceGroup: 'rg-Shop', subscriptionName: 'Prod' }),
})
const web = closed(named('vm-web01'))
const jump = open(named('vm-jump01'))
const bare = closed({ ...named('vm-bare01'), interfaces: [nic({ nsgId: null, subnetNsgIds: [null] })] })
const overview: Overview = { vmsAt: 1, rulesAt: 1, judged: [web, bare, jump], unread: [] }

describe('which VMs are meant', () => {
  test.each([
    ['', ['vm-web01', 'vm-bare01', 'vm-jump01']],
    ['WEB', ['vm-web01']],
    ['rg-shop jump', ['vm-jump01']],
    ['rg-shop/vm-b', ['vm-bare01']],
    ['prod', ['vm-web01', 'vm-bare01', 'vm-jump01']],
    ['open', ['vm-bare01', 'vm-jump01']],
    ['recommended', ['vm-jump01']],
    ['Unsupported', ['vm-bare01']],
    ['unknown', []],
    ['constructor', []],
  ])('by “%s”', (filter, expected) => {
    expect(overview.judged.filter(isMeant(filter)).map((one) => one.vm.name)).toEqual(expected)
  })
})

test('each group says how many there are, however few are shown', () => {
  const many = { ...overview, judged: [web, ...Array.from({ length: 9 }, () => closed(named('vm-x'))), jump] }
  expect(groupsOf(many, '', 3).map(({ group, total, vms }) => [group, total, vms.length])).toEqual([
    ['configured', 10, 3],
    ['recommended', 1, 1],
    ['unsupported', 0, 0],
    ['not known', 0, 0],
  ])
})

test('standing access counts what it does not show, and what has no group in front at all', () => {
  expect(standingIn(overview, 0)).toMatchObject({
    total: 1,
    shown: [],
    bare: [{ vm: { name: 'vm-bare01' } }],
  })
})
