import nock from 'nock'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { azureRoles } from '../../src/azure/azure-roles.ts'
import { entraUsers } from '../../src/azure/entra-users.ts'
import type { EntraUsers } from '../../src/ports.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { assignment, denial, entra, jumpHost, peopledWorld, rgOps } from '../support/access.ts'
import { production, simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { readyClock } from './firewall.contract.ts'

const wanted = 'Virtual Machine Contributor'
const wantedId = '9980e02c-c2be-4d73-94e8-173b1dc7cf3c'

describe('roles in the simulated Azure', () => {
  let simulator: Simulator
  beforeAll(async () => {
    simulator = await startTestSimulator({ world: peopledWorld() })
  })
  afterAll(() => simulator.close())
  beforeEach(() => {
    const { authorization } = simulator.sim
    for (const list of [authorization.roleAssignments, authorization.denyAssignments, authorization.roles]) {
      list.length = 0
    }
    simulator.clearFaults()
  })

  const roles = () => {
    const arm = connectArm({
      clock: readyClock(),
      endpoint: simulator.url,
      entraEndpoint: simulator.url,
      credential: simulatorCredential(simulator),
      callTimeoutMs: 5_000,
    })
    return azureRoles({ arm, entra: entraUsers(arm) })
  }
  const held = (role = wanted, who: string = entra.robin) => roles().held(who, jumpHost, role)
  const assign = (...given: ReturnType<typeof assignment>[]) =>
    void simulator.sim.authorization.roleAssignments.push(...given)
  const deny = (...given: ReturnType<typeof denial>[]) =>
    void simulator.sim.authorization.denyAssignments.push(...given)

  it('nobody holds one without an assignment', async () => {
    assign(assignment(wanted, { principalId: entra.alex }))
    expect(await held()).toBe('not held')
  })

  it.each([
    ['on the VM', { scope: jumpHost }],
    ['on its resource group', {}],
    ['on its subscription', { scope: `/subscriptions/${production}` }],
    ['on a management group', { scope: '/providers/Microsoft.Management/managementGroups/mg-all' }],
    ['by a group', { principalId: entra.operators, principalType: 'Group' }],
    ['by a group that their group is in', { principalId: entra.everybody, principalType: 'Group' }],
  ] as const)('somebody holds it %s', async (_, but) => {
    assign(assignment(wanted, but))
    expect(await held()).toBe('held')
  })

  it.each([
    ['on another resource group', { scope: `${rgOps}-lab` }],
    ['on what hangs on the VM', { scope: `${jumpHost}/extensions/e1` }],
    ['under a condition', { condition: "@Resource[…] StringEquals 'x'" }],
    ['by a group that they are not in', { principalId: entra.contractors, principalType: 'Group' }],
  ] as const)('nobody holds it %s', async (_, but) => {
    assign(assignment(wanted, but))
    expect(await held()).toBe('not held')
  })

  it.each([wantedId, `/providers/Microsoft.Authorization/roleDefinitions/${wantedId.toUpperCase()}`])(
    'it may be named by its id: %s',
    async (role) => {
      assign(assignment(wanted))
      expect(await held(role)).toBe('held')
    },
  )

  it('an owner and a contributor hold narrower roles, a reader does not, and nobody logs in by them', async () => {
    for (const [role, answer] of [
      ['Owner', 'held'],
      ['Contributor', 'held'],
      ['Reader', 'not held'],
    ] as const) {
      simulator.sim.authorization.roleAssignments.length = 0
      assign(assignment(role))
      expect([role, await held()]).toEqual([role, answer])
      expect(await held('Virtual Machine Administrator Login')).toBe('not held')
    }
  })

  it('a role of the tenant’s own counts by what it allows', async () => {
    const permission = { actions: ['*'], notActions: ['*/delete'], dataActions: [], notDataActions: [] }
    simulator.sim.authorization.roles.push({
      name: 'd1d1d1d1-0000-4000-8000-000000000001',
      roleName: "Robin's role",
      permissions: [permission],
    })
    assign(assignment("Robin's role"))
    expect(await held("Robin's role")).toBe('held')
    expect(await held('Reader')).toBe('held')
    expect(await held()).toBe('not held')
  })

  it.each<[string, Parameters<typeof denial>[1], string]>([
    ['for everybody', {}, 'denied'],
    ['for a group of theirs', { principals: [{ id: entra.everybody, type: 'Group' }] }, 'denied'],
    ['for a group of others', { principals: [{ id: entra.contractors, type: 'Group' }] }, 'held'],
    ['that spares them', { excludePrincipals: [{ id: entra.robin, type: 'User' }] }, 'held'],
    [
      'that spares a group of theirs',
      { excludePrincipals: [{ id: entra.operators, type: 'Group' }] },
      'held',
    ],
    ['that spares others', { excludePrincipals: [{ id: entra.contractors, type: 'Group' }] }, 'denied'],
    ['that does not reach below its place', { doNotApplyToChildScopes: true }, 'held'],
    ['elsewhere', { scope: `${rgOps}-lab` }, 'held'],
  ])('with a deny assignment %s', async (_, but, answer) => {
    assign(assignment(wanted))
    deny(denial(['*/write'], but))
    expect(await held()).toBe(answer)
  })

  it('a deny assignment of something else takes nothing', async () => {
    assign(assignment(wanted))
    deny(denial(['Microsoft.Storage/*']))
    expect(await held()).toBe('held')
  })

  it.each(['Virtual Machine Contributer', '00000000-1111-4222-8333-444444444444'])(
    'a role that does not exist is a fault: %s',
    async (role) => {
      await expect(held(role)).rejects.toMatchObject({ code: 'no such role', kind: 'permanent' })
    },
  )

  it.each(['roleAssignments', 'roleDefinitions', 'denyAssignments', 'checkMemberGroups'])(
    'nothing is known when %s cannot be read',
    async (path) => {
      assign(assignment('Owner'))
      deny(denial(['*'], { excludePrincipals: [{ id: entra.operators, type: 'Group' }] }))
      simulator.fault({ kind: 'forbidden', path })
      await expect(held()).rejects.toMatchObject({ code: 'AuthorizationFailed' })
      simulator.clearFaults()
      expect(await held()).toBe('held')
    },
  )
})

const host = 'https://management.azure.com'
const robin = '87d349ed-44d7-43e1-9a83-5f2406dee5bd'
const provider = `${jumpHost}/providers/Microsoft.Authorization`
const api = { 'api-version': '2022-04-01' }
const none: EntraUsers = {
  find: () => Promise.resolve(null),
  standing: () => Promise.resolve({ active: true, groups: [] }),
  missing: () => Promise.resolve([]),
}

const definition = (permissions: unknown = [{ actions: ['*'], notActions: [] }], roleName = wanted) => ({
  properties: {
    roleName,
    type: 'BuiltInRole',
    description: 'Lets you manage virtual machines.',
    assignableScopes: ['/'],
    permissions,
    createdOn: '2015-06-02T00:18:27.3542698Z',
    updatedOn: '2021-11-11T20:14:30.4624248Z',
    createdBy: null,
    updatedBy: null,
  },
  id: `/subscriptions/${production}/providers/Microsoft.Authorization/roleDefinitions/${wantedId}`,
  type: 'Microsoft.Authorization/roleDefinitions',
  name: wantedId,
})
const assignmentRow = (but: object = {}) => ({
  properties: {
    roleDefinitionId: definition().id,
    principalId: robin,
    principalType: 'User',
    scope: `/subscriptions/${production}`,
    condition: null,
    conditionVersion: null,
    createdOn: '2022-01-15T21:08:45.4904312Z',
    updatedOn: '2022-01-15T21:08:45.4904312Z',
    createdBy: robin,
    updatedBy: robin,
    delegatedManagedIdentityResourceId: null,
    description: null,
    ...but,
  },
  id: `/subscriptions/${production}/providers/Microsoft.Authorization/roleAssignments/b0f43c54-e787-4862-89b1-a653fa9cf747`,
  type: 'Microsoft.Authorization/roleAssignments',
  name: 'b0f43c54-e787-4862-89b1-a653fa9cf747',
})
const denyRow = (but: object = {}) => ({
  properties: {
    denyAssignmentName: "Deny assignment 'stack'",
    description: 'Created by a deployment stack.',
    permissions: [{ actions: ['*/delete'], notActions: [], dataActions: [], notDataActions: [] }],
    scope: `/subscriptions/${production}`,
    doNotApplyToChildScopes: false,
    principals: [{ id: '00000000-0000-0000-0000-000000000000', type: 'SystemDefined' }],
    excludePrincipals: [],
    isSystemProtected: true,
    ...but,
  },
  id: `/subscriptions/${production}/providers/Microsoft.Authorization/denyAssignments/d1`,
  type: 'Microsoft.Authorization/denyAssignments',
  name: 'd1',
})

const rolesOfAzure = () =>
  azureRoles({
    arm: connectArm({
      clock: readyClock(),
      callTimeoutMs: 2_000,
      credential: {
        getToken: () =>
          Promise.resolve({ token: 'secret-token', expiresOnTimestamp: Date.now() + 3_600_000 }),
      },
    }),
    entra: none,
  })

const heldInAzure = () => rolesOfAzure().held(robin, jumpHost, wanted)

describe('what Azure is asked about roles, and what its documented answers mean', () => {
  beforeAll(() => nock.disableNetConnect())
  afterAll(() => {
    nock.enableNetConnect()
    nock.restore()
  })
  beforeEach(() => {
    if (!nock.isActive()) nock.activate()
  })
  afterEach(() => nock.cleanAll())

  type Reply = readonly [status: number, body: object | string]
  /** Azure's answers to the four questions, each of which must be asked just so. */
  const answers = (but: Record<string, Reply> = {}) => {
    const replies: Record<string, Reply> = {
      definitions: [200, { value: [definition()] }],
      assignments: [200, { value: [assignmentRow()] }],
      own: [200, { value: [] }],
      all: [200, { value: [] }],
      ...but,
    }
    const to = (kind: string, filter: string, name: string) => {
      const [status, body] = replies[name] ?? [500, {}]
      nock(host)
        .get(`${provider}/${kind}`)
        .query({ ...api, $filter: filter })
        .reply(status, body, { 'content-type': 'application/json', 'retry-after': '5' })
    }
    to('roleDefinitions', `roleName eq '${wanted}'`, 'definitions')
    to('roleAssignments', `assignedTo('${robin}')`, 'assignments')
    to('denyAssignments', `assignedTo('${robin}')`, 'own')
    to('denyAssignments', 'atScope()', 'all')
    nock(host).get(definition().id).query(api).reply(200, definition())
  }

  it('four questions, and one for each role that somebody has', async () => {
    answers()
    expect(await heldInAzure()).toBe('held')
    expect(nock.pendingMocks()).toEqual([])
  })

  it('the next page, on the same host only', async () => {
    const nextLink = `https://elsewhere.example${provider}/roleAssignments?api-version=2022-04-01&$skipToken=nextToken`
    answers({ assignments: [200, { value: [], nextLink }] })
    nock(host)
      .get(`${provider}/roleAssignments`)
      .query({ ...api, $skipToken: 'nextToken' })
      .reply(200, { value: [assignmentRow()] })
    expect(await heldInAzure()).toBe('held')
  })

  it.each<[string, Record<string, Reply>]>([
    [
      'in the list of what is assigned',
      { own: [200, { value: [denyRow({ principals: [{ id: 'g', type: 'Group' }] })] }] },
    ],
    ['for everybody, in the other list only', { all: [200, { value: [denyRow()] }] }],
    ['in both', { own: [200, { value: [denyRow()] }], all: [200, { value: [denyRow()] }] }],
    ['without a scope', { all: [200, { value: [denyRow({ scope: undefined })] }] }],
  ])('a deny assignment counts: %s', async (_, but) => {
    answers(but)
    expect(await heldInAzure()).toBe('denied')
  })

  it.each<[string, Record<string, Reply>, string]>([
    ['assignments that are no list', { assignments: [200, {}] }, 'malformed answer'],
    [
      'an assignment without its role',
      { assignments: [200, { value: [assignmentRow({ roleDefinitionId: null })] }] },
      'malformed answer',
    ],
    [
      'an assignment without its place',
      { assignments: [200, { value: [assignmentRow({ scope: null })] }] },
      'malformed answer',
    ],
    ['an assignment that is none', { assignments: [200, { value: [null] }] }, 'malformed answer'],
    ['a role without permissions', { definitions: [200, { value: [definition(null)] }] }, 'malformed answer'],
    [
      'a role with strange actions',
      { definitions: [200, { value: [definition([{ actions: [1] }])] }] },
      'malformed answer',
    ],
    [
      'a deny assignment without permissions',
      { all: [200, { value: [denyRow({ permissions: null })] }] },
      'malformed answer',
    ],
    [
      'a deny assignment for nobody knows whom',
      { all: [200, { value: [denyRow({ principals: null })] }] },
      'malformed answer',
    ],
    ['no role of that name', { definitions: [200, { value: [] }] }, 'no such role'],
    [
      'two roles of that name',
      { definitions: [200, { value: [definition(), definition()] }] },
      'no such role',
    ],
    ['a role of another name', { definitions: [200, { value: [definition([], 'Owner')] }] }, 'no such role'],
    [
      'no right to read',
      {
        own: [
          403,
          { error: { code: 'AuthorizationFailed', message: 'The client does not have authorization.' } },
        ],
      },
      'AuthorizationFailed',
    ],
    [
      'too many calls',
      { all: [429, { error: { code: 'TooManyRequests', message: 'Too many requests.' } }] },
      'TooManyRequests',
    ],
    [
      'a VM that is gone',
      { assignments: [404, { error: { code: 'ResourceNotFound', message: 'Gone.' } }] },
      'ResourceNotFound',
    ],
    ['a page of something in between', { all: [502, '<html>'] }, 'HTTP 502'],
  ])('a fault, and never “not held”: %s', async (_, but, code) => {
    answers(but)
    await expect(heldInAzure()).rejects.toMatchObject({ code })
  })

  it('a role that was deleted meanwhile allows nothing', async () => {
    const other = definition().id.replace(wantedId, '11111111-2222-4333-8444-555555555555')
    answers({ assignments: [200, { value: [assignmentRow({ roleDefinitionId: other })] }] })
    nock(host)
      .get(other)
      .query(api)
      .reply(404, { error: { code: 'RoleDefinitionDoesNotExist', message: 'It does not exist.' } })
    expect(await heldInAzure()).toBe('not held')
  })

  it('never about an id that is none', async () => {
    await expect(rolesOfAzure().held("x') or atScope(", jumpHost, wanted)).rejects.toMatchObject({
      code: 'malformed answer',
    })
  })
})
