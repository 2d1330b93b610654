import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { plant } from '../support/planted-rule.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

describe('the reconciler', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy: `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n` })
  })
  afterAll(() => world?.close())
  afterEach(async () => {
    world.azure.clearFaults()
    await world.passes('2h')
  })

  const opens = async (text = 'rdp vm-jump01 30m from 81.2.69.142') => {
    await world.asks('robin', text)
    await world.clicks('avery', 'approve')
    await world.passes('1m')
  }
  const rule = () => {
    const [found] = world.ourRules()
    if (!found) throw new Error('There is no rule of ours.')
    return found
  }
  const audited = () => world.auditLines().map((line) => line.split(' · ')[1])
  const pages = () => world.slack.messages('C0PAGES').map((message) => world.slack.visible(message))

  test('finds nothing to say while everything is as it should be', async () => {
    await opens()
    const before = world.auditLines().length
    await world.reconciles()
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    expect(world.auditLines()).toHaveLength(before)
    expect(pages()).toEqual([])
  })

  test('a rule that somebody removed is told in the thread, and the grant is closed', async () => {
    await opens()
    const { nsg, name } = rule()
    world.azure.mutate({ do: 'delete-rule', nsg, name })
    await world.reconciles()
    expect(world.thread().join('\n')).toMatch(/changed outside Jitney.*was removed by somebody else/)
    expect(world.cardText()).toMatch(/^Closed/)
    expect(world.ourRules()).toEqual([])
  })

  test.each([
    ['a wider source', { sourceAddressPrefix: '*' }, /source was 81\.2\.69\.142 and is now \*/],
    ['another port', { destinationPortRange: '22' }, /ports was 3389 and is now 22|ports were/],
    ['another priority', { priority: 200 }, /priority was \d+ and is now 200/],
    ['Deny', { access: 'Deny' }, /access was Allow and is now Deny/],
    ['the other direction', { direction: 'Outbound' }, /direction was Inbound and is now Outbound/],
  ] as const)(
    'a rule that somebody changed to %s is closed, and told with before and after',
    async (_name, change, what) => {
      await opens()
      const { nsg, name } = rule()
      const properties = world.azure.rules(nsg)[name]
      if (!properties) throw new Error('The rule is not there.')
      world.azure.mutate({ do: 'put-rule', nsg, name, properties: { ...properties, ...change } })
      await world.reconciles()
      expect(world.thread().join('\n')).toMatch(what)
      expect(world.cardText()).toMatch(/^Closed/)
      expect(world.ourRules()).toEqual([])
    },
  )

  test('a rule that comes back after its close is removed, with a hint for Terraform', async () => {
    await opens()
    const { nsg, name } = rule()
    const properties = world.azure.rules(nsg)[name]
    if (!properties) throw new Error('The rule is not there.')
    await world.passes('30m')
    expect(world.ourRules()).toEqual([])
    world.azure.mutate({ do: 'put-rule', nsg, name, properties })
    await world.reconciles()
    expect(world.ourRules()).toEqual([])
    expect(world.thread().at(-1)).toMatch(/A closed rule was back.*ignore_changes/s)
    expect(audited().slice(-2)).toEqual([
      'found a network rule that no access needs',
      'removed that network rule, confirmed by Azure',
    ])
  })

  test('a rule of ours that is on no record is removed, and the operators are told', async () => {
    const name = 'jit-zzzzzzzzzz-1999999999'
    plant(world.azure, 'nsg-web-subnet', name)
    await world.reconciles()
    expect(world.ourRules()).toEqual([])
    expect(pages().at(-1)).toMatch(/@alex A rule of ours that is on no record: jit-zzzzzzzzzz-1999999999/)
  })

  test('a rule with our name’s shape and another description is told once and never touched', async () => {
    const name = 'jit-yyyyyyyyyy-1500000000'
    plant(world.azure, 'nsg-web-subnet', name, {
      description: 'by hand',
      priority: 3401,
      sourceAddressPrefix: '198.51.100.1',
    })
    const before = pages().length
    await world.reconciles()
    await world.reconciles()
    expect(world.ourRules().map((found) => found.name)).toEqual([name])
    expect(pages().slice(before)).toEqual([
      expect.stringMatching(/looks like one of ours and is not: jit-yyyyyyyyyy/),
    ])
    world.azure.mutate({ do: 'delete-rule', nsg: 'nsg-web-subnet', name })
  })

  test('a security group that was deleted closes its grants', async () => {
    await opens('rdp vm-open01 30m from 81.2.69.142')
    const { nsg } = rule()
    const id = world.azure.history().findLast((version) => version.nsg.endsWith(`/${nsg}`))?.nsg ?? ''
    world.azure.mutate({ do: 'delete', id })
    await world.reconciles()
    expect(world.cardText()).toMatch(/^Closed/)
  })

  test('a write that lands after its close was confirmed is gone after one look', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    const { nsg, name } = rule()
    const properties = world.azure.rules(nsg)[name]
    if (!properties) throw new Error('The rule is not there.')
    await world.clicks('robin', 'close')
    expect(world.cardText()).toMatch(/^Closed/)
    world.azure.mutate({ do: 'put-rule', nsg, name, properties })
    await world.reconciles()
    expect(world.ourRules()).toEqual([])
  })

  test('lists that lag behind do not close anything', async () => {
    // The opening reads each rule once; the list that comes after lags behind.
    world.azure.fault({ kind: 'stale-reads', method: 'PUT', path: 'securityRules/jit-', skip: 1, reads: 1 })
    await opens()
    await world.reconciles()
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    expect(world.cardText()).toMatch(/^Open/)
  })

  test('what does not close within a minute pages, with the command that closes it by hand, until it is closed', async () => {
    await opens()
    const { nsg, name } = rule()
    const id = world.azure.history().findLast((version) => version.nsg.endsWith(`/${nsg}`))?.nsg ?? ''
    world.azure.mutate({ do: 'lock', scope: id, level: 'CanNotDelete' })
    const before = pages().length
    await world.passes('31m')
    expect(pages().slice(before)).toHaveLength(1)
    expect(pages().at(-1)).toMatch(/@alex Not closed: rdp to vm-jump01 for @robin/)
    const [, , subscription, , group] = id.toLowerCase().split('/')
    expect(pages().at(-1)).toContain(
      `az network nsg rule delete --subscription ${subscription} --resource-group "${group}" --nsg-name ${nsg} --name ${name}`,
    )
    const called = world.dm('alex').at(-1)
    expect(called).toMatch(/Not closed: rdp to vm-jump01 for @robin/)
    expect(called).toContain('az network nsg rule delete --subscription')
    expect(pages().at(-1)).toMatch(
      /Each rule that is left was turned into one that denies, as Azure showed .*; only the removal is left\./,
    )
    expect(pages().at(-1)).not.toMatch(/may still get in/)
    expect(audited().filter((what) => what === 'cannot be closed so far')).toHaveLength(1)
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
    await world.passes('5m')
    expect(pages().slice(before)).toHaveLength(2)
    world.azure.mutate({ do: 'unlock', scope: id })
    await world.passes('10m')
    expect(world.cardText()).toMatch(/^Closed/)
    const told = pages().length
    await world.passes('30m')
    expect(pages()).toHaveLength(told)
  })
})
