import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { production } from '../support/simulator.ts'
import { createWorld, type Name, type World } from '../support/world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

const opens = async (name: Name = 'robin') => {
  await world.people[name].opensHome()
  await world.settle()
  const home = world.people[name].home()
  return home ? world.slack.visible(home) : ''
}
const published = () => world.slack.calls({ method: 'views.publish' }).length

describe('the Home', () => {
  test('shows that nothing of somebody’s is open, what stands open, and the VMs in their groups', async () => {
    const home = await opens()
    expect(home).toMatch(/^Your access and requests\nNothing of yours is open or waits\. Ask with \/jit rdp/)
    expect(home).toMatch(
      /Standing access\n• vm-open01 .*RDP \(3389\) to anybody .*by the rule rdp-for-everyone/,
    )
    expect(home).toMatch(/Without any security group in front, so no rule keeps anybody out: vm-bare01\./)
    expect(home).toMatch(/VMs\nConfigured \(7\)/)
    expect(home).toMatch(/Recommended: .* \(1\)\n• vm-open01/)
    expect(home).toMatch(/Unsupported \(1\)\n• vm-bare01/)
    expect(home).toMatch(
      /rules as of 2026-11-23 09:00 UTC, VMs as of 2026-11-23 09:00 UTC\. Only rules of security groups are looked at: .* Shown 2026-11-23 09:00 UTC/,
    )
  })

  test('shows one’s own open access and what waits, and nobody else’s', async () => {
    await world.asks('robin', 'ssh vm-web01 15m from 81.2.69.142')
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.asks('lee', 'ssh vm-jump01 30m from 81.2.69.143')
    const home = await opens()
    expect(home).toMatch(/Open: ssh to vm-web01, until 2026-11-23 09:15 UTC\. Request \w+\./)
    expect(home).toMatch(
      /Approval needed: rdp to vm-jump01 for 30 min, to be decided by 2026-11-23 09:30 UTC/,
    )
    expect(home).not.toMatch(/ssh to vm-jump01/)
    // Once it is over and Azure has confirmed that, it is not there any more.
    await world.passes('1h')
    expect(await opens()).toMatch(/Nothing of yours is open or waits\./)
  })

  test('never shows as open what is past its end and not closed yet', async () => {
    await world.asks('robin', 'ssh vm-web01 15m from 81.2.69.142')
    world.azure.fault({ kind: 'forbidden', method: 'DELETE' })
    await world.passes('20m')
    const home = await opens()
    expect(home).toMatch(/Closing: ssh to vm-web01\. Request/)
    expect(home).not.toMatch(/Open: ssh/)
  })

  test('is drawn anew when it is opened again, at most once a minute for each person', async () => {
    await opens()
    await opens()
    expect(published()).toBe(1)
    await opens('lee')
    expect(published()).toBe(2)
    world.clock.to(world.clock.now() + 59_999)
    await opens()
    expect(published()).toBe(2)
    world.clock.to(world.clock.now() + 1)
    expect(await opens()).toMatch(/Shown 2026-11-23 09:01 UTC/)
    expect(published()).toBe(3)
  })

  test('tells a guest that they cannot see it', async () => {
    world.people.mallory.becomes({ guest: true })
    const home = await opens('mallory')
    expect(home).toMatch(/^You cannot see how VMs are guarded: this is the account of a guest\.$/)
  })

  test('says what could not be read', async () => {
    world.azure.fault({
      kind: 'forbidden',
      path: `${production}/providers/Microsoft.Network/networkSecurityGroups`,
    })
    const home = await opens()
    expect(home).toMatch(
      /Not read: the security groups of Production .*\. Whether anything stands open there is not known\./,
    )
    expect(home).toMatch(/No rule that could be read lets anybody outside in|Without any security group/)
    expect(home).toMatch(/Not known \(5\)/)
  })

  test('Convert to JIT, asked for there, is answered by a message', async () => {
    await opens()
    const home = world.people.robin.home()
    if (!home) throw new Error('There is no Home.')
    await world.people.robin.clicks(home, 'convert')
    await world.settle()
    expect(world.dm('robin').at(-1)).toMatch(
      /From standing access to access on request: vm-open01[\s\S]*Nothing is changed by this/,
    )
  })
})
