import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { policyAt as simulated } from '../../src/simulator/defender.ts'
import { guardedGroup, policyPath } from '../support/defender.ts'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: [U0ALEX] }
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees }
`
const data = 'nsg-db01-nic'
const opsPolicy = policyPath.replace('rg-shop', 'rg-ops')

let world: World
const does = async (text: string, values: Record<string, unknown> = {}, name: Name = 'alex') => {
  await world.people[name].types('/jit', text, { channel: channels.access })
  const view = await world.slack.until(() => world.people[name].modal())
  const seen = await world.people[name].submits(view, values)
  await world.settle()
  return { seen, view: world.slack.visible(view) }
}
const protects = (vm: string, values: Record<string, unknown> = {}) =>
  does(`protect ${vm}`, { way: 'defender', ...values })
const unprotects = (vm: string) => does(`unprotect ${vm}`)
const told = () => world.dm('alex').at(-1) ?? ''
const pages = () => world.slack.messages(channels.pages).map((message) => world.slack.visible(message))
const standing = (id = policyPath) => structuredClone(simulated(world.azure.sim, id)?.properties)
const entryOf = (vm: string, id = policyPath) =>
  standing(id)?.virtualMachines.find((one) => one.id.toLowerCase().endsWith(`/${vm}`))
const puts = () =>
  world.azure.calls().filter(({ method, path }) => method === 'PUT' && /jitNetworkAccessPolicies/i.test(path))
const jitDenies = (nsg: string) =>
  Object.entries(world.azure.rules(nsg)).filter(([name]) =>
    name.startsWith('MicrosoftDefenderForCloud-JITRule_'),
  )

describe('protecting a VM by Defender for Cloud', () => {
  let before: ReturnType<typeof standing>
  beforeAll(async () => {
    world = await createWorld({ policy })
    await world.app.inventory.refresh()
    // What the SDK's own model of a policy does not know must survive as well.
    const known = simulated(world.azure.sim, policyPath)
    const [machine] = known?.properties.virtualMachines ?? []
    const [port] = machine?.ports ?? []
    if (!machine || !port) throw new Error('There is no policy.')
    Object.assign(machine, { publicIpAddress: '52.166.30.30', somethingNew: { since: '2026-10' } })
    port.allowedSourceAddressPrefixes = ['10.0.0.0/8', '81.2.69.0/24']
    delete port.allowedSourceAddressPrefix
    return () => world.close()
  })
  beforeEach(() => {
    before = standing()
  })
  afterEach(async () => {
    world.azure.clearFaults()
    await world.passes('3m')
    expect(await world.app.store.protections()).toEqual([])
    expect(standing()?.virtualMachines).toEqual(before?.virtualMachines)
  })

  test('keeps every other VM in the policy as it was, and undoes just that', async () => {
    const { view } = await does('protect vm-db01', {
      way: 'defender',
      ports: '22, 5432',
      sources: '81.2.69.0/24',
      longest: '2h',
    })
    expect(view).toMatch(/Protect a VM/)
    expect(told()).toMatch(
      /^Protected: vm-db01 on 22, 5432 \(tcp and udp\)\. The policy default of Defender for Cloud names vm-db01, as Azure showed\. Its rule that keeps everybody out stands there\. What it says of other VMs I wrote back as I had read it\./,
    )
    expect(standing()?.virtualMachines.slice(0, -1)).toEqual(before?.virtualMachines)
    expect(entryOf('vm-db01')).toEqual({
      id: expect.stringMatching(/vm-db01$/),
      ports: [22, 5432].map((number) => ({
        number,
        protocol: '*',
        allowedSourceAddressPrefix: '81.2.69.0/24',
        maxRequestAccessDuration: 'PT2H',
      })),
    })
    expect(jitDenies(data)).toHaveLength(1)
    await world.asks('robin', 'ssh vm-db01 3h from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /the policy default of Defender for Cloud opens port 22 for at most 2 h/,
    )
    await world.asks('robin', 'ssh vm-db01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    await world.passes({ seconds: 10 })
    expect(world.passesTo('vm-db01', 22)).toBe(true)
    await world.passes('31m')
    expect(world.passesTo('vm-db01', 22)).toBe(false)

    await unprotects('vm-db01')
    expect(told()).toMatch(
      /^No longer protected by Jitney: vm-db01 .*says of vm-db01 what it said before, as Azure showed/s,
    )
    expect(jitDenies(data)).toEqual([])
    expect(puts()).toHaveLength(2)
    expect(pages()).toEqual([])
  })

  test('a VM that the policy names already gets its old terms back', async () => {
    const { view } = await does('protect vm-mdc01', {
      ports: '3389',
      protocol: 'tcp',
      longest: '30m',
      sources: 'any',
    })
    expect(view).toMatch(
      /Defender for Cloud.*22, 3389.*10\.0\.0\.0\/8, 81\.2\.69\.0\/24|Defender for Cloud.*22, 3389.*any/s,
    )
    expect(entryOf('vm-mdc01')).toMatchObject({
      publicIpAddress: '52.166.30.30',
      somethingNew: { since: '2026-10' },
      ports: [
        { number: 3389, protocol: 'TCP', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'PT30M' },
      ],
    })
    expect(told()).toMatch(/for at most 30 min, from any address/)
    expect(jitDenies(guardedGroup)).toHaveLength(1)
    await unprotects('vm-mdc01')
    expect(told()).toMatch(/says of vm-mdc01 what it said before/)
  })

  test('makes the policy default of the VM’s group and region where there is none', async () => {
    await protects('vm-open01')
    expect(entryOf('vm-open01', opsPolicy)).toBeDefined()
    expect(told()).toMatch(
      /What still lets somebody in:\n• Open from \* on 3389\/tcp, by the rule rdp-for-everyone \(priority 310\)/,
    )
    await unprotects('vm-open01')
    expect(standing(opsPolicy)?.virtualMachines).toEqual([])
  })

  test('without Plan 2 it is refused in words, and nothing is sent', async () => {
    const { resources } = world.azure.sim
    const id = `/subscriptions/${policyPath.split('/')[2]}/providers/Microsoft.Security/pricings/VirtualMachines`
    const plan = resources.get(id)
    if (!plan) throw new Error('There is no plan.')
    const wrote = puts().length
    resources.put({ ...plan, properties: { ...plan.properties, subPlan: 'P1' } })
    await protects('vm-db01')
    expect(told()).toMatch(
      /vm-db01 cannot be protected like this: its subscription lacks Defender for Servers Plan 2.*Nothing was changed/,
    )
    resources.put(plan)
    expect(puts()).toHaveLength(wrote)
  })

  test('a VM before which no group stands is refused', async () => {
    const wrote = puts().length
    await protects('vm-bare01')
    expect(told()).toMatch(/vm-bare01 cannot be protected like this: no security group stands before/)
    expect(puts()).toHaveLength(wrote)
  })

  test('without the right it is refused, and nothing stays', async () => {
    world.azure.fault({ kind: 'forbidden', method: 'PUT', path: 'jitNetworkAccessPolicies' })
    await protects('vm-db01')
    expect(told()).toMatch(
      /^Not protected: vm-db01.*It could not be done: Defender for Cloud refuses it: .*authorization/s,
    )
  })

  test('the answer is lost: it is written once, and what the policy shows counts', async () => {
    const wrote = puts().length
    world.azure.fault({
      kind: 'drop',
      when: 'after',
      method: 'PUT',
      path: 'jitNetworkAccessPolicies',
      times: 1,
    })
    await protects('vm-db01')
    expect(told()).toMatch(/^Protected: vm-db01/)
    expect(puts()).toHaveLength(wrote + 1)
    await unprotects('vm-db01')
  })

  test('a policy that is not found once is not taken to be rid of the VM', async () => {
    await protects('vm-db01')
    world.azure.fault({
      kind: 'server-error',
      status: 404,
      code: 'ResourceNotFound',
      method: 'GET',
      path: 'jitNetworkAccessPolicies/default',
      times: 1,
    })
    await unprotects('vm-db01')
    expect(entryOf('vm-db01')).toBeUndefined()
    expect(told()).toMatch(/^No longer protected by Jitney: vm-db01 .*what it said before, as Azure showed/s)
  })

  test('somebody else who changes the entry is told of, and theirs is left alone', async () => {
    await protects('vm-db01')
    await world.passes('2m')
    const live = simulated(world.azure.sim, policyPath)
    const machine = live?.properties.virtualMachines.find(({ id }) => id.endsWith('vm-db01'))
    const [port] = machine?.ports ?? []
    if (!live || !port) throw new Error('There is no entry.')
    port.maxRequestAccessDuration = 'PT8H'
    await world.reconciles()
    expect(pages().at(-1)).toMatch(
      /The protection of vm-db01 does not hold: vm-db01 in default is not as it was written/,
    )
    await unprotects('vm-db01')
    expect(told()).toMatch(
      /Somebody had changed what the policy default of Defender for Cloud says of vm-db01 since, so I left that as it is/,
    )
    expect(entryOf('vm-db01')).toBeDefined()
    live.properties.virtualMachines = live.properties.virtualMachines.filter(
      ({ id }) => !id.endsWith('vm-db01'),
    )
  })
})
