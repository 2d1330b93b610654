import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plant } from '../support/planted-rule.ts'
import { staging } from '../support/simulator.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

describe('what others do in Azure', () => {
  let world: World
  beforeEach(async () => {
    world = await createWorld({ policy: `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n` })
  })
  afterEach(() => world.close())

  const opens = async (text = 'rdp vm-jump01 30m from 81.2.69.142') => {
    await world.asks('robin', text)
    await world.clicks('avery', 'approve')
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Open/)
  }
  const ours = () => {
    const version = world.azure.history().find(({ to, rule }) => to === null && rule.startsWith('jit-'))
    if (!version) throw new Error('There is no rule of ours.')
    return version
  }
  const vmId = (name = 'vm-jump01') => world.app.inventory.find(name)[0]?.id ?? ''
  const isDeleted = async () => {
    world.azure.mutate({ do: 'delete', id: vmId() })
    await world.app.inventory.refresh()
  }
  /** What an auditor reads of the newest event of a kind. */
  const audited = async (type: string) =>
    (await world.app.store.auditAfter(0, 1_000)).findLast((record) => record.type === type)
  /** A rule as somebody who imitates ours would write it. */
  const plants = (nsg: string, name: string, priority = 3400) => plant(world.azure, nsg, name, { priority })

  describe('a VM that was deleted', () => {
    test('ends the access to it, although its security groups are still there', async () => {
      await opens()
      await isDeleted()
      await world.reconciles()
      expect(world.ourRules()).toEqual([])
      expect(world.cardText()).toMatch(/^Closed/)
      expect(world.thread().join('\n')).toMatch(
        /Closing: .*Azure no longer knows this VM by the id that was approved\./,
      )
      expect(world.dm('robin').join('\n')).toMatch(
        /Azure no longer knows this VM by the id that was approved\./,
      )
      expect(await audited('grant.closing')).toMatchObject({
        actor: 'jitney',
        details: { reason: 'vm deleted' },
      })
    })

    test('ends nothing on the word of the inventory alone: Azure itself must say so', async () => {
      await opens()
      world.azure.fault({ kind: 'forbidden', method: 'GET', path: 'virtualMachines/vm-jump01$' })
      await isDeleted()
      await world.reconciles()
      expect(world.cardText()).toMatch(/^Open/)
      world.azure.clearFaults()
      await world.passes('1m')
      expect(world.cardText()).toMatch(/^Closed/)
    })
  })

  test('a resource group that was deleted ends the access to its VMs', async () => {
    await opens()
    const [, , subscription] = ours().nsg.split('/')
    world.azure.mutate({ do: 'delete', id: `/subscriptions/${subscription}/resourceGroups/rg-ops` })
    await world.reconciles()
    expect(world.cardText()).toMatch(/^Closed/)
    expect(world.thread().at(-1)).toMatch(/no network rule of this request is left/)
  })

  test.each([
    ['source', { sourceAddressPrefix: '*' }, '81.2.69.142', '*'],
    ['ports', { destinationPortRange: '1-65535' }, '3389', '1-65535'],
    ['priority', { priority: 200 }, null, '200'],
    ['access', { access: 'Deny' }, 'Allow', 'Deny'],
    ['direction', { direction: 'Outbound' }, 'Inbound', 'Outbound'],
  ] as const)('a changed %s is on record with before and after', async (what, change, was, after) => {
    await opens()
    const { nsg, rule, properties } = ours()
    const before = was ?? String(properties.priority)
    world.azure.mutate({ do: 'put-rule', nsg, name: rule, properties: { ...properties, ...change } })
    await world.reconciles()
    expect(world.ourRules()).toEqual([])
    expect(await audited('grant.closing')).toMatchObject({
      actor: 'jitney',
      details: { nsg: nsg.toLowerCase(), rule, changes: [{ what, before, after }] },
    })
    const line = world.auditLines().findLast((text) => text.includes('changed outside'))
    expect(line).toContain(`${what} was ${before} and is now ${after}`)
  })

  test('a rule that somebody widened while the other one is not there yet ends the access too', async () => {
    await world.reconciles()
    world.azure.fault({ kind: 'busy', status: 429, method: 'PUT', path: 'nsg-ops-subnet/securityRules/jit-' })
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    const { nsg, rule, properties } = ours()
    expect(nsg).toMatch(/nsg-jump01-nic$/)
    world.azure.mutate({
      do: 'put-rule',
      nsg,
      name: rule,
      properties: { ...properties, sourceAddressPrefix: '*' },
    })
    await world.passes('1m')
    expect(world.ourRules()).toEqual([])
    expect(world.thread().join('\n')).toMatch(/source was 81\.2\.69\.142 and is now \*/)
  })

  test('the comparison comes again every minute, without being asked', async () => {
    await world.reconciles()
    for (const index of [1, 2, 3]) {
      plants('nsg-web-subnet', `jit-zzzzzzzzz${index}-1999999999`)
      await world.passes('1m')
      expect(world.ourRules()).toEqual([])
    }
  })

  test('a subscription that cannot be read keeps no other from being compared', async () => {
    plants('nsg-web-subnet', 'jit-zzzzzzzzzz-1999999999')
    world.azure.fault({
      kind: 'forbidden',
      path: '^/subscriptions/22222222-[^/]*/providers/Microsoft.Network/networkSecurityGroups',
    })
    await world.reconciles()
    expect(world.ourRules()).toEqual([])
  })

  test('a rule of ours is found in every group of every subscription', async () => {
    const labGroup = `/subscriptions/${staging}/resourceGroups/rg-lab/providers/Microsoft.Network/networkSecurityGroups/nsg-app01-nic`
    const groups = ['nsg-web-subnet', 'nsg-jump01-nic', 'nsg-ops-subnet', 'nsg-db01-nic', labGroup]
    for (const nsg of groups) plants(nsg, 'jit-zzzzzzzzzz-1999999999')
    expect(world.ourRules()).toHaveLength(groups.length)
    await world.reconciles()
    expect(world.ourRules()).toEqual([])
  })

  test('an end whose timer was lost is found and kept', async () => {
    await opens()
    const requestId = /Request (\w+)/.exec(world.cardText())?.[1] ?? ''
    await world.app.store.transact((tx) => tx.dropJobs([`request:${requestId}:expiry`]))
    await world.passes('30m')
    expect(world.ourRules()).not.toEqual([])
    await world.reconciles()
    expect(world.ourRules()).toEqual([])
    expect(world.thread().at(-1)).toMatch(/Closed: .*Its time is over/)
  })

  test('a rule that the list and one read miss, and the next read sees, is not called missing', async () => {
    // The opening reads it once; after that the list and the first look at the rule itself lag behind.
    world.azure.fault({ kind: 'stale-reads', method: 'PUT', path: 'nsg-jump01-nic/', skip: 1, reads: 2 })
    await opens()
    const since = world.azure.calls().at(-1)?.seq ?? 0
    await world.reconciles()
    const looks = world.azure
      .calls(since)
      .filter(({ path }) => path.includes('nsg-jump01-nic/securityRules/'))
    expect(looks.map(({ method, status }) => `${method} ${status}`)).toEqual(['GET 404', 'GET 200'])
    expect(world.cardText()).toMatch(/^Open/)
  })
})
