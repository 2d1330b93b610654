import { afterEach, describe, expect, test } from 'vitest'
import { wallClock } from '../../src/clock.ts'
import { readAzureConfig } from '../../src/config.ts'
import { connectAzure } from '../../src/connect-azure.ts'
import { examineAzure } from '../../src/doctor-azure.ts'
import { runSweep } from '../../src/run-sweep.ts'
import { isListed } from '../../src/simulator/actions.ts'
import { parseArmPath } from '../../src/simulator/arm-paths.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { assignment, denial, entra, peopledWorld } from '../support/access.ts'
import { deployRole, heldRole, type RoleFile, roleFiles } from '../support/deploy-roles.ts'
import { production, simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { createWorld, type World } from '../support/world.ts'

const eitherAlert = 'Microsoft names two rights for alerts, and not the one that Resource Graph asks for'

/** What a role grants and the simulator does not record as used, with the reason. What it does record fails the test. */
const unrecorded: Readonly<Record<RoleFile, Readonly<Record<string, string>>>> = {
  'role-nsg': { 'Microsoft.Security/alerts/read': eitherAlert },
  'role-defender': { 'Microsoft.Security/alerts/read': eitherAlert },
  'role-sweeper': {},
  'role-flush': {},
  'role-protect': {
    // The simulator asks for it beside the action of the call, which is all that it records.
    'Microsoft.Compute/virtualMachines/write': 'a PUT of a just-in-time policy',
  },
}

const policy = `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: [U0ALEX, U0LEE] }
defaults: { channel: C0APPROVALS, deadline: 30m, maxDuration: 1h, approvers: { users: [U0AVERY] } }
rules:
  - name: who looks after the jump host in Azure is let in by a colleague
    requireAzureRole: Virtual Machine Contributor
`

/** A whole life: asked for, approved, opened, compared, taken over by the clock and closed; and one closed by hand. */
async function accessIsGivenAndTaken(world: World): Promise<void> {
  await world.app.inventory.refresh()
  await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
  world.azure.fault({ kind: 'stale-reads', method: 'PUT', reads: 1 })
  await world.clicks('avery', 'approve')
  world.azure.clearFaults()
  world.azure.fault({ kind: 'slow-operation', path: 'ipFlowVerify', polls: 1, times: 1 })
  await world.passes({ seconds: 30 })
  expect(world.cardText()).toMatch(/Open \(verified\)/)
  await world.reconciles()
  await world.passes('31m')
  expect(world.cardText()).toMatch(/^Closed/)
  await world.asks('robin', 'rdp vm-jump01 15m from 81.2.69.142')
  await world.clicks('avery', 'approve')
  expect(world.cardText()).toMatch(/^Open/)
  await world.clicks('robin', 'close')
  expect(world.ourRules()).toEqual([])
  await alertsAreShown(world)
}

/** Approvers see what Defender for Cloud noticed, and nobody decides. */
async function alertsAreShown(world: World): Promise<void> {
  await world.asks('robin', 'ssh vm-mdc01 30m from 81.2.69.142')
  expect(world.cardText()).toMatch(/active Defender alert on this VM/)
}

/** Defender for Cloud opens and closes; then it is late, and what it left open is removed. */
async function defenderOpens(world: World): Promise<void> {
  await world.app.inventory.refresh()
  for (const late of [false, true]) {
    await world.asks('robin', 'rdp vm-mdc01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    world.azure.fault({ kind: 'slow-operation', path: 'ipFlowVerify', polls: 1, times: 1 })
    await world.passes({ seconds: 30 })
    expect(world.cardText()).toMatch(/Open \(verified\)/)
    if (late) {
      world.azure.fault({ kind: 'late-expiry', ms: 60 * 60_000 })
      world.azure.fault({ kind: 'stale-reads', method: 'DELETE', reads: 1 })
    }
    await world.passes('33m')
    expect(world.cardText()).toMatch(/Closed \(verified\)/)
  }
  world.azure.clearFaults()
  await world.reconciles()
}

/** Access ends, and Azure cuts what is still connected. */
async function sessionsAreCut(world: World): Promise<void> {
  await world.app.inventory.refresh()
  await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
  await world.clicks('avery', 'approve')
  await world.passes('31m')
  expect(world.cardText()).toMatch(/were cut, as Azure confirmed/)
}

/** A VM is kept shut by rules of our own, and one by Defender for Cloud; both protections are ended again. */
async function vmsAreProtected(world: World): Promise<void> {
  await world.app.inventory.refresh()
  for (const [vm, by] of [
    ['vm-web01', 'nsg'],
    ['vm-db01', 'defender'],
  ] as const)
    for (const text of [`protect ${vm}`, `unprotect ${vm}`]) {
      await world.people.alex.types('/jit', text, { channel: 'C0ACCESS' })
      const view = await world.slack.until(() => world.people.alex.modal())
      await world.people.alex.submits(view, text.startsWith('protect') ? { way: by } : {})
      await world.passes('3m')
      expect(world.dm('alex').at(-1)).toMatch(
        text.startsWith('protect') ? /^Protected/ : /^No longer protected by Jitney/,
      )
    }
}

/** What stands open on a VM becomes access on request: one rule keeps whoever is inside, and one goes. */
async function standingAccessIsConverted(world: World): Promise<void> {
  const nsg = 'nsg-open01-nic'
  const [rdp] = Object.values(world.azure.rules(nsg))
  if (!rdp) throw new Error('There is no such rule.')
  const office = { ...rdp, priority: 320, sourceAddressPrefix: '81.2.69.0/24', destinationPortRange: '22' }
  world.azure.mutate({ do: 'put-rule', nsg, name: 'ssh-office', properties: office })
  await world.app.inventory.refresh()
  await world.asks('alex', 'vms open01')
  for (const button of ['convert', 'ask_conversion']) {
    const answer = world.slack.ephemerals('alex').at(-1)
    if (!answer) throw new Error('There is no answer.')
    await world.clicks('alex', button, answer)
  }
  await world.clicks('lee', 'make_conversion', world.slack.messages('C0PAGES').at(-1))
  expect(world.dm('alex').at(-1)).toMatch(/^Changed: .*Changed: the sources.*Removed: the rule ssh-office/s)
}

/** Everything about Azure that `doctor` looks at. */
async function doctorLooks(azure: Simulator): Promise<void> {
  const config = readAzureConfig({ AZURE_RESOURCE_MANAGER_URL: azure.url })
  const credential = simulatorCredential(azure, 10 * 365 * 86_400)
  const found = await examineAzure(connectAzure(config, wallClock, credential).examination)
  expect(found.filter(({ text }) => text.includes('could not be read'))).toEqual([])
}

async function sweeps(azure: Simulator): Promise<void> {
  const name = `jit-aaa111-${Math.floor(Date.now() / 1000) - 60}`
  azure.mutate({
    do: 'put-rule',
    nsg: 'nsg-web-subnet',
    name,
    properties: {
      description: 'jitney request r1 for U1',
      priority: 3000,
      direction: 'Inbound',
      access: 'Allow',
      protocol: 'Tcp',
      sourceAddressPrefix: '81.2.69.142',
      sourcePortRange: '*',
      destinationAddressPrefix: '10.0.0.4',
      destinationPortRange: '3389',
    },
  })
  // A read that lags behind makes the sweeper ask what became of the removal.
  azure.fault({ kind: 'stale-reads', method: 'DELETE', reads: 1 })
  for (const [variable, value] of Object.entries(azure.environment)) process.env[variable] = value
  const code = await runSweep(
    {
      AZURE_RESOURCE_MANAGER_URL: azure.url,
      AZURE_CLOUD: 'public',
      IDENTITY_ENDPOINT: azure.environment['IDENTITY_ENDPOINT'],
    },
    {
      once: true,
      dryRun: false,
      stop: new AbortController().signal,
      say: () => undefined,
      complain: (text) => expect.fail(text),
    },
  )
  expect(code).toBe(0)
  expect(azure.rules('nsg-web-subnet')[name]).toBeUndefined()
}

const lower = (actions: Iterable<string>) => [...new Set([...actions].map((one) => one.toLowerCase()))]

/** The actions of all calls so far, none of which was refused. */
function used(azure: Simulator): string[] {
  const calls = azure.calls().filter(({ action }) => action !== '')
  expect(calls.filter(({ status }) => status === 403).map(({ path }) => path)).toEqual([])
  expect(calls.filter(({ method, path }) => !isListed(method, parseArmPath(path)))).toEqual([])
  return lower([...calls.map(({ action }) => action), ...azure.sim.shownBy]).toSorted()
}

async function expectExactly(name: RoleFile, actions: readonly string[]): Promise<void> {
  const { Actions } = await deployRole(name)
  const others = lower(Object.keys(unrecorded[name]))
  const granted = lower(Actions)
  expect(others.filter((action) => actions.includes(action))).toEqual([])
  expect(others.filter((action) => !granted.includes(action))).toEqual([])
  expect(granted.filter((action) => !others.includes(action)).toSorted()).toEqual(actions)
}

describe('the roles in deploy/', () => {
  let world: World | undefined
  let azure: Simulator | undefined
  afterEach(async () => {
    await world?.close()
    await azure?.close()
    world = undefined
    azure = undefined
  })

  const open = async (names: readonly RoleFile[], more = '') => {
    const roles = await Promise.all(names.map(heldRole))
    world = await createWorld({
      policy: policy + more,
      entra: true,
      simulator: { world: { ...peopledWorld(), roles }, flushConnection: true },
    })
    const { authorization } = world.azure.sim
    authorization.roleAssignments.push(
      assignment('Owner', {
        principalId: entra.everybody,
        principalType: 'Group',
        scope: `/subscriptions/${production}`,
      }),
    )
    authorization.denyAssignments.push(denial(['Microsoft.Storage/storageAccounts/write']))
    return world
  }

  test.each(roleFiles)(
    '%s names each action once, none by a star, for a place that must be filled in',
    async (name) => {
      const { Actions, NotActions, AssignableScopes } = await deployRole(name)
      expect(Actions.filter((action) => action.includes('*'))).toEqual([])
      expect(lower(Actions)).toHaveLength(Actions.length)
      expect(NotActions).toEqual([])
      expect(AssignableScopes).toEqual(['/subscriptions/00000000-0000-0000-0000-000000000000'])
    },
  )

  test('only the one for flushing may write a whole group', async () => {
    const holders = await Promise.all(
      roleFiles.map(async (name) => {
        const { Actions } = await deployRole(name)
        return Actions.includes('Microsoft.Network/networkSecurityGroups/write') ? [name] : []
      }),
    )
    expect(holders.flat()).toEqual(['role-flush'])
  })

  test('role-nsg lets the bot give access and take it, and nothing more', async () => {
    const each = await open(['role-nsg'])
    await accessIsGivenAndTaken(each)
    await doctorLooks(each.azure)
    await expectExactly('role-nsg', used(each.azure))
  }, 120_000)

  test('role-nsg lets the bot change rules of others that two operators agreed about', async () => {
    const each = await open(['role-nsg'])
    await standingAccessIsConverted(each)
    const { Actions } = await deployRole('role-nsg')
    const known = new Set(lower(Actions))
    expect(used(each.azure).filter((action) => !known.has(action))).toEqual([])
  }, 60_000)

  test('role-defender lets the bot ask Defender and remove what it leaves open, and write no rule', async () => {
    const each = await open(['role-defender'])
    await defenderOpens(each)
    await doctorLooks(each.azure)
    const { Actions } = await deployRole('role-defender')
    expect(Actions.filter((action) => action.endsWith('/write'))).toEqual([])
    await expectExactly('role-defender', used(each.azure))
  }, 120_000)

  test('role-protect lets a bot that has role-nsg protect VMs both ways, and nothing more', async () => {
    const each = await open(['role-nsg', 'role-protect'])
    await vmsAreProtected(each)
    const { Actions } = await deployRole('role-nsg')
    const known = new Set(lower(Actions))
    await expectExactly(
      'role-protect',
      used(each.azure).filter((action) => !known.has(action)),
    )
  }, 60_000)

  test.each([
    ['Microsoft.Security/locations/jitNetworkAccessPolicies/write'],
    ['Microsoft.Compute/virtualMachines/write'],
  ])(
    'Defender for Cloud protects nothing without %s',
    async (action) => {
      const each = await open(['role-nsg', 'role-protect'])
      each.azure.sim.roles = (each.azure.sim.roles ?? []).map((role) => ({ ...role, NotActions: [action] }))
      await expect(vmsAreProtected(each)).rejects.toThrow(/Not protected: vm-db01/)
      expect(each.dm('alex').at(-1)).toMatch(
        /It could not be done: Defender for Cloud refuses it: .*does not have authorization/,
      )
    },
    60_000,
  )

  test('role-sweeper lets the sweeper remove what is past its end, and nothing more', async () => {
    azure = await startTestSimulator()
    azure.sim.roles = [await heldRole('role-sweeper')]
    await sweeps(azure)
    await expectExactly('role-sweeper', used(azure))
  })

  test('role-flush lets a bot that has role-nsg cut open sessions, and adds only the write of a whole group', async () => {
    const each = await open(['role-nsg', 'role-flush'], '    flushConnections: true\n')
    await sessionsAreCut(each)
    const { Actions } = await deployRole('role-nsg')
    const known = new Set(lower(Actions))
    await expectExactly(
      'role-flush',
      used(each.azure).filter((action) => !known.has(action)),
    )
  }, 60_000)
})
