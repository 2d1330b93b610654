import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { armFlow } from '../../src/azure/flow.ts'
import type { FlowQuestion } from '../../src/core/proof.ts'
import type { Vm } from '../../src/core/vm.ts'
import type { Flow } from '../../src/ports.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import type { ArmResource } from '../../src/simulator/world.ts'
import { production, simulatorCredential, startTestSimulator } from '../support/simulator.ts'

const group = `/subscriptions/${production}/resourcegroups/rg-ops/providers`
const nic = `${group}/microsoft.network/networkinterfaces`

const jump: Vm = {
  id: `${group}/microsoft.compute/virtualmachines/vm-jump01`,
  name: 'vm-jump01',
  resourceGroup: 'rg-ops',
  subscriptionId: production,
  subscriptionName: 'Production',
  location: 'westeurope',
  os: 'windows',
  tags: {},
}

const seen = (access: string, rule: string) => ({ kind: 'seen', access, rule })
const cannot = (why: RegExp) => ({ kind: 'unverifiable', why: expect.stringMatching(why) })

describe('IP flow verify', () => {
  let azure: Simulator
  let flow: Flow
  let now = Date.UTC(2026, 10, 23, 9)
  let interfaceId = ''

  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms
    },
  }
  const connect = () =>
    armFlow({
      arm: connectArm({
        clock,
        endpoint: azure.url,
        credential: simulatorCredential(azure, 10 * 365 * 86_400),
        callTimeoutMs: 1000,
      }),
    })
  beforeAll(async () => {
    azure = await startTestSimulator({ now: () => now, tokenLifetimeSeconds: 10 * 365 * 86_400 })
    flow = connect()
    const carrier = azure.sim.resources
      .list('microsoft.network/networkinterfaces')
      .find(({ properties }) =>
        properties.ipConfigurations?.some((each) => each.properties.privateIPAddress === '10.20.1.10'),
      )
    interfaceId = carrier?.id.toLowerCase() ?? ''
  })
  afterAll(() => azure.close())
  afterEach(() => {
    azure.clearFaults()
    azure.release()
  })

  const question = (but: Partial<FlowQuestion> = {}): FlowQuestion => ({
    vm: jump,
    endpoint: { networkInterface: interfaceId, address: '10.20.1.10' },
    port: { number: 3389, protocol: 'tcp' },
    source: '81.2.69.142',
    ...but,
  })
  const asks = (but?: Partial<FlowQuestion>) => flow.verify(question(but), new AbortController().signal)
  const since = () => {
    const seq = azure.calls().at(-1)?.seq ?? 0
    return () => azure.calls(seq).map(({ method, path }) => `${method} ${path.split('/').at(-1)}`)
  }
  const ask = { path: 'ipFlowVerify', method: 'POST' } as const

  it('says what denies, and what allows', async () => {
    expect(await asks()).toEqual(seen('Deny', 'securityRules/deny-rdp-internet'))
    expect(await asks({ port: { number: 53, protocol: 'udp' } })).toEqual(
      seen('Deny', 'defaultSecurityRules/DenyAllInBound'),
    )
    expect(await asks({ source: '10.20.9.7', port: { number: 9100, protocol: 'tcp' } })).toEqual(
      seen('Allow', 'defaultSecurityRules/AllowVnetInBound'),
    )
  })

  it('names the network interface, the ports as text, and any port on the other side', async () => {
    await asks()
    expect(azure.calls().findLast(({ method }) => method === 'POST')?.body).toEqual({
      targetResourceId: jump.id,
      direction: 'Inbound',
      protocol: 'TCP',
      localIPAddress: '10.20.1.10',
      localPort: '3389',
      remoteIPAddress: '81.2.69.142',
      remotePort: '*',
      targetNicResourceId: interfaceId,
    })
  })

  it('takes one call, after the watchers were listed once for all who ask', async () => {
    flow = connect()
    const calls = since()
    await Promise.all([asks(), asks(), asks({ port: { number: 22, protocol: 'tcp' } })])
    expect(calls().filter((call) => call === 'GET networkWatchers')).toHaveLength(1)
    expect(calls().filter((call) => call === 'POST ipFlowVerify')).toHaveLength(3)
    now += 60_000
    await asks()
    expect(calls()).toHaveLength(5)
    now += 10 * 60_000
    await asks()
    expect(calls().filter((call) => call === 'GET networkWatchers')).toHaveLength(2)
  })

  it('knows a region by either way of writing it', async () => {
    expect(await asks({ vm: { ...jump, location: 'West Europe' } })).toMatchObject({ kind: 'seen' })
  })

  it('goes on asking where Azure answers later', async () => {
    azure.fault({ ...ask, kind: 'slow-operation', polls: 4, times: 1 })
    const calls = since()
    expect(await asks()).toEqual(seen('Deny', 'securityRules/deny-rdp-internet'))
    expect(calls().filter((call) => call.startsWith('GET'))).toHaveLength(4)
  })

  it('gives up after a while, to be asked again', async () => {
    azure.fault({ ...ask, kind: 'slow-operation', hold: true, times: 1 })
    const before = now
    await expect(asks()).rejects.toMatchObject({ kind: 'try again', message: /has not said after 20 s/ })
    expect(now - before).toBeLessThan(25_000)
  })

  it('shows the world as it was, while a rule has not taken effect', async () => {
    azure.mutate({
      do: 'put-rule',
      nsg: 'nsg-jump01-nic',
      name: 'no-rdp',
      properties: {
        access: 'Deny',
        direction: 'Inbound',
        protocol: '*',
        priority: 150,
        sourceAddressPrefix: '*',
        sourcePortRange: '*',
        destinationAddressPrefix: '*',
        destinationPortRange: '22',
      },
    })
    azure.fault({ ...ask, kind: 'slow-propagation', ms: 30_000 })
    const ssh = { port: { number: 22, protocol: 'tcp' }, source: '10.20.9.7' } as const
    now += 29_999
    expect(await asks(ssh)).toEqual(seen('Allow', 'defaultSecurityRules/AllowVnetInBound'))
    now += 1
    expect(await asks(ssh)).toEqual(seen('Deny', 'securityRules/no-rdp'))
    azure.mutate({ do: 'delete-rule', nsg: 'nsg-jump01-nic', name: 'no-rdp' })
  })

  it.each([
    ['a busy group', { kind: 'busy' }],
    ['too many calls', { kind: 'throttle', retryAfterSeconds: 7 }],
    ['a server error', { kind: 'server-error' }],
    ['a lost connection', { kind: 'drop' }],
    ['a token that ran out', { kind: 'expired-token' }],
  ] as const)('throws what may pass: %s', async (_name, fault) => {
    azure.fault({ ...ask, ...fault, times: 1 })
    await expect(asks()).rejects.toMatchObject({ kind: 'try again' })
    expect(await asks()).toMatchObject({ kind: 'seen' })
  })

  it('throws that Azure forgot the question', async () => {
    azure.fault({ ...ask, kind: 'slow-operation', polls: 4, times: 1 })
    azure.fault({ kind: 'lost-operation', path: 'operationResults', times: 1 })
    await expect(asks()).rejects.toMatchObject({ kind: 'try again', message: /no longer knows/ })
  })

  it.each([
    [
      'may not ask',
      { ...ask, kind: 'forbidden' },
      /^Jitney lacks the right Microsoft.Network\/networkWatchers\/ipFlowVerify\/action$/,
    ],
    [
      'is refused',
      { ...ask, kind: 'server-error', status: 400, code: 'Odd' },
      /^Azure refuses to check it: An error occurred/,
    ],
  ] as const)('says why it cannot know where it %s', async (_name, fault, why) => {
    azure.fault(fault)
    expect(await asks()).toEqual(cannot(why))
  })

  it('says that it may not list the watchers, and lists them again next time', async () => {
    flow = connect()
    azure.fault({ kind: 'forbidden', path: 'networkWatchers$', times: 1 })
    expect(await asks()).toEqual(cannot(/lacks the right Microsoft\.Network\/networkWatchers\/read$/))
    expect(await asks()).toMatchObject({ kind: 'seen' })
  })

  it('does not even ask about IPv6', async () => {
    const calls = since()
    expect(await asks({ source: '2a02:8109::1' })).toEqual(cannot(/IPv4 only/))
    expect(calls()).toEqual([])
  })

  it.each([
    [
      'that is gone',
      { ...jump, id: `${group}/microsoft.compute/virtualmachines/vm-gone` },
      /does not find vm-jump01/,
    ],
    ['in a region without a watcher', { ...jump, location: 'uksouth' }, /no Network Watcher in uksouth/],
  ])('says so of a VM %s', async (_name, vm, why) => {
    expect(await asks({ vm })).toEqual(cannot(why))
  })

  it('says so of an address that another network interface carries', async () => {
    const other = { networkInterface: `${nic}/another`, address: '10.20.1.10' }
    expect(await asks({ endpoint: other })).toEqual(cannot(/refuses to check it: The local IP address/))
  })

  it.each([
    [400, 'VMNotRunning'],
    [409, 'OperationNotAllowed'],
  ])('says so of a stopped VM, whatever status Azure chooses: %i', async (status, code) => {
    azure.mutate({ do: 'power', vm: 'vm-jump01', state: 'deallocated' })
    azure.fault({ ...ask, kind: 'needs-running-vm', status, code })
    expect(await asks()).toEqual(cannot(/^the VM does not run: /))
    azure.mutate({ do: 'power', vm: 'vm-jump01', state: 'running' })
    expect(await asks()).toMatchObject({ kind: 'seen' })
  })

  it('finds a watcher that was moved, once the old one is gone', async () => {
    const watcher = azure.sim.resources
      .list('microsoft.network/networkwatchers')
      .find(({ location }) => location === 'westeurope')
    if (!watcher) throw new Error('there is no watcher')
    await asks()
    const moved: ArmResource = { ...watcher, id: `${watcher.id}-2`, name: `${watcher.name}-2` }
    azure.mutate({ do: 'delete', id: watcher.id })
    azure.sim.resources.put(moved)
    expect(await asks()).toMatchObject({ kind: 'seen' })
    azure.mutate({ do: 'delete', id: moved.id })
    expect(await asks()).toEqual(cannot(/no Network Watcher in westeurope/))
    azure.sim.resources.put(watcher)
  })
})
