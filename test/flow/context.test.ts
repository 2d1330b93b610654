import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import type { ArmResource } from '../../src/simulator/world.ts'
import { alert, assessment } from '../../src/simulator/world-builder.ts'
import { production } from '../support/simulator.ts'
import { createWorld, type Name, type World } from '../support/world.ts'

const ops = { subscriptionId: production, resourceGroup: 'rg-ops', location: 'westeurope' }
const graph = 'Microsoft.ResourceGraph/resources'

function withAlerts(...more: ArmResource[]) {
  const world = demoWorld()
  return { ...world, resources: [...world.resources, ...more] }
}

const bruteForce = (name: string, type = 'RDP_Incoming_BF_OneToOne') =>
  alert(ops, {
    name,
    alertType: type,
    title: 'Suspicious incoming RDP network activity',
    severity: 'Medium',
    machine: 'vm-jump01',
    startsAt: '2026-11-23T08:00:00.0000000Z',
  })

const dangerous = withAlerts(
  bruteForce('a1'),
  alert(ops, {
    name: 'a2',
    alertType: 'VM_SuspiciousProcess',
    title: 'Suspicious <process> *executed*',
    severity: 'High',
    machine: 'vm-jump01',
    startsAt: '2026-11-23T07:00:00.0000000Z',
  }),
  // A machine whose name begins alike.
  alert(ops, {
    name: 'a3',
    alertType: 'VM_LoginBruteForceSuccess',
    title: 'Successful brute force attack',
    severity: 'High',
    machine: 'vm-jump012',
    startsAt: '2026-11-23T07:00:00.0000000Z',
  }),
  assessment(ops, 'vm-jump01', 'managementPorts', 'Unhealthy'),
)

let world: World
const asks = (text = 'rdp vm-jump01 30m from 81.2.69.142', name: Name = 'robin') => world.asks(name, text)
/** The lines of the card that are about the matter, and not the request. */
const known = () => world.cardText()

describe('a VM that is attacked', () => {
  beforeAll(async () => {
    world = await createWorld({ simulator: { world: dangerous } })
  })
  afterAll(() => world?.close())

  test('the card says so first, with the moment, and the attack before what is graded higher', async () => {
    await asks()
    expect(known()).toMatch(
      /2 active Defender alerts on this VM, as of 2026-11-23 09:00 UTC\. The worst: somebody is guessing passwords for RDP \(medium\)\. Defender finds that its management ports stand open\./,
    )
    expect(known().indexOf('active Defender alerts')).toBeLessThan(known().indexOf('Nobody else'))
    expect(world.slack.messages('C0APPROVALS')).toHaveLength(1)
    expect(known()).not.toMatch(/Successful brute force/)
  })

  test('Why tells each of them, in Azure’s own words, which mean nothing to Slack', async () => {
    await world.clicks('avery', 'why')
    const why = world.ephemerals('avery').join('\n')
    expect(why).toMatch(/Suspicious <process> executed \(high\), since 2026-11-23 07:00 UTC/)
  })

  test('once it is decided, the card no longer speaks of it', async () => {
    await world.clicks('avery', 'deny')
    expect(known()).toMatch(/^Denied/)
    expect(known()).not.toMatch(/Defender/)
  })

  test('a second request within some minutes asks Azure nothing more', async () => {
    const queries = () => world.azure.calls().filter(({ path }) => path.includes(graph)).length
    const before = queries()
    await asks('ssh vm-jump01 30m from 81.2.69.142')
    expect(known()).toMatch(/2 active Defender alerts/)
    expect(queries()).toBe(before)
    await world.passes('6m')
    await asks('ssh vm-jump01 20m from 81.2.69.142')
    expect(known()).toMatch(/as of 2026-11-23 09:06 UTC/)
    expect(queries()).toBe(before + 1)
  })
})

