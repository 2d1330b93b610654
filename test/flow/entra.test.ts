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

  test('while Graph is down nobody may ask, whether it named them before or not', async () => {
    throughGroup()
    world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
    const before = cards()
    for (const name of ['lee', 'robin'] as const) {
      for (const command of ['rdp', 'why rdp']) {
        await world.asks(name, `${command} vm-db01 30m from 81.2.69.143`)
        expect(lastTold(name)).toMatch(
          /You cannot ask for access: Entra could not tell just now who you are or whether your account there is active, so try again in a minute/,
        )
      }
    }
    expect(cards()).toBe(before)
    world.azure.clearFaults()
    await world.passes('2m')
    await world.asks('lee', 'rdp vm-db01 30m from 81.2.69.143')
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

  test('whoever may be disabled in Entra opens nothing while Graph is down, and may still say no', async () => {
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    user('avery').accountEnabled = false
    await world.passes('2m')
    world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
    await world.clicks('avery', 'approve')
    expect(lastTold('avery')).toMatch(
      /Entra could not tell just now who you are or whether your account there is active, so nothing changed/,
    )
    expect(world.ourRules()).toEqual([])
    await world.clicks('avery', 'deny')
    expect(world.cardText()).toMatch(/^Denied/)
    user('avery').accountEnabled = true
  })

  test('a start that was approved waits while Graph is down, and opens once it answers', async () => {
    await world.asks('robin', 'ssh vm-web01 30m at 23:00 from 81.2.69.142')
    await world.clicks('avery', 'approve')
    const start = Date.parse('2026-11-23T22:00Z')
    world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
    await world.passes({ seconds: (start - world.clock.now()) / 1000 + 60 })
    expect(world.ourRules()).toEqual([])
    world.azure.clearFaults()
    await world.passes('2m')
    expect(world.cardText()).toMatch(/^Open/)
    await world.clicks('robin', 'close')
  })

  test('Azure is not asked about roles when no rule that fits turns on one', async () => {
    const before = azureCalls('Microsoft.Authorization/role')
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    await world.clicks('avery', 'deny')
    expect(azureCalls('Microsoft.Authorization/role')).toBe(before)
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
    await asks()
    world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Nobody decides on their own request/)
    await approves('avery')
    expect(lastTold('avery')).toMatch(/Entra could not tell just now/)
    expect(world.ourRules()).toEqual([])
    world.azure.clearFaults()
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Nobody decides on their own request/)
    await approves('avery')
    expect(world.cardText()).toMatch(/^Open/)
  })

  test('cannot be told from two people by an app that may not read e-mail addresses, so nobody asks', async () => {
    world.slack.scopes.delete('users:read.email')
    await asks()
    expect(lastTold('robin')).toMatch(/You cannot ask for access: Entra could not tell just now who you are/)
    expect(world.slack.messages('C0APPROVALS')).toEqual([])
  })

  test('cannot be told from two people while two Entra users have the address, so nobody asks or approves', async () => {
    const { users } = world.azure.sim.directory
    const [robin] = users.filter(({ id }) => id === entra.robin)
    if (!robin) throw new Error('Robin is not in Entra.')
    robin.mail = 'r.obin@example.com'
    users.push({
      id: 'aaaaaaaa-0000-4000-8000-000000000099',
      displayName: 'adm-robin',
      userPrincipalName: 'adm-robin@example.com',
      mail: 'robin@example.com',
    })
    await asks()
    expect(lastTold('robin')).toMatch(/You cannot ask for access: Entra could not tell just now who you are/)
    await world.asks('lee', 'ssh vm-web01 30m from 81.2.69.143')
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Entra could not tell just now who you are/)
    expect(world.ourRules()).toEqual([])
    robin.mail = 'robin@example.com'
    users.pop()
    await approves('mallory')
    expect(world.cardText()).toMatch(/^Open/)
  })

  test('are not two approvers, though the rule lets people approve what they asked for', async () => {
    await world.policy(
      policy.replace(
        'web server by a colleague',
        'web server by two\n    approvals: 2\n    selfApproval: true',
      ),
    )
    world.people.mallory.becomes({ email: 'Avery@example.com' })
    await asks()
    world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
    await approves('avery')
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Entra could not tell just now who you are/)
    expect(world.ourRules()).toEqual([])
    world.azure.clearFaults()
    await approves('avery')
    await approves('mallory')
    expect(lastTold('mallory')).toMatch(/Your approval already counts/)
    expect(world.ourRules()).toEqual([])
  })

  test('share the places of a quota', async () => {
    await world.policy(`${policy}    approvals: 0\n    quota: { perPerson: 1 }\n`)
    await asks()
    expect(lastTold('robin')).toMatch(/The policy allows it/)
    await world.asks('mallory', 'ssh vm-web01 30m from 81.2.69.143')
    expect(world.dm('mallory').at(-1)).toMatch(
      /the quota for this person: 1 of 1 in the last 24 hours are used/,
    )
    await world.asks('lee', 'ssh vm-web01 30m from 81.2.69.144')
    expect(lastTold('lee')).toMatch(/The policy allows it/)
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

const emergencies = `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: [U0ALEX] }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY] } }
rules:
  - name: there is a fire
    breakGlass: { maxDuration: 15m, reviewers: { users: [U0MALLORY, U0ALEX] } }
`

describe('the review of an emergency', () => {
  let world: World
  beforeEach(async () => {
    world = await createWorld({ policy: emergencies, entra: true, simulator: { world: peopledWorld() } })
    world.people.mallory.becomes({ email: 'Robin@example.com' })
    await world.people.robin.types(
      '/jit',
      'break-glass ssh vm-jump01 15m from 81.2.69.142 because the shop is down',
      { channel: 'C0ACCESS' },
    )
    await world.people.robin.submits(await world.slack.until(() => world.people.robin.modal()))
    await world.passes('2m')
  })
  afterEach(() => world?.close())

  const signs = async (name: 'mallory' | 'alex') => {
    await world.clicks(name, 'sign')
    return world.ephemerals(name).at(-1) ?? ''
  }

  test('is not signed by the second account of whoever broke the glass', async () => {
    expect(await signs('mallory')).toMatch(/Nobody reviews what they did themselves/)
    await signs('alex')
    expect(world.cardText()).toMatch(/@alex signed it/)
  })

  test.each<[string, () => void]>([
    ['the first one is deactivated', () => world.people.robin.becomes({ deleted: true })],
    [
      'Slack says nothing about the first one',
      () => world.slack.fault({ method: 'users.info', kind: '500' }),
    ],
  ])('is not signed by it either when %s', async (_, happens) => {
    happens()
    expect(await signs('mallory')).toMatch(/Nobody reviews what they did themselves/)
    expect(world.cardText()).toMatch(/Nobody has reviewed it yet/)
  })

  test('is signed by nobody whom Entra does not tell from whoever broke the glass', async () => {
    world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
    for (const name of ['mallory', 'alex'] as const) {
      expect(await signs(name)).toMatch(/Entra could not tell just now who you are/)
    }
    expect(world.cardText()).toMatch(/Nobody has reviewed it yet/)
    world.azure.clearFaults()
    await signs('alex')
    expect(world.cardText()).toMatch(/@alex signed it/)
  })
})

const refusing = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 1h, approvers: { users: [U0AVERY] } }
deny:
  - { name: the requester is a contractor, requester: { entraGroups: ['${entra.contractors}'] } }
rules:
  - { name: a colleague agrees }
`

describe('a group that a refusal names and that is deleted in Entra', () => {
  let world: World
  afterEach(() => world?.close())

  test('still refuses, and says that it is not known who was in it', async () => {
    world = await createWorld({ policy: refusing, entra: true, simulator: { world: peopledWorld() } })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(/It waits for approval/)
    const { groups } = world.azure.sim.directory
    groups.splice(
      groups.findIndex(({ id }) => id === entra.contractors),
      1,
    )
    await world.clicks('avery', 'approve')
    expect(world.ourRules()).toEqual([])
    await world.passes('2m')
    await world.asks('mallory', 'ssh vm-jump01 30m from 81.2.69.142')
    expect(world.ephemerals('mallory').at(-1)).toMatch(/Denied by the policy/)
    await world.asks('mallory', 'why ssh vm-jump01 30m from 81.2.69.142')
    expect(world.ephemerals('mallory').at(-1)).toContain(
      `Entra does not know the group ${entra.contractors}, so whether they are in it is not known`,
    )
  })
})
