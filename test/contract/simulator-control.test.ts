import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bigWorld } from '../../src/simulator/big-world.ts'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import { loadWorld, type Simulator } from '../../src/simulator/server.ts'
import {
  armCall,
  groupPath,
  networkClient,
  production,
  rdpRule,
  ruleAt,
  rulePath,
  staging,
  startTestSimulator,
  wireCall,
} from '../support/simulator.ts'

let simulator: Simulator
let clock: number

beforeEach(async () => {
  clock = 1_800_000_000_000
  simulator = await startTestSimulator({ now: () => clock })
})
afterEach(() => simulator.close())

async function mutate(change: unknown): Promise<number> {
  return (await wireCall(simulator, 'POST', '/_sim/mutate', { body: change })).status
}

describe('calls', () => {
  test('hold what was asked, with the action of Azure’s roles and what a write carried', async () => {
    const { securityRules } = networkClient(simulator)
    await securityRules.createOrUpdate(...ruleAt, rdpRule)
    await securityRules.delete(...ruleAt)
    const { body } = await wireCall(simulator, 'GET', '/_sim/calls')
    const rules = 'Microsoft.Network/networkSecurityGroups/securityRules'
    expect(body).toMatchObject({
      calls: [
        {
          seq: 1,
          time: clock,
          method: 'PUT',
          path: rulePath,
          status: 201,
          action: `${rules}/write`,
          body: { properties: { priority: 200 } },
        },
        { seq: 2, method: 'GET', action: 'Microsoft.Network/locations/operations/read', status: 200 },
        { seq: 3, method: 'GET', action: `${rules}/read` },
        { seq: 4, method: 'DELETE', action: `${rules}/delete`, status: 202 },
        { seq: 5, method: 'GET' },
      ],
    })
  })

  test('are told from a number on, and cleared', async () => {
    for (let i = 0; i < 3; i++) await armCall(simulator, 'GET', groupPath)
    const since = await wireCall(simulator, 'GET', '/_sim/calls?since=2')
    expect(since.body).toMatchObject({ calls: [{ seq: 3 }] })
    await wireCall(simulator, 'DELETE', '/_sim/calls')
    await armCall(simulator, 'GET', groupPath)
    expect(simulator.calls()).toMatchObject([{ seq: 4 }])
  })
})

describe('history', () => {
  test('keeps every version of every rule, with its times and its authors', async () => {
    const { securityRules } = networkClient(simulator)
    await securityRules.createOrUpdate(...ruleAt, rdpRule)
    clock += 1_000
    expect(
      await mutate({
        do: 'put-rule',
        nsg: 'nsg-jump01-nic',
        name: 'jit-a-1',
        properties: { ...rdpRule, sourceAddressPrefix: '*' },
      }),
    ).toBe(200)
    clock += 1_000
    await securityRules.delete(...ruleAt)
    const { body } = await wireCall(simulator, 'GET', '/_sim/history?nsg=nsg-jump01-nic')
    const start = clock - 2_000
    expect(body).toMatchObject({
      history: [
        {
          nsg: groupPath,
          rule: 'jit-a-1',
          from: start,
          to: start + 1_000,
          by: 'arm',
          endedBy: 'hand',
          properties: rdpRule,
        },
        {
          rule: 'jit-a-1',
          from: start + 1_000,
          to: clock,
          by: 'hand',
          endedBy: 'arm',
          properties: { sourceAddressPrefix: '*' },
        },
        { rule: 'deny-rdp-internet', from: start, to: null, by: 'world', endedBy: null },
      ],
    })
  })

  test('survives the group, and names no rule that never took effect', async () => {
    simulator.fault({ kind: 'operation-failed', code: 'X', times: 1 })
    await armCall(simulator, 'PUT', rulePath, { body: { properties: rdpRule } })
    clock += 1
    await mutate({ do: 'delete', id: groupPath })
    expect(simulator.history().filter((each) => each.nsg === groupPath)).toMatchObject([
      { rule: 'deny-rdp-internet', to: clock, endedBy: 'hand' },
    ])
  })
})

