import { afterEach, describe, expect, test } from 'vitest'
import {
  customer,
  customerSubscription,
  delegatedSubscription,
  home,
  tenantsWorld,
} from '../support/tenants.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

describe('VMs of several tenants', () => {
  let world: World
  afterEach(() => world?.close())

  const starts = async (
    environment: Record<string, string> = { AZURE_TENANT_IDS: customer },
    closedTenants: string[] = [],
    durable = false,
  ) => {
    world = await createWorld({
      durable,
      policy: `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n`,
      simulator: { world: { ...tenantsWorld(), closedTenants } },
      signsIn: true,
      environment: { AZURE_TENANT_ID: home, AZURE_CLIENT_ID: 'a', AZURE_CLIENT_SECRET: 'b', ...environment },
    })
  }
  const opens = async (vm: string) => {
    await world.asks('robin', `ssh ${vm} 30m from 81.2.69.142`)
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(new RegExp(`^Open: ssh to ${vm}`))
    expect(world.passesTo(vm, 22)).toBe(true)
    await world.reconciles()
    await world.passes('31m')
    expect(world.cardText()).toMatch(/^Closed/)
    expect(world.passesTo(vm, 22)).toBe(false)
  }
  /** The tenants whose tokens the calls for a subscription carried. */
  const tokensFor = (subscriptionId: string) => [
    ...new Set(
      world.azure
        .calls()
        .filter(({ path }) => path.includes(subscriptionId))
        .map(({ tenant }) => tenant),
    ),
  ]
  const pages = () => world.slack.messages('C0PAGES').map((message) => world.slack.visible(message))

  test('a VM of a customer’s tenant is opened and closed with tokens of that tenant alone', async () => {
    await starts()
    await opens('vm-customer')
    expect(tokensFor(customerSubscription)).toEqual([customer])
    expect(world.azure.calls().filter(({ status }) => status === 401)).toEqual([])
  })

  test('what Defender says of such a VM is asked with its tenant’s token', async () => {
    await starts()
    await world.asks('robin', 'ssh vm-customer 30m from 81.2.69.142')
    const asked = world.azure
      .calls()
      .filter(
        ({ path, body }) => /ResourceGraph/i.test(path) && JSON.stringify(body).includes('securityresources'),
      )
    expect(asked.map(({ tenant, status }) => [tenant, status])).toEqual([[customer, 200]])
  })

  test('a delegated subscription is read and written with the own tenant’s token', async () => {
    await starts()
    await opens('vm-delegated')
    expect(tokensFor(delegatedSubscription)).toEqual([home])
  })

  test('a delegated subscription needs no tenant to be named', async () => {
    await starts({ AZURE_TENANT_IDS: '' })
    await opens('vm-delegated')
    expect(world.app.inventory.find('vm-customer')).toEqual([])
    expect(world.azure.calls().filter(({ tenant, action }) => action !== '' && tenant !== home)).toEqual([])
  })

  test('with named subscriptions each is asked for with the right token', async () => {
    await starts({
      AZURE_TENANT_IDS: customer,
      AZURE_SUBSCRIPTION_IDS: `${customerSubscription},${delegatedSubscription}`,
    })
    await opens('vm-customer')
    expect(world.app.inventory.find('vm-delegated')).toHaveLength(1)
    expect(world.app.inventory.find('vm-jump01')).toEqual([])
    expect(world.azure.calls().filter(({ status }) => status === 401)).toEqual([])
  })

  test('operators are told which tenant cannot be read and why; the others work on; then it is found again', async () => {
    await starts({ AZURE_TENANT_IDS: customer }, [customer])
    expect(world.app.inventory.find('vm-customer')).toEqual([])
    await world.reconciles()
    expect(pages()).toEqual([
      expect.stringMatching(new RegExp(`A tenant cannot be read: ${customer}.*AADSTS700016`, 's')),
    ])
    await opens('vm-jump01')
    expect(pages()).toHaveLength(1)
    world.azure.sim.closedTenants.clear()
    await world.app.inventory.refresh()
    await opens('vm-customer')
    expect(pages()).toHaveLength(1)
  })

  test('a tenant that cannot be read keeps its VMs over a restart, and everybody is told of when they are', async () => {
    await starts({ AZURE_TENANT_IDS: customer }, [], true)
    await world.app.inventory.refresh()
    world.azure.sim.closedTenants.add(customer)
    // The token that is still good goes with the restart.
    await world.restarts()
    await world.app.inventory.refresh()
    await world.passes('21m')
    const old = /whose VMs are as of 2026-11-23 09:0\d UTC/
    await world.asks('robin', 'vms customer')
    expect(world.ephemerals('robin').at(-1)).toMatch(/vm-customer/)
    expect(world.ephemerals('robin').at(-1)).toMatch(/Not read: the tenant 88888888-/)
    expect(world.ephemerals('robin').at(-1)).toMatch(old)
    await world.asks('robin', 'ssh vm-customer 30m from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /What is known of vm-customer is from 2026-11-23 09:0\d UTC, because its tenant could not be read since\. Nothing was stored/,
    )
    await world.asks('robin', 'ssh vm-custom 30m from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /The tenant 88888888-\S+ could not be read, and its VMs are as of 2026-11-23 09:0\d UTC/,
    )
    await world.asks('robin', 'status')
    expect(world.ephemerals('robin').at(-1)).toMatch(/The tenant 88888888-\S+ could not be read/)
    world.azure.sim.closedTenants.clear()
    await world.app.inventory.refresh()
    await world.asks('robin', 'vms customer')
    expect(world.ephemerals('robin').at(-1)).not.toMatch(/Not read/)
    await world.asks('robin', 'ssh vm-customer 30m from 81.2.69.142')
    expect(world.cardText()).toMatch(/ssh to vm-customer/)
  })
})
