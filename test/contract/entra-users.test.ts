import nock from 'nock'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { type CloudName, clouds } from '../../src/azure/clouds.ts'
import { entraUsers } from '../../src/azure/entra-users.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { entra, peopledWorld } from '../support/access.ts'
import { armCall, simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { readyClock } from './firewall.contract.ts'

describe('people in the simulated Entra', () => {
  let simulator: Simulator
  beforeAll(async () => {
    simulator = await startTestSimulator({ world: peopledWorld() })
  })
  afterAll(() => simulator.close())
  afterEach(() => simulator.clearFaults())

  const users = () =>
    entraUsers(
      connectArm({
        clock: readyClock(),
        endpoint: 'https://arm.invalid',
        entraEndpoint: simulator.url,
        credential: simulatorCredential(simulator),
        callTimeoutMs: 5_000,
      }),
    )

  it.each<[string, string, string | null]>([
    ['their address', 'robin@example.com', entra.robin],
    ['their address in other letters', 'Robin@Example.COM', entra.robin],
    ['the address of nobody', 'nobody@example.com', null],
    ['an address with a quote in it', "o'brien@example.com", null],
    ['an address that would be a filter', "x' or mail eq 'robin@example.com", null],
  ])('are found by %s', async (_, email, found) => {
    expect(await users().find(email)).toBe(found)
  })

  it('are found by their sign-in name as well, and two that fit are not nobody', async () => {
    const { directory } = simulator.sim
    const [robin] = directory.users
    if (!robin) throw new Error('Robin is missing.')
    robin.mail = null
    expect(await users().find('robin@example.com')).toBe(entra.robin)
    robin.mail = 'avery@example.com'
    await expect(users().find('avery@example.com')).rejects.toThrow(
      `more than one Entra user has the address of this person: ${entra.robin}, ${entra.avery}`,
    )
    robin.mail = 'robin@example.com'
  })

  it('are in the groups that were asked about, also by way of another group', async () => {
    const asked = [entra.everybody, entra.contractors, entra.operators]
    expect(await users().standing(entra.robin, asked)).toEqual({
      active: true,
      groups: [entra.everybody, entra.operators],
    })
    expect(await users().standing(entra.lee, asked)).toEqual({ active: true, groups: [entra.everybody] })
    expect(await users().standing(entra.alex, asked)).toEqual({ active: true, groups: [] })
  })

  it('may have been in a group that Entra does not know any more, and that is told', async () => {
    const many = Array.from(
      { length: 30 },
      (_, at) => `e0000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
    )
    const before = simulator.calls().at(-1)?.seq ?? 0
    expect(await users().missing([...many, entra.operators.toUpperCase()])).toEqual(many)
    expect(simulator.calls(before)).toHaveLength(3)
    expect(await users().missing([entra.operators, entra.contractors])).toEqual([])
    expect(await users().missing([])).toEqual([])
  })

  it('are asked about twenty groups at a time', async () => {
    const many = Array.from(
      { length: 41 },
      (_, at) => `e0000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
    )
    const before = simulator.calls().at(-1)?.seq ?? 0
    expect(await users().standing(entra.robin, [...many, entra.operators])).toEqual({
      active: true,
      groups: [entra.operators],
    })
    expect(simulator.calls(before).filter(({ method }) => method === 'POST')).toHaveLength(3)
  })

  it('are not active any more when they are disabled, or deleted', async () => {
    const { directory } = simulator.sim
    const mallory = directory.users.find(({ id }) => id === entra.mallory)
    if (!mallory) throw new Error('Mallory is missing.')
    mallory.accountEnabled = false
    expect(await users().standing(entra.mallory, [entra.contractors])).toEqual({ active: false, groups: [] })
    directory.users.splice(directory.users.indexOf(mallory), 1)
    expect(await users().standing(entra.mallory, [entra.contractors])).toEqual({ active: false, groups: [] })
  })

  it('are told to nobody who comes with a token for another service', async () => {
    expect(await armCall(simulator, 'GET', '/v1.0/users')).toMatchObject({
      status: 401,
      body: { error: { code: 'InvalidAuthenticationToken' } },
    })
  })

  it('stay in the world that the simulator hands out', () => {
    const { directory } = simulator.world()
    expect(directory?.groups.map(({ id }) => id)).toEqual([
      entra.operators,
      entra.everybody,
      entra.contractors,
    ])
  })

  it.each([
    ['down', { kind: 'server-error', status: 503 }, 'try again'],
    ['out of reach', { kind: 'drop' }, 'try again'],
    ['closed to us', { kind: 'forbidden' }, 'permanent'],
    ['too busy', { kind: 'throttle', retryAfterSeconds: 7 }, 'try again'],
  ] as const)('are not known while Graph is %s', async (_, fault, kind) => {
    // A lost connection is tried once more, so one fault would not be felt.
    simulator.fault({ ...fault, path: '/v1.0/' })
    await expect(users().find('robin@example.com')).rejects.toMatchObject({ kind })
    await expect(users().standing(entra.robin, [])).rejects.toMatchObject({ kind })
    await expect(users().missing([entra.operators])).rejects.toMatchObject({ kind })
  })
})

const host = 'https://graph.microsoft.com'
const robin = '87d349ed-44d7-43e1-9a83-5f2406dee5bd'
const context = 'https://graph.microsoft.com/v1.0/$metadata#users(id,mail,userPrincipalName)'
const row = (but: object = {}) => ({
  id: robin,
  mail: 'robin@contoso.com',
  userPrincipalName: 'robin_corp@contoso.onmicrosoft.com',
  ...but,
})
const graphError = (code: string, message: string) => ({
  error: {
    code,
    message,
    innerError: {
      date: '2026-11-23T09:00:00',
      'request-id': '0e5a9b7a-1b7e-4b4e-8d7a-4f6f2b0c6f10',
      'client-request-id': '0e5a9b7a-1b7e-4b4e-8d7a-4f6f2b0c6f10',
    },
  },
})

describe('what Microsoft Graph is asked, and what its documented answers mean', () => {
  let scopes: (string | string[])[]
  const users = (cloud: CloudName = 'public') =>
    entraUsers(
      connectArm({
        clock: readyClock(),
        cloud,
        callTimeoutMs: 2_000,
        credential: {
          getToken: (scope) => {
            scopes.push(scope)
            return Promise.resolve({ token: 'secret-token', expiresOnTimestamp: Date.now() + 3_600_000 })
          },
        },
      }),
    )

  beforeAll(() => nock.disableNetConnect())
  afterAll(() => {
    nock.enableNetConnect()
    nock.restore()
  })
  beforeEach(() => {
    scopes = []
    if (!nock.isActive()) nock.activate()
  })
  afterEach(() => {
    expect(nock.pendingMocks()).toEqual([])
    nock.cleanAll()
  })

  it.each(['public', 'usgovernment', 'china'] satisfies CloudName[])(
    'in the %s cloud, its own Graph with a token for it',
    async (cloud) => {
      nock(clouds[cloud].graph, { reqheaders: { authorization: 'Bearer secret-token' } })
        .get('/v1.0/users')
        .query({
          $filter: "mail eq 'o''brien@contoso.com' or userPrincipalName eq 'o''brien@contoso.com'",
          $select: 'id,mail,userPrincipalName',
        })
        .reply(200, { '@odata.context': context, value: [row({ mail: "O'Brien@contoso.com" })] })
      expect(await users(cloud).find("o'brien@contoso.com")).toBe(robin)
      expect(scopes.flat()).toEqual([`${clouds[cloud].graph}/.default`])
    },
  )

  it('the next page, when there is one, on the same host only', async () => {
    const next = 'https://elsewhere.example/v1.0/users?$filter=x&$skiptoken=RFNwdAIA'
    nock(host).get('/v1.0/users').query(true).reply(200, { value: [], '@odata.nextLink': next })
    nock(host)
      .get('/v1.0/users')
      .query({ $filter: 'x', $skiptoken: 'RFNwdAIA' })
      .reply(200, { value: [row()] })
    expect(await users().find('robin@contoso.com')).toBe(robin)
  })

  it('a second user on a later page leaves open who it is', async () => {
    const next = `${host}/v1.0/users?$skiptoken=2`
    nock(host)
      .get('/v1.0/users')
      .query(true)
      .reply(200, { value: [row()], '@odata.nextLink': next })
    nock(host)
      .get('/v1.0/users')
      .query({ $skiptoken: '2' })
      .reply(200, { value: [row({ id: '11111111-2222-4333-8444-555555555555' })] })
    await expect(users().find('robin@contoso.com')).rejects.toMatchObject({
      code: 'ambiguous address',
      kind: 'permanent',
    })
  })

  it('somebody whom nobody asked about is nobody', async () => {
    nock(host)
      .get('/v1.0/users')
      .query(true)
      .reply(200, { value: [row({ mail: null })] })
    expect(await users().find('robin@contoso.com')).toBeNull()
  })

  it.each<[string, number, object | string, string]>([
    ['no list', 200, { '@odata.context': context }, 'malformed answer'],
    ['a text', 200, 'so sorry', 'PARSE_ERROR'],
    ['an id that is none', 200, { value: [row({ id: '../groups' })] }, 'malformed answer'],
    ['a next page that is none', 200, { value: [], '@odata.nextLink': 'https://[' }, 'malformed answer'],
    [
      'that we may not',
      403,
      graphError('Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
      'Authorization_RequestDenied',
    ],
    [
      'that there is too much to do',
      429,
      graphError('TooManyRequests', 'Please retry again later.'),
      'TooManyRequests',
    ],
    ['a page of something in between', 502, '<html>Bad gateway</html>', 'HTTP 502'],
  ])('%s is a fault, and never “nobody”', async (_, status, body, code) => {
    nock(host)
      .get('/v1.0/users')
      .query(true)
      .reply(status, body, { 'retry-after': '12', 'content-type': 'application/json' })
    await expect(users().find('robin@contoso.com')).rejects.toMatchObject({ code })
  })

  const person = (but: object = {}) => ({ id: robin, accountEnabled: true, ...but })
  const asked = () => nock(host).get(`/v1.0/users/${robin}`).query({ $select: 'id,accountEnabled' })

  it('an active user’s groups', async () => {
    const groups = ['fee2c45b-915a-4a64-b130-f4eb9e75525e', '4fe90ae7-065a-478b-9400-e0a0e1cbd540']
    asked().reply(200, person())
    nock(host)
      .post(`/v1.0/users/${robin}/checkMemberGroups`, { groupIds: groups })
      .reply(200, {
        '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#Collection(Edm.String)',
        value: ['FEE2C45B-915A-4A64-B130-F4EB9E75525E'],
      })
    expect(await users().standing(robin, groups)).toEqual({ active: true, groups: [groups[0]] })
  })

  it('which groups there are', async () => {
    const [here, gone] = ['fee2c45b-915a-4a64-b130-f4eb9e75525e', '4fe90ae7-065a-478b-9400-e0a0e1cbd540']
    nock(host)
      .get('/v1.0/groups')
      .query({ $filter: `id in ('${here}','${gone}')`, $select: 'id' })
      .reply(200, { value: [{ id: here }] })
    expect(await users().missing([here, gone])).toEqual([gone])
  })

  it('nothing about groups when none is named', async () => {
    asked().reply(200, person())
    expect(await users().standing(robin, [])).toEqual({ active: true, groups: [] })
  })

  it.each<[string, number, object]>([
    ['disabled', 200, person({ accountEnabled: false })],
    [
      'deleted',
      404,
      graphError(
        'Request_ResourceNotFound',
        `Resource '${robin}' does not exist or one of its queried reference-property objects are not present.`,
      ),
    ],
  ])('a user who is %s is not active', async (_, status, body) => {
    asked().reply(status, body)
    expect(await users().standing(robin, [])).toEqual({ active: false, groups: [] })
  })

  it.each<[string, number, object | string]>([
    ['a 404 of something in between', 404, '<html>Not found</html>'],
    ['somebody else', 200, person({ id: 'fee2c45b-915a-4a64-b130-f4eb9e75525e' })],
    ['not whether the user is enabled', 200, { id: robin }],
  ])('%s is a fault, and never “not active”', async (_, status, body) => {
    asked().reply(status, body, { 'content-type': 'application/json' })
    await expect(users().standing(robin, [])).rejects.toMatchObject({ kind: 'try again' })
  })

  it('groups that cannot be read are a fault, and never “in none”', async () => {
    for (const [status, body] of [
      [200, {}],
      [403, graphError('Authorization_RequestDenied', 'Insufficient privileges to complete the operation.')],
      [404, graphError('Request_ResourceNotFound', 'Resource does not exist.')],
    ] as const) {
      asked().reply(200, person())
      nock(host).post(`/v1.0/users/${robin}/checkMemberGroups`).reply(status, body)
      await expect(users().standing(robin, [robin])).rejects.toThrow()
    }
  })

  it('never with an id that is none', async () => {
    await expect(users().standing('robin/manager', [])).rejects.toMatchObject({ code: 'malformed answer' })
    expect(scopes).toEqual([])
  })
})