describe('a VM that is quiet', () => {
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world?.close())
  afterEach(async () => {
    world.azure.clearFaults()
    await world.passes('8h')
    // An old list of VMs would have to be read first, by the way that some of these break.
    await world.app.inventory.refresh()
  })

  test('no alert is said where Defender watches', async () => {
    await asks()
    expect(known()).toMatch(/No active Defender alert on this VM, as of 2026-11-23/)
    expect(known()).toMatch(/Nobody else had access to this VM by Jitney/)
    expect(known()).toMatch(/no access in the last 30 days\. Never came from this address before\./)
  })

  test('where Defender does not show that it watches, that is said and never “no alert”', async () => {
    await asks('rdp 22222222-2222-4222-8222-222222222222/rg-lab/vm-app01 30m from 81.2.69.142')
    expect(known()).toMatch(
      /Alerts are not known: Azure did not show me Defender’s plan for this subscription/,
    )
    expect(known()).not.toMatch(/No active/)
  })

  test('where the identity may not read alerts, that is said and never “no alert”', async () => {
    world.azure.sim.roles = [{ Actions: ['*'], NotActions: ['Microsoft.Security/locations/alerts/read'] }]
    await world.passes('11m')
    await asks()
    world.azure.sim.roles = null
    await world.passes('11m')
    expect(known()).toMatch(/Alerts are not known: I may not read Defender’s alerts in this subscription/)
    expect(known()).not.toMatch(/No active/)
  })

  test('when Azure refuses to tell, the card says that alerts are not known', async () => {
    world.azure.fault({ kind: 'forbidden', path: graph })
    await asks()
    expect(known()).toMatch(/Alerts are not known: Defender for Cloud could not be read 2026-11-2/)
    expect(known()).not.toMatch(/No active/)
    expect(world.slack.messages('C0APPROVALS').length).toBeGreaterThan(0)
  })

  test('when Azure cannot tell now, the card is there all the same and is edited when it can', async () => {
    world.azure.fault({ kind: 'throttle', path: graph, retryAfterSeconds: 30 })
    await asks()
    expect(known()).toMatch(/Alerts are not known/)
    const cards = world.slack.messages('C0APPROVALS').length
    world.azure.clearFaults()
    await world.passes('1m')
    expect(known()).toMatch(/No active Defender alert/)
    expect(world.slack.messages('C0APPROVALS')).toHaveLength(cards)
  })

  test('a Defender that takes its time holds the card up by a second and no longer', async () => {
    world.azure.fault({ kind: 'black-hole', path: graph, times: 1 })
    const before = world.slack.messages('C0APPROVALS').length
    const cards = () => world.slack.messages('C0APPROVALS').length - before
    const told = () => world.ephemerals('robin').length
    const toldBefore = told()
    const asked = asks()
    await world.slack.until(() => told() > toldBefore + 1)
    expect(world.ephemerals('robin').at(-1)).toMatch(/waits for approval/)
    expect(cards()).toBe(0)
    const [, id = ''] = /Request (\w+):/.exec(world.ephemerals('robin').at(-1) ?? '') ?? []
    // Our own records are there at once, and wait together with the card.
    await vi.waitFor(async () => expect((await world.app.store.case(id))?.request.context?.own).toBeDefined())
    world.clock.to(world.clock.now() + 1_000)
    const card = world.settle()
    await world.slack.until(() => cards() === 1)
    expect(known()).toMatch(/Alerts are not known yet: Defender for Cloud has not answered/)
    expect(known()).toMatch(/Nobody else had access/)
    // It stands there and can be decided on while Defender is silent.
    world.clock.to(world.clock.now() + 10_000)
    await Promise.all([asked, card])
    expect(known()).toMatch(/could not be read/)
    await world.passes('1m')
    expect(known()).toMatch(/No active Defender alert/)
    expect(cards()).toBe(1)
  })
})

describe('a VM whose alerts are not all on the first page', () => {
  beforeAll(async () => {
    const others = Array.from({ length: 1_001 }, (_, at) =>
      alert(ops, {
        name: `b${at}`,
        alertType: 'VM_SuspiciousProcess',
        title: 'Suspicious process',
        severity: 'High',
        machine: 'vm-jump012',
        startsAt: '2026-11-23T07:00:00.0000000Z',
      }),
    )
    world = await createWorld({ simulator: { world: withAlerts(...others) } })
  })
  afterAll(() => world?.close())

  test('is not said to have none', async () => {
    await asks()
    expect(known()).toMatch(
      /Alerts are not known: Defender for Cloud showed me only a part of its alerts, as of/,
    )
    expect(known()).not.toMatch(/No active Defender alert/)
  })
})

describe('what our own records say', () => {
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world?.close())

  test('who else has access now, and that the address was somebody else’s', async () => {
    await asks('ssh vm-jump01 1h from 81.2.69.142', 'lee')
    await world.clicks('avery', 'approve')
    await asks('rdp vm-jump01 30m from 81.2.69.142')
    expect(known()).toMatch(/Somebody else had access from this address before: @lee/)
    expect(known()).toMatch(
      /Others with access to this VM, as of 2026-11-23 09:00 UTC: @lee \(ssh, until 2026-11-23 10:00 UTC\)/,
    )
    expect(known().indexOf('Somebody else had access')).toBeLessThan(known().indexOf('Others with access'))
  })

  test('how the requester’s own access ended, and that the address is known', async () => {
    await world.clicks('avery', 'approve')
    await world.passes('2h')
    await asks('rdp vm-jump01 30m from 81.2.69.142')
    expect(known()).toMatch(
      /access 1 time in the last 30 days: 1 ended at its time\. Came from this address before, last 2026-11-23 09:00 UTC/,
    )
    expect(known()).toMatch(/Others had access from this address too: @lee/)
    expect(known()).toMatch(/Nobody else had access to this VM/)
  })
})