describe('changes by hand', () => {
  test('a rule is renamed and deleted', async () => {
    await mutate({ do: 'rename-rule', nsg: groupPath, name: 'deny-rdp-internet', to: 'moved' })
    expect(simulator.rules(groupPath)).toMatchObject({ moved: { priority: 4000 } })
    await mutate({ do: 'delete-rule', nsg: groupPath, name: 'moved' })
    expect(simulator.rules(groupPath)).toEqual({})
  })

  test('a group goes while a write runs in it; the write fails', async () => {
    simulator.fault({ kind: 'slow-operation', hold: true })
    const { headers } = await armCall(simulator, 'PUT', rulePath, { body: { properties: rdpRule } })
    await mutate({ do: 'delete', id: groupPath })
    const { pathname } = new URL(headers.get('azure-asyncoperation') ?? '')
    expect((await armCall(simulator, 'GET', pathname)).body).toMatchObject({ status: 'Failed' })
    expect(await armCall(simulator, 'GET', rulePath)).toMatchObject({ status: 404 })
    expect(simulator.history().map((each) => each.rule)).not.toContain('jit-a-1')
  })

  test('a resource group goes with all that is in it', async () => {
    const jump = () => simulator.world().resources.filter((each) => each.name.startsWith('vm-jump01'))
    expect(jump()).toHaveLength(3)
    await mutate({ do: 'delete', id: `/subscriptions/${production}/resourceGroups/rg-ops` })
    expect(await armCall(simulator, 'GET', groupPath)).toMatchObject({
      status: 404,
      body: { error: { code: 'ResourceGroupNotFound' } },
    })
    expect(jump()).toEqual([])
  })

  test('a machine is renamed, its interface follows; its power changes', async () => {
    await mutate([
      { do: 'rename-vm', vm: 'vm-jump01', to: 'vm-jump02' },
      { do: 'power', vm: 'vm-jump02', state: 'deallocated' },
    ])
    const nic = await networkClient(simulator).networkInterfaces.get('rg-ops', 'vm-jump01-nic')
    expect(nic.virtualMachine?.id).toMatch(/vm-jump02$/)
    expect(simulator.flow({ vm: 'vm-jump02', source: '10.20.1.9', port: 3389 }).access).toBe('Allow')
    const { body } = await armCall(simulator, 'GET', `${nic.virtualMachine?.id ?? ''}/instanceView`)
    expect(body).toHaveProperty('statuses.1.code', 'PowerState/deallocated')
  })

  test('operations are forgotten, what they did stays', async () => {
    const { headers } = await armCall(simulator, 'PUT', rulePath, { body: { properties: rdpRule } })
    await mutate({ do: 'forget-operations' })
    const { pathname } = new URL(headers.get('azure-asyncoperation') ?? '')
    expect(await armCall(simulator, 'GET', pathname)).toMatchObject({
      body: { error: { code: 'OperationNotFound' } },
    })
    expect((await armCall(simulator, 'GET', rulePath)).status).toBe(200)
  })

  test.each([
    { do: 'dance' },
    { do: 'delete-rule', nsg: 'nowhere', name: 'x' },
    { do: 'lock', scope: '/', level: 'Open' },
    { do: 'power', vm: 'vm-app01', state: 'running' },
    { do: 'delete', id: '/nothing' },
    { do: 'rename-rule', nsg: 'nsg-jump01-nic', name: 'x', to: 'y' },
  ])('%j is refused', async (change) => {
    expect(await mutate(change)).toBe(400)
  })
})

describe('settings', () => {
  test('are shown and changed from outside', async () => {
    const body = { operationPolls: 3, whileBusy: 'conflict' }
    expect((await wireCall(simulator, 'POST', '/_sim/settings', { body })).body).toMatchObject(body)
    expect((await wireCall(simulator, 'GET', '/_sim/settings')).body).toMatchObject({
      ...body,
      buckets: false,
    })
    const answer = await wireCall(simulator, 'POST', '/_sim/settings', { body: { whileBusy: 'dance' } })
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { allowed: ['retryable', 'conflict', 'supersede'] } },
    })
  })

  test('an unknown path names the known ones', async () => {
    const answer = await wireCall(simulator, 'GET', '/_sim/nothing')
    expect(answer).toMatchObject({ status: 404 })
    expect(answer.body).toHaveProperty('error.allowed', expect.arrayContaining(['GET /_sim/calls']))
  })
})

describe('worlds', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'world-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('one is saved, loaded and served', async () => {
    const file = join(folder, 'world.json')
    simulator.mutate({ do: 'put-rule', nsg: groupPath, name: 'kept', properties: rdpRule })
    writeFileSync(file, JSON.stringify(simulator.world()))
    const second = await startTestSimulator({ world: loadWorld(file), caFile: join(folder, 'ca.pem') })
    expect(second.rules(groupPath)).toHaveProperty('kept', rdpRule)
    expect(readFileSync(join(folder, 'ca.pem'), 'utf8')).toBe(second.caPem)
    await second.close()
    expect(existsSync(join(folder, 'ca.pem'))).toBe(true)
  })

  test('a certificate file of its own goes with the simulator', async () => {
    const short = await startTestSimulator()
    expect(readFileSync(short.caFile, 'utf8')).toBe(short.caPem)
    await short.close()
    expect(existsSync(short.caFile)).toBe(false)
  })

  test.each([
    ['[]', '"subscriptions" must be a list'],
    ['{"subscriptions":[],"resourceGroups":[],"resources":[{"id":"/x"}]}', 'resources[0] has no "name"'],
    ['7', 'expected a JSON object'],
  ])('%s is refused', (text, message) => {
    const file = join(folder, 'bad.json')
    writeFileSync(file, text)
    expect(() => loadWorld(file)).toThrow(message)
  })

  test('the demo’s world has a machine for every case', () => {
    const { resources } = demoWorld()
    const machines = resources.filter((each) => each.type === 'Microsoft.Compute/virtualMachines')
    expect(
      machines.map(({ id, name, tags, powerState }) => [id.split('/')[2], name, tags?.['env'], powerState]),
    ).toEqual([
      [production, 'vm-jump01', 'ops', 'PowerState/running'],
      [production, 'vm-open01', 'test', 'PowerState/running'],
      [production, 'vm-bare01', 'test', 'PowerState/running'],
      [production, 'vm-web01', 'test', 'PowerState/running'],
      [production, 'vm-db01', 'prod', 'PowerState/running'],
      [production, 'vm-mdc01', 'test', 'PowerState/running'],
      [production, 'vm-app01', 'prod', 'PowerState/running'],
      [staging, 'vm-app01', 'staging', 'PowerState/running'],
      [staging, 'vm-stopped01', 'staging', 'PowerState/deallocated'],
    ])
  })

  test('a big one holds together: every reference leads somewhere', async () => {
    const world = bigWorld({ vms: 450, nsgs: 20 })
    expect(world).toEqual(bigWorld({ vms: 450, nsgs: 20 }))
    const big = await startTestSimulator({ world })
    for (const vm of ['vm-00000', 'vm-00449']) {
      expect(big.flow({ vm, source: '203.0.113.7', port: 443 })).toMatchObject({
        access: 'Allow',
        rule: 'securityRules/allow-https',
      })
      expect(big.flow({ vm, source: '10.0.0.200', port: 3389 })).toMatchObject({
        rule: 'defaultSecurityRules/AllowVnetInBound',
      })
    }
    await big.close()
  })
})
