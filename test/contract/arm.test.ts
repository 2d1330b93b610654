import { inspect } from 'node:util'
import {
  ClientSecretCredential,
  DefaultAzureCredential,
  ManagedIdentityCredential,
  type TokenCredential,
  WorkloadIdentityCredential,
} from '@azure/identity'
import nock from 'nock'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Seen } from '../../src/azure/answer.ts'
import { type ArmSettings, connectArm } from '../../src/azure/arm.ts'
import { type CloudName, clouds } from '../../src/azure/clouds.ts'
import { chooseCredential, type IdentitySettings } from '../../src/azure/credential.ts'
import { armInventory } from '../../src/azure/inventory.ts'
import { nsgFirewall } from '../../src/azure/nsg-firewall.ts'
import { simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { never, nsgId, readyClock, ruleOf } from './firewall.contract.ts'

const rulePath = /\/networkSecurityGroups\/nsg-jump01-nic\/securityRules/i
const host = 'https://management.azure.com'

/** A credential that notes which scopes are asked of it. */
function noting(): TokenCredential & { readonly scopes: (string | string[])[] } {
  const scopes: (string | string[])[] = []
  return {
    scopes,
    getToken: (scope) => {
      scopes.push(scope)
      return Promise.resolve({ token: 'secret-token', expiresOnTimestamp: Date.now() + 3_600_000 })
    },
  }
}

const connect = (settings: Partial<ArmSettings> = {}) =>
  connectArm({ clock: readyClock(), credential: noting(), callTimeoutMs: 2000, ...settings })
const firewallOf = (settings: Partial<ArmSettings> = {}) =>
  nsgFirewall({ arm: connect(settings), patienceMs: 2000 })

describe('a connection to Azure', () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  beforeAll(() => {
    process.on('unhandledRejection', note)
    nock.disableNetConnect()
  })
  afterAll(() => {
    process.off('unhandledRejection', note)
    nock.enableNetConnect()
    nock.restore()
  })
  beforeEach(() => {
    if (!nock.isActive()) nock.activate()
  })
  afterEach(() => {
    expect(nock.pendingMocks()).toEqual([])
    nock.cleanAll()
  })

  it.each(['public', 'usgovernment', 'china'] satisfies CloudName[])(
    'in the %s cloud uses its endpoint and its scope',
    async (cloud) => {
      const credential = noting()
      nock(clouds[cloud].endpoint).get(rulePath).query(true).reply(200, { value: [] })
      nock(clouds[cloud].endpoint).get('/subscriptions').query(true).reply(200, { value: [] })
      nock(clouds[cloud].endpoint)
        .post('/providers/Microsoft.ResourceGraph/resources')
        .query(true)
        .reply(200, { data: [] })
      const arm = connect({ cloud, credential })
      expect(await nsgFirewall({ arm }).list(nsgId)).toEqual([])
      await armInventory({ arm }).read()
      expect(new Set(credential.scopes.flat())).toEqual(new Set([clouds[cloud].scope]))
    },
  )

  it('goes to another endpoint with the cloud’s token', async () => {
    const credential = noting()
    nock('https://arm.example').get(rulePath).query(true).reply(200, { value: [] })
    nock('https://arm.example').get('/subscriptions').query(true).reply(200, { value: [] })
    const arm = connect({ cloud: 'usgovernment', credential, endpoint: 'https://arm.example/' })
    expect(await nsgFirewall({ arm }).list(nsgId)).toEqual([])
    await arm.get('/subscriptions?api-version=1')
    expect(new Set(credential.scopes.flat())).toEqual(new Set([clouds.usgovernment.scope]))
  })

  it('sends nothing before it is asked to', () => {
    const credential = noting()
    const arm = connect({ credential })
    expect(arm.network('a')).toBe(arm.network('a'))
    expect(arm.network('a')).not.toBe(arm.network('b'))
    expect(credential.scopes).toEqual([])
  })

  it('tells of each answer what Azure says beside it', async () => {
    const told: Seen[] = []
    nock(host).get(rulePath).query(true).reply(
      200,
      { value: [] },
      {
        date: 'Mon, 23 Nov 2026 14:00:00 GMT',
        'x-ms-request-id': 'request-1',
        'x-ms-correlation-request-id': 'correlation-1',
        'x-ms-ratelimit-remaining-subscription-reads': '249',
      },
    )
    const arm = connect({ onAnswer: (seen) => told.push(seen) })
    expect(arm.seen()).toBeNull()
    await nsgFirewall({ arm }).list(nsgId)
    expect(told).toEqual([
      {
        azureTime: Date.UTC(2026, 10, 23, 14),
        at: expect.any(Number),
        method: 'GET',
        status: 200,
        requestId: 'request-1',
        correlationId: 'correlation-1',
        readsLeft: 249,
        writesLeft: null,
        deletesLeft: null,
      },
    ])
    expect(arm.seen()).toEqual(told[0])
  })

  it('reads every page of a list', async () => {
    const next = `${host}/page2/networkSecurityGroups/nsg-jump01-nic/securityRules?api-version=1`
    nock(host)
      .get(rulePath)
      .query(true)
      .reply(200, { value: [{ name: 'a', properties: {} }], nextLink: next })
    nock(host)
      .get(/page2/)
      .query(true)
      .reply(200, { value: [{ name: 'b', properties: {} }] })
    expect((await firewallOf().list(nsgId))?.map((rule) => rule.name)).toEqual(['a', 'b'])
  })

  it('does not sleep a Retry-After, nor send a write again', async () => {
    nock(host)
      .put(rulePath)
      .query(true)
      .reply(429, { error: { code: 'Throttled' } }, { 'retry-after': '3600' })
    nock(host)
      .get(rulePath)
      .query(true)
      .reply(404, { error: { code: 'NotFound' } })
    expect(await firewallOf().open(ruleOf(), never())).toMatchObject({
      kind: 'try again',
      afterMs: 3_600_000,
    })
  })

  it('follows no redirect', async () => {
    nock(host)
      .get(rulePath)
      .query(true)
      .reply(302, '', { location: `${host}/elsewhere` })
    const elsewhere = nock(host).get('/elsewhere').reply(200, { value: [] })
    await expect(firewallOf().list(nsgId)).rejects.toMatchObject({ name: 'ArmFault' })
    expect(elsewhere.isDone()).toBe(false)
    nock.cleanAll()
  })

  it('asks after an operation at its own endpoint, whatever host the header names', async () => {
    const operation = 'https://elsewhere.example/subscriptions/s/operations/1?api-version=1'
    nock(host).put(rulePath).query(true).reply(201, { properties: {} }, { 'azure-asyncoperation': operation })
    nock(host)
      .get(rulePath)
      .query(true)
      .times(2)
      .reply(404, { error: { code: 'NotFound' } })
    nock(host)
      .get('/subscriptions/s/operations/1?api-version=1')
      .reply(200, { status: 'Failed', error: { code: 'SecurityRuleConflict', message: 'taken' } })
    expect(await firewallOf().open(ruleOf(), never())).toEqual({ kind: 'priority taken' })
  })

  it('reads at once when Azure was done at once', async () => {
    const clock = readyClock()
    nock(host).delete(rulePath).query(true).reply(200)
    nock(host)
      .get(rulePath)
      .query(true)
      .times(2)
      .reply(404, { error: { code: 'NotFound' } })
    expect(await firewallOf({ clock }).close(ruleOf(), never())).toEqual({ kind: 'absent' })
    expect(clock.slept).toEqual([250])
  })

  it('makes do with an operation that was canceled without a word', async () => {
    const operation = `${host}/operations/1?api-version=1`
    nock(host).put(rulePath).query(true).reply(201, { properties: {} }, { 'azure-asyncoperation': operation })
    nock(host)
      .get(rulePath)
      .query(true)
      .times(2)
      .reply(404, { error: { code: 'NotFound' } })
    nock(host).get('/operations/1?api-version=1').reply(200, { status: 'Canceled' })
    expect(await firewallOf().open(ruleOf(), never())).toMatchObject({
      kind: 'try again',
      why: 'Canceled: Canceled',
    })
  })

  it.each([
    ['a page of HTML', '<html>not here</html>'],
    ['a body without a code', '{"message":"no route"}'],
    ['a code of its own', '{"error":{"code":"NoRoute"}}'],
  ])('does not take a 404 with %s for a proof of absence', async (_what, body) => {
    nock(host).delete(rulePath).query(true).reply(204)
    nock(host).get(rulePath).query(true).times(5).reply(404, body)
    expect(await firewallOf().close(ruleOf(), never())).toMatchObject({ kind: 'try again' })
    await expect(firewallOf().list(nsgId)).rejects.toMatchObject({ kind: 'try again' })
  })

  it('takes a resource group or security group that is gone for absence', async () => {
    for (const code of ['ResourceGroupNotFound', 'ParentResourceNotFound']) {
      nock(host).delete(rulePath).query(true).reply(404, { error: { code } })
      nock(host).get(rulePath).query(true).times(3).reply(404, { error: { code } })
      expect(await firewallOf().close(ruleOf(), never())).toEqual({ kind: 'absent' })
      expect(await firewallOf().list(nsgId)).toBeNull()
    }
  })

  it('takes a subscription that it cannot find for no proof: its access may be gone', async () => {
    const reply = { error: { code: 'SubscriptionNotFound' } }
    nock(host).persist().delete(rulePath).query(true).reply(404, reply)
    nock(host).persist().get(rulePath).query(true).reply(404, reply)
    expect(await firewallOf().close(ruleOf(), never())).not.toEqual({ kind: 'absent' })
    await expect(firewallOf().list(nsgId)).rejects.toBeInstanceOf(Error)
    nock.cleanAll()
  })

  it('does not wait for a token for ever', async () => {
    const mute: TokenCredential = { getToken: () => new Promise(() => {}) }
    const firewall = firewallOf({ credential: mute, callTimeoutMs: 20 })
    await expect(firewall.list(nsgId)).rejects.toMatchObject({ code: 'timeout', kind: 'try again' })
    expect(await firewall.close(ruleOf(), never())).toMatchObject({ kind: 'try again' })
  })

  it('asks for a token anew after one that never came', async () => {
    let asked = 0
    const waking: TokenCredential = {
      getToken: () => {
        asked += 1
        if (asked === 1) return new Promise(() => {})
        return Promise.resolve({ token: 'secret-token', expiresOnTimestamp: Date.now() + 3_600_000 })
      },
    }
    nock(host).get(rulePath).query(true).reply(200, { value: [] })
    const firewall = firewallOf({ credential: waking, callTimeoutMs: 200 })
    await expect(firewall.list(nsgId)).rejects.toMatchObject({ code: 'timeout' })
    expect(await vi.waitFor(() => firewall.list(nsgId))).toEqual([])
  })

  it.each([
    ['AADSTS7000215: Invalid client secret provided.\nTrace ID: x', 'permanent'],
    ['Managed Identity endpoint was not reachable', 'try again'],
  ])('says that there is no token: %s', async (message, kind) => {
    const failing: TokenCredential = {
      getToken: () => Promise.reject(Object.assign(new Error(message), { name: 'AuthenticationError' })),
    }
    const firewall = firewallOf({ credential: failing })
    await expect(firewall.list(nsgId)).rejects.toMatchObject({
      code: 'no Azure token',
      kind,
      message: expect.not.stringContaining('Trace'),
    })
    const written = kind === 'permanent' ? 'refused' : 'try again'
    expect(await firewall.open(ruleOf(), never())).toMatchObject({ kind: written })
    expect(await firewall.close(ruleOf(), never())).toMatchObject({ kind: written })
  })

  it('shows no token in what it throws', async () => {
    nock(host)
      .get(rulePath)
      .query(true)
      .reply(403, { error: { code: 'AuthorizationFailed', message: 'no' } })
    const error: unknown = await firewallOf()
      .list(nsgId)
      .catch((thrown: unknown) => thrown)
    expect(JSON.stringify(error)).not.toContain('secret-token')
    expect(inspect(error, { depth: 9 })).not.toContain('secret-token')
  })

  it('leaves no rejection unhandled when a write fails at once', async () => {
    nock(host).put(rulePath).query(true).replyWithError('refused')
    nock(host)
      .get(rulePath)
      .query(true)
      .reply(404, { error: { code: 'NotFound' } })
    expect(await firewallOf().open(ruleOf(), never())).toMatchObject({ kind: 'try again' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  })
})

const secret: IdentitySettings = { tenantId: 't', clientId: 'c', clientSecret: 's' }
const federated: IdentitySettings = { tenantId: 't', clientId: 'c', federatedTokenFile: '/token' }

describe('the bot’s identity', () => {
  afterEach(() => {
    nock.cleanAll()
    nock.enableNetConnect()
    nock.restore()
    vi.unstubAllEnvs()
  })

  it.each([
    ['a client secret', secret, ClientSecretCredential],
    ['a federated token', federated, WorkloadIdentityCredential],
    [
      'a host with managed identity',
      { identityEndpoint: 'https://localhost/msi' },
      ManagedIdentityCredential,
    ],
    [
      'a secret on such a host',
      { ...secret, identityEndpoint: 'https://localhost/msi' },
      ClientSecretCredential,
    ],
    ['a named choice', { ...secret, tokenCredentials: 'prod' }, DefaultAzureCredential],
    ['nothing', {}, DefaultAzureCredential],
  ])('is found by %s', (_what, settings, kind) => {
    expect(chooseCredential(settings, clouds.public)).toBeInstanceOf(kind)
  })

  it('signs in at the authority of its cloud', async () => {
    const tenantId = '44444444-4444-4444-8444-444444444444'
    const authority = clouds.usgovernment.authorityHost
    nock.activate()
    nock.disableNetConnect()
    const asked: string[] = []
    nock(authority)
      .post(`/${tenantId}/oauth2/v2.0/token`, (body: { scope: string }) => asked.push(body.scope) > 0)
      .query(true)
      .reply(200, { token_type: 'Bearer', expires_in: 3600, access_token: 'gov-token' })
    nock(clouds.usgovernment.endpoint, { reqheaders: { authorization: 'Bearer gov-token' } })
      .get(rulePath)
      .query(true)
      .reply(200, { value: [] })
    const identity = { ...secret, tenantId }
    const arm = connectArm({ clock: readyClock(), cloud: 'usgovernment', identity })
    expect(await nsgFirewall({ arm }).list(nsgId)).toEqual([])
    expect(asked[0]).toContain(clouds.usgovernment.scope)
  })

  it('is the managed identity of the simulated Azure, by the environment alone', async () => {
    const simulator = await startTestSimulator()
    for (const [name, value] of Object.entries(simulator.environment)) vi.stubEnv(name, value)
    const { environment } = simulator
    const arm = connectArm({
      clock: readyClock(),
      endpoint: environment['AZURE_RESOURCE_MANAGER_URL'],
      identity: {
        tokenCredentials: environment['AZURE_TOKEN_CREDENTIALS'],
        identityEndpoint: environment['IDENTITY_ENDPOINT'],
      },
    })
    expect(await nsgFirewall({ arm }).list(nsgId)).toHaveLength(1)
    await simulator.close()
  })

  it('fetches a new token when the old one runs out', async () => {
    // Azure's clock is set by hand and behind: for the SDK each token has run out as soon as it was used.
    let now = Date.now() - 60_000
    const simulator = await startTestSimulator({ now: () => now })
    const arm = connect({ endpoint: simulator.url, credential: simulatorCredential(simulator, 1) })
    const firewall = nsgFirewall({ arm })
    expect(await firewall.list(nsgId)).toHaveLength(1)
    now += 2_000
    expect(await firewall.list(nsgId)).toHaveLength(1)
    await simulator.close()
  })
})
