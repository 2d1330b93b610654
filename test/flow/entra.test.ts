import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { assignment, denial, entra, peopledWorld } from '../support/access.ts'
import { createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 30m, maxDuration: 1h, approvers: { users: [U0AVERY, U0ALEX, U0MALLORY] } }
rules:
  - name: who looks after the jump host in Azure is let in by a colleague
    vm: { name: vm-jump01 }
    requireAzureRole: Virtual Machine Contributor
  - name: operators are let into the database by a colleague
    vm: { name: vm-db01 }
    requester: { entraGroups: ['${entra.everybody}'] }
  - name: anybody is let into a web server by a colleague
    vm: { name: vm-web* }
`

describe('who the requester is in Azure', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy, entra: true, simulator: { world: peopledWorld() } })
  })
  afterAll(() => world?.close())

  beforeEach(() => {
    const { authorization } = world.azure.sim
    authorization.roleAssignments.length = 0
    authorization.denyAssignments.length = 0
  })
  /** Every answer of Slack, Entra and Azure is forgotten by then. */
  afterEach(async () => {
    world.azure.clearFaults()
    await world.passes('2m')
  })

  const assign = (...given: ReturnType<typeof assignment>[]) =>
    void world.azure.sim.authorization.roleAssignments.push(...given)
  const throughGroup = () =>
    assign(assignment('Owner', { principalId: entra.everybody, principalType: 'Group' }))
  const lastTold = (name: Parameters<World['ephemerals']>[0]) => world.ephemerals(name).at(-1) ?? ''
  const lastSent = (name: Parameters<World['dm']>[0]) => world.dm(name).at(-1) ?? ''
  const cards = () => world.slack.messages('C0APPROVALS').length
  const user = (name: 'robin' | 'avery') => {
    const found = world.azure.sim.directory.users.find(({ id }) => id === entra[name])
    if (!found) throw new Error(`${name} is not in Entra.`)
    return found
  }
  const azureCalls = (part: string) => world.azure.calls().filter(({ path }) => path.includes(part)).length

  test('without the role Robin is denied, and told that it is the role', async () => {
    const before = cards()
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    expect(lastTold('robin')).toMatch(/Denied by the policy/)
    expect(lastSent('robin')).toMatch(
      /the requester’s Azure role: they do not hold Virtual Machine Contributor on this VM/,
    )
    expect(cards()).toBe(before)
  })

  test('with the role through a group of a group, a colleague is asked, and access opens', async () => {
    throughGroup()
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    expect(lastTold('robin')).toMatch(/It waits for approval/)
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open/)
    await world.clicks('robin', 'close')
  })

  test('a deny assignment beats the role, and Robin is told so', async () => {
    throughGroup()
    world.azure.sim.authorization.denyAssignments.push(denial(['*/write']))
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    expect(lastSent('robin')).toMatch(/a deny assignment takes Virtual Machine Contributor away from them/)
  })

  test('a role that is taken away before the click opens nothing', async () => {
    throughGroup()
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    world.azure.sim.authorization.roleAssignments.length = 0
    await world.clicks('avery', 'approve')
    expect(lastTold('avery')).toMatch(/policy no longer allows/)
    expect(world.ourRules()).toEqual([])
    await world.clicks('alex', 'deny')
  })

  test('when Azure cannot say, Robin is denied, told that it is not known, and asks again later', async () => {
    throughGroup()
    world.azure.fault({ kind: 'server-error', path: 'roleAssignments' })
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    expect(lastSent('robin')).toMatch(/whether they hold Virtual Machine Contributor on this VM is not known/)
    world.azure.clearFaults()
    await world.asks('robin', 'rdp vm-jump01 30m')
    expect(lastTold('robin')).toMatch(/It waits for approval/)
    await world.clicks('alex', 'deny')
  })

  test('while Graph is down, whoever it never named is denied, and told that it is not known', async () => {
    throughGroup()
    world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
    await world.asks('lee', 'rdp vm-jump01 30m from 81.2.69.143')
    expect(lastSent('lee')).toMatch(/whether they hold Virtual Machine Contributor on this VM is not known/)
    await world.asks('lee', 'rdp vm-db01 30m')
    expect(lastSent('lee')).toMatch(/whether they are in one of its Entra groups is not known/)
    // Whom it named before is known by that name.
    await world.asks('robin', 'rdp vm-jump01 30m')
    expect(lastTold('robin')).toMatch(/It waits for approval/)
    await world.clicks('alex', 'deny')
    world.azure.clearFaults()
    await world.passes('2m')
    await world.asks('lee', 'rdp vm-db01 30m')
    expect(lastTold('lee')).toMatch(/It waits for approval/)
    await world.clicks('alex', 'deny')
  })

  test('a rule for an Entra group is for those in it, and for nobody else', async () => {
    await world.asks('robin', 'rdp vm-db01 30m from 81.2.69.142')
    expect(lastTold('robin')).toMatch(/It waits for approval/)
    await world.clicks('alex', 'deny')
    await world.asks('mallory', 'rdp vm-db01 30m from 81.2.69.144')
    expect(lastSent('mallory')).toMatch(/the requester: neither named in the rule nor in one of its groups/)
  })

  test('Azure is not asked about roles when no rule that fits turns on one', async () => {
    const before = azureCalls('Microsoft.Authorization')
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    await world.clicks('avery', 'deny')
    expect(azureCalls('Microsoft.Authorization')).toBe(before)
  })

  test('who is disabled in Entra can neither ask nor approve', async () => {
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    user('avery').accountEnabled = false
    await world.clicks('avery', 'approve')
    expect(lastTold('avery')).toMatch(/the Entra account behind this account is disabled or deleted/)
    user('avery').accountEnabled = true
    user('robin').accountEnabled = false
    await world.clicks('avery', 'approve')
    expect(lastTold('avery')).toMatch(/not confirmed that the person who asked is a full, active member/)
    await world.clicks('avery', 'deny')
    await world.passes('2m')
    await world.asks('robin', 'ssh vm-web01 30m')
    expect(lastTold('robin')).toMatch(/You cannot ask for access: the Entra account .* disabled or deleted/)
    user('robin').accountEnabled = true
    expect(world.ourRules()).toEqual([])
  })
})

describe('two Slack accounts of one person', () => {
  let world: World
  beforeEach(async () => {
    world = await createWorld({ policy, entra: true, simulator: { world: peopledWorld() } })
    world.people.mallory.becomes({ email: 'Robin@example.com' })
  })
  afterEach(() => world?.close())

  const lastTold = (name: Parameters<World['ephemerals']>[0]) => world.ephemerals(name).at(-1) ?? ''
  /** Who could approve is looked up with the request, so people are mapped by then where Entra answers. */
  const asks = () => world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
  const approves = async (name: 'mallory' | 'avery') => {
    await world.passes('2m')
    await world.clicks(name, 'approve')
  }

  test('are one: the second cannot approve what the first asked for', async () => {
    await asks()
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Nobody decides on their own request/)
    expect(world.ourRules()).toEqual([])
    await approves('avery')
    expect(world.cardText()).toMatch(/^Open/)
  })

  test('stay one when the second takes another e-mail address', async () => {
    await asks()
    await approves('mallory')
    world.people.mallory.becomes({ email: 'mallory@example.com' })
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Nobody decides on their own request/)
    expect(world.ourRules()).toEqual([])
  })

  test('may be one while Entra cannot say, so nothing opens until it can', async () => {
    world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
    await asks()
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Entra could not tell just now whether you and the person who asked/)
    await approves('avery')
    expect(lastTold('avery')).toMatch(/Entra could not tell just now/)
    expect(world.ourRules()).toEqual([])
    world.azure.clearFaults()
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Nobody decides on their own request/)
    await approves('avery')
    expect(world.cardText()).toMatch(/^Open/)
  })

  test('cannot be told from two people by an app that may not read e-mail addresses, so nobody approves', async () => {
    world.slack.scopes.delete('users:read.email')
    await asks()
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Entra could not tell just now/)
    expect(world.ourRules()).toEqual([])
  })

  test('somebody whom Entra does not know may approve', async () => {
    const { users } = world.azure.sim.directory
    users.splice(
      users.findIndex(({ id }) => id === entra.avery),
      1,
    )
    await asks()
    await approves('avery')
    expect(world.cardText()).toMatch(/^Open/)
  })
})
