import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { armPosture } from '../../src/azure/posture.ts'
import type { Vm } from '../../src/core/vm.ts'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { alert } from '../../src/simulator/world-builder.ts'
import { production, simulatorCredential, staging, startTestSimulator } from '../support/simulator.ts'
import { TestClock } from '../support/test-clock.ts'

const vmOf = (group: string, name: string, subscriptionId = production): Vm => ({
  id: `/subscriptions/${subscriptionId}/resourcegroups/${group}/providers/microsoft.compute/virtualmachines/${name}`,
  name,
  resourceGroup: group,
  subscriptionId,
  subscriptionName: '',
  location: 'westeurope',
  os: null,
  tags: {},
})
const guarded = vmOf('rg-shop', 'vm-mdc01')

function worldWith() {
  const place = { subscriptionId: production, resourceGroup: 'rg-shop', location: 'westeurope' }
  const sketch = {
    alertType: 'VM_SuspiciousProcess',
    title: 'Suspicious process',
    severity: 'High',
    startsAt: '2026-11-22T05:00:00Z',
  } as const
  const named = alert(place, { ...sketch, name: 'by-name', machine: 'vm-web01' })
  // Some alerts name no resource, and only how the machine is called.
  named.properties['resourceIdentifiers'] = []
  const over = alert(place, { ...sketch, name: 'over', machine: 'vm-web01' })
  over.properties['status'] = 'Dismissed'
  const world = demoWorld()
  return { ...world, resources: [...world.resources, named, over] }
}

let azure: Simulator
beforeAll(async () => {
  azure = await startTestSimulator({ world: worldWith(), buckets: true })
})
afterAll(() => azure?.close())
afterEach(() => azure.clearFaults())

function connect() {
  const clock = new TestClock(Date.now())
  const arm = connectArm({
    clock,
    endpoint: azure.url,
    credential: simulatorCredential(azure),
    callTimeoutMs: 1_000,
  })
  return { clock, posture: armPosture({ arm }) }
}
const queries = () => azure.calls().filter(({ path }) => /ResourceGraph/i.test(path)).length

describe('what Defender for Cloud says of a VM', () => {
  test('its alerts, its assessments, and that it is watched', async () => {
    const { posture, clock } = connect()
    expect(await posture.of(guarded)).toEqual({
      readAt: clock.now(),
      alerts: [
        {
          type: 'RDP_Incoming_BF_OneToOne',
          title: 'Suspicious incoming RDP network activity',
          severity: 'Medium',
          startedAt: Date.parse('2026-11-22T06:12:00Z'),
        },
      ],
      justInTime: 'healthy',
      managementPorts: 'healthy',
      networkPorts: 'healthy',
      watches: 'yes',
    })
  })

  test('an alert that only names the machine is on the one in its own resource group; one that is over is on none', async () => {
    const { posture } = connect()
    expect((await posture.of(vmOf('rg-shop', 'vm-web01'))).alerts).toHaveLength(1)
    expect((await posture.of(vmOf('rg-ops', 'vm-web01'))).alerts).toEqual([])
  })

  test('nothing of a subscription that it does not show is “not known”, and never “no alerts”', async () => {
    const { posture } = connect()
    expect(await posture.of(vmOf('rg-lab', 'vm-app01', staging))).toMatchObject({
      alerts: [],
      watches: 'not known',
    })
  })

  test.each([
    ['Microsoft.Security/locations/alerts/read', true],
    ['Microsoft.Security/alerts/read', false],
  ])('without %s no absence of alerts is told', async (right, hides) => {
    azure.sim.roles = [{ Actions: ['*'], NotActions: [right] }]
    const { posture } = connect()
    expect(await posture.of(guarded)).toMatchObject({
      alerts: hides ? [] : [{ type: 'RDP_Incoming_BF_OneToOne' }],
      watches: 'not allowed',
    })
    azure.sim.roles = null
  })

  test('when Azure does not say what may be read, alerts are not known either', async () => {
    azure.fault({ kind: 'forbidden', path: 'Microsoft.Authorization/permissions' })
    const { posture } = connect()
    expect((await posture.of(guarded)).watches).toBe('not known')
  })

  test('is asked once for all who want it, and again only after some minutes', async () => {
    const { posture, clock } = connect()
    const before = queries()
    await Promise.all([posture.of(guarded), posture.of(guarded)])
    clock.to(clock.now() + 4 * 60_000)
    await posture.of(guarded)
    expect(queries()).toBe(before + 1)
    clock.to(clock.now() + 60_000)
    await posture.of(guarded)
    expect(queries()).toBe(before + 2)
  })

  test('leaves the last queries of Resource Graph’s quota to the inventory', async () => {
    const { posture } = connect()
    const before = queries()
    const asked = Array.from({ length: 20 }, (_, at) => `vm-${at}`)
    let paced = 0
    for (const name of asked)
      await posture.of(vmOf('rg-shop', name)).catch((error: unknown) => {
        paced += 1
        expect(error).toMatchObject({ code: 'paced', kind: 'try again', afterMs: expect.any(Number) })
      })
    expect(paced).toBeGreaterThan(0)
    expect(queries() - before).toBeLessThanOrEqual(12)
  })

  test('whoever stops waiting is let go at once', async () => {
    azure.fault({ kind: 'black-hole', path: 'ResourceGraph', times: 1 })
    const { posture } = connect()
    const leaving = new AbortController()
    const left = posture.of(guarded, leaving.signal)
    leaving.abort(new DOMException('enough', 'TimeoutError'))
    await expect(left).rejects.toMatchObject({ code: 'timeout' })
  })
})
