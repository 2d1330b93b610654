import { afterEach, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

describe('the list of VMs', () => {
  let world: World
  afterEach(() => world.close())

  test('is there at once after a restart, with Azure away, and says how old it is', async () => {
    world = await createWorld({ durable: true })
    await world.passes('10m')
    world.azure.fault({ kind: 'server-error' })
    await world.restarts()
    await world.asks('robin', 'rdp vm-app01 30m from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /more than one VM named vm-app01.* Production\/rg-shop\/vm-app01 or Staging\/rg-lab\/vm-app01/i,
    )
    await world.asks('robin', 'ssh vm-wbe01 30m from 81.2.69.142')
    const answer = world.ephemerals('robin').at(-1)
    expect(answer).toMatch(/There is no VM named vm-wbe01 that I can see\. The list of VMs is from /)
    expect(answer).toMatch(/The nearest names are .*vm-web01/)
    await world.asks('robin', 'status')
    expect(world.ephemerals('robin').at(-1)).toMatch(/Azure’s VMs were read at .*, 10 min ago\./)
  })

  test('from before a long absence is not what a request is decided by', async () => {
    world = await createWorld({ durable: true })
    world.clock.to(world.clock.now() + 3 * 3_600_000)
    world.azure.fault({ kind: 'server-error', path: 'ResourceGraph' })
    await world.restarts()
    await world.asks('robin', 'ssh vm-web01 15m from 81.2.69.142')
    expect(world.ourRules()).toEqual([])
    world.azure.clearFaults()
    await world.passes('10m')
    expect(world.passesTo('vm-web01', 22)).toBe(true)
  })

  test('holds a VM that was made a moment ago as soon as somebody asks for it', async () => {
    world = await createWorld()
    await world.passes('2m')
    world.azure.mutate({ do: 'rename-vm', vm: 'vm-open01', to: 'vm-shut01' })
    await world.asks('robin', 'rdp vm-shut01 30m from 81.2.69.142')
    expect(world.cardText()).toMatch(/vm-shut01/)
  })
})
