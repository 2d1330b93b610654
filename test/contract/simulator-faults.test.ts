import type { SecurityRule } from '@azure/arm-network'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Fault } from '../../src/simulator/faults.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import {
  armCall,
  collected,
  networkClient,
  rdpRule,
  ruleAt,
  rulePath,
  startTestSimulator,
  wireCall,
} from '../support/simulator.ts'

let simulator: Simulator
let clock: number

beforeEach(async () => {
  clock = Date.now()
  simulator = await startTestSimulator({ now: () => clock })
})
afterEach(() => simulator.close())

/** Sets faults as somebody outside the process does. */
async function strike(...faults: Fault[]): Promise<void> {
  const { status } = await wireCall(simulator, 'POST', '/_sim/faults', { body: faults })
  expect(status).toBe(200)
}

async function put(maxRetries = 0): Promise<SecurityRule> {
  return networkClient(simulator, { maxRetries }).securityRules.createOrUpdate(...ruleAt, rdpRule, {
    updateIntervalInMs: 1,
  })
}

async function remove(maxRetries = 0): Promise<void> {
  return networkClient(simulator, { maxRetries }).securityRules.delete(...ruleAt, { updateIntervalInMs: 1 })
}

async function get(): Promise<SecurityRule> {
  return networkClient(simulator).securityRules.get(...ruleAt)
}

function ruleNames(): string[] {
  return Object.keys(simulator.rules('nsg-jump01-nic'))
}

const foreign = ['deny-rdp-internet']
const withOurs = [...foreign, 'jit-a-1']

describe('refusals', () => {
  const refusals: [string, Fault, object][] = [
    ['throttle', { kind: 'throttle' }, { statusCode: 429, code: 'SubscriptionRequestsThrottled' }],
    ['busy', { kind: 'busy' }, { statusCode: 409, code: 'AnotherOperationInProgress' }],
    ['busy 429', { kind: 'busy', status: 429 }, { statusCode: 429, code: 'RetryableError' }],
    ['precondition-failed', { kind: 'precondition-failed' }, { statusCode: 412, code: 'PreconditionFailed' }],
    ['server-error', { kind: 'server-error', status: 503 }, { statusCode: 503, code: 'InternalServerError' }],
    ['unauthorized', { kind: 'unauthorized' }, { statusCode: 401, code: 'InvalidAuthenticationToken' }],
    ['expired-token', { kind: 'expired-token' }, { statusCode: 401, code: 'ExpiredAuthenticationToken' }],
    ['forbidden', { kind: 'forbidden' }, { statusCode: 403, code: 'AuthorizationFailed' }],
    [
      'forbidden by policy',
      { kind: 'forbidden', code: 'RequestDisallowedByPolicy' },
      { statusCode: 403, code: 'RequestDisallowedByPolicy' },
    ],
  ]
  test.each(refusals)('%s: the write is refused and nothing is written', async (_, fault, seen) => {
    await strike({ ...fault, method: 'PUT' })
    await expect(put()).rejects.toMatchObject(seen)
    expect(ruleNames()).toEqual(foreign)
  })

  test('busy 429 names the reason in its details', async () => {
    await strike({ kind: 'busy', status: 429, method: 'PUT' })
    const { body } = await armCall(simulator, 'PUT', rulePath, { body: { properties: rdpRule } })
    expect(body).toHaveProperty('error.details.0.code', 'RetryableErrorDueToAnotherOperation')
  })

  test('forbidden names the action and the scope', async () => {
    await strike({ kind: 'forbidden' })
    await expect(remove()).rejects.toMatchObject({ code: 'AuthorizationFailed' })
    const { body } = await armCall(simulator, 'DELETE', rulePath)
    expect(body).toHaveProperty(
      'error.message',
      expect.stringContaining("action 'Microsoft.Network/networkSecurityGroups/securityRules/delete'"),
    )
  })
})

describe('throttle', () => {
  test.each([
    ['seconds', { retryAfterSeconds: 7 }, '7'],
    ['a huge number', { retryAfterSeconds: 86_400 }, '86400'],
    ['nothing', {}, null],
  ])('Retry-After with %s', async (_, fields, seen) => {
    await strike({ kind: 'throttle', ...fields })
    const { headers, status } = await armCall(simulator, 'GET', rulePath)
    expect([status, headers.get('retry-after')]).toEqual([429, seen])
  })

  test('Retry-After with a date', async () => {
    await strike({ kind: 'throttle', retryAfterDate: 60 })
    const { headers } = await armCall(simulator, 'GET', rulePath)
    expect(Date.parse(headers.get('retry-after') ?? '')).toBe(Math.floor((clock + 60_000) / 1000) * 1000)
  })

  test('the SDK waits and tries again by itself when told how long', async () => {
    await strike({ kind: 'throttle', retryAfterSeconds: 0, method: 'PUT', times: 1 })
    await put(1)
    expect(ruleNames()).toEqual(withOurs)
  })
})

describe('answers that get lost', () => {
  test('server-error after: the write took place though the answer says no', async () => {
    await strike({ kind: 'server-error', status: 500, when: 'after', method: 'PUT' })
    await expect(put()).rejects.toMatchObject({ statusCode: 500 })
    expect(ruleNames()).toEqual(withOurs)
  })

  test('drop before: the connection breaks and nothing is written', async () => {
    await strike({ kind: 'drop', method: 'PUT' })
    await expect(put()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(ruleNames()).toEqual(foreign)
  })

  test('drop after: the connection breaks and the rule is there', async () => {
    await strike({ kind: 'drop', when: 'after', method: 'PUT' })
    await expect(put()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(ruleNames()).toEqual(withOurs)
  })

  test('drop once: the SDK tries again and finds its own rule', async () => {
    await strike({ kind: 'drop', when: 'after', method: 'PUT', times: 1 })
    await put(1)
    expect(simulator.calls().filter((call) => call.method === 'PUT')).toMatchObject([
      { status: null },
      { status: 200 },
    ])
  })

  test.each([
    ['before', foreign],
    ['after', withOurs],
  ] as const)('black-hole %s: no answer ever comes', async (when, rules) => {
    await strike({ kind: 'black-hole', when, method: 'PUT' })
    const impatience = new AbortController()
    const written = networkClient(simulator).securityRules.createOrUpdate(...ruleAt, rdpRule, {
      abortSignal: impatience.signal,
    })
    const outcome = expect(written).rejects.toMatchObject({ name: 'AbortError' })
    await expect.poll(() => simulator.sim.faults.list()[0]?.struck).toBe(1)
    impatience.abort()
    await outcome
    expect(ruleNames()).toEqual(rules)
  })

  test('close ends at once though a call hangs in a black hole', async () => {
    await strike({ kind: 'black-hole' })
    const hanging = expect(get()).rejects.toMatchObject({ code: 'ECONNRESET' })
    await expect.poll(() => simulator.sim.faults.list()[0]?.struck).toBe(1)
    await simulator.close()
    await hanging
  })
})

describe('operations', () => {
  test('slow-operation by polls: packets notice only at the end', async () => {
    await strike({ kind: 'slow-operation', polls: 3 })
    const { headers } = await armCall(simulator, 'PUT', rulePath, { body: { properties: rdpRule } })
    const poll = async () => {
      const url = new URL(headers.get('azure-asyncoperation') ?? '')
      return (await armCall(simulator, 'GET', url.pathname)).body
    }
    expect(await poll()).toEqual({ status: 'InProgress' })
    expect(await get()).toMatchObject({ priority: 200, provisioningState: 'Updating' })
    expect(ruleNames()).toEqual(foreign)
    expect(await poll()).toEqual({ status: 'Succeeded' })
    expect(await get()).toMatchObject({ provisioningState: 'Succeeded' })
    expect(ruleNames()).toEqual(withOurs)
  })

  test('slow-operation by time, with Retry-After on its polls', async () => {
    await strike({ kind: 'slow-operation', ms: 5_000, retryAfterSeconds: 10 })
    const { headers } = await armCall(simulator, 'PUT', rulePath, { body: { properties: rdpRule } })
    const { pathname } = new URL(headers.get('azure-asyncoperation') ?? '')
    const early = await armCall(simulator, 'GET', pathname)
    expect([early.body, early.headers.get('retry-after')]).toEqual([{ status: 'InProgress' }, '10'])
    const accepted = clock
    clock += 60_000
    expect((await armCall(simulator, 'GET', pathname)).body).toEqual({ status: 'Succeeded' })
    expect(simulator.history('nsg-jump01-nic').find((each) => each.rule === 'jit-a-1')?.from).toBe(
      accepted + 5_000,
    )
  })

  test('slow-operation on hold: it ends when it is let go', async () => {
    await put()
    await strike({ kind: 'slow-operation', hold: true, method: 'DELETE' })
    const deleted = remove()
    await expect.poll(async () => (await get()).provisioningState).toBe('Deleting')
    expect(ruleNames()).toEqual(withOurs)
    const released = await wireCall(simulator, 'POST', '/_sim/release', { body: { path: 'jit-a-1$' } })
    expect(released.body).toEqual({ released: [rulePath] })
    await deleted
    expect(ruleNames()).toEqual(foreign)
  })

  test('operation-failed: the SDK throws the code, and the rule is as before', async () => {
    await strike({ kind: 'operation-failed', code: 'InternalServerError', message: 'Boom.' })
    await expect(put()).rejects.toThrow('InternalServerError. Boom.')
    expect(ruleNames()).toEqual(foreign)
    await expect(get()).rejects.toMatchObject({ statusCode: 404 })
  })

  test('operation-failed with effect: the rule is there all the same', async () => {
    await strike({ kind: 'operation-failed', code: 'InternalServerError', effect: true })
    await expect(put()).rejects.toThrow('InternalServerError')
    expect(ruleNames()).toEqual(withOurs)
  })

  test('operation-failed on a delete: the rule stays, marked', async () => {
    await put()
    await strike({ kind: 'operation-failed', code: 'InternalServerError', method: 'DELETE' })
    await expect(remove()).rejects.toThrow('InternalServerError')
    expect(await get()).toMatchObject({ provisioningState: 'Failed' })
    expect(ruleNames()).toEqual(withOurs)
  })

  test.each([
    [false, foreign],
    [true, withOurs],
  ])('operation-canceled, effect %s: the SDK hides the reason', async (effect, rules) => {
    await strike({ kind: 'operation-canceled', effect })
    await expect(put()).rejects.toThrow('Operation was canceled')
    expect(ruleNames()).toEqual(rules)
  })

  test('the older form of an operation answers by its status alone', async () => {
    await put()
    await strike({ kind: 'slow-operation', polls: 2 }, { kind: 'operation-failed', code: 'Boom', after: 1 })
    const results = async () => {
      const { headers } = await armCall(simulator, 'DELETE', rulePath)
      const { pathname } = new URL(headers.get('location') ?? '')
      const first = await armCall(simulator, 'GET', pathname)
      return [first.status, (await armCall(simulator, 'GET', pathname)).status]
    }
    expect(await results()).toEqual([202, 204])
    simulator.mutate({ do: 'put-rule', nsg: 'nsg-jump01-nic', name: 'jit-a-1', properties: rdpRule })
    expect(await results()).toEqual([202, 409])
  })

  test('operation-canceled: the operation itself tells the reason', async () => {
    await strike({ kind: 'operation-canceled' })
    const { headers } = await armCall(simulator, 'PUT', rulePath, { body: { properties: rdpRule } })
    const { body } = await armCall(
      simulator,
      'GET',
      new URL(headers.get('azure-asyncoperation') ?? '').pathname,
    )
    expect(body).toMatchObject({
      status: 'Canceled',
      error: { code: 'Canceled', details: [{ code: 'CanceledAndSupersededDueToAnotherOperation' }] },
    })
  })

  test('late-conflict: a taken priority is found only by the operation', async () => {
    await strike({ kind: 'late-conflict' })
    simulator.mutate({
      do: 'put-rule',
      nsg: 'nsg-jump01-nic',
      name: 'rival',
      properties: { ...rdpRule, priority: 200 },
    })
    await expect(put()).rejects.toThrow('SecurityRuleConflict')
    expect(ruleNames()).toEqual([...foreign, 'rival'])
  })

  test('lost-operation: the operation cannot be asked about, the rule can', async () => {
    await strike({ kind: 'lost-operation' })
    await expect(put()).rejects.toMatchObject({ statusCode: 404, code: 'OperationNotFound' })
    expect(await get()).toMatchObject({ provisioningState: 'Succeeded' })
  })
})

describe('stale-reads', () => {
  test('a few reads show the state before the write', async () => {
    await strike({ kind: 'stale-reads', skip: 1, reads: 2, method: 'PUT' })
    await armCall(simulator, 'PUT', rulePath, { body: { properties: rdpRule } })
    const { securityRules } = networkClient(simulator)
    expect(await collected(securityRules.list('rg-ops', 'nsg-jump01-nic'))).toHaveLength(2)
    expect(await collected(securityRules.list('rg-ops', 'nsg-jump01-nic'))).toHaveLength(1)
    await expect(get()).rejects.toMatchObject({ statusCode: 404 })
    expect(await get()).toMatchObject({ name: 'jit-a-1' })
  })

  test('a deleted rule shows once more, after it was already gone', async () => {
    await put()
    await strike({ kind: 'stale-reads', skip: 1, reads: 1, method: 'DELETE' })
    await remove()
    await expect(get()).rejects.toMatchObject({ statusCode: 404 })
    expect(await get()).toMatchObject({ name: 'jit-a-1' })
    await expect(get()).rejects.toMatchObject({ statusCode: 404 })
    expect(ruleNames()).toEqual(foreign)
  })
})

describe('time', () => {
  test('clock-skew: the Date header is off, and nothing else', async () => {
    await strike({ kind: 'clock-skew', seconds: -3_600 })
    const { headers, status } = await armCall(simulator, 'GET', rulePath)
    expect(Date.parse(headers.get('date') ?? '')).toBe(Math.floor((clock - 3_600_000) / 1000) * 1000)
    expect(status).toBe(404)
  })

  test('latency: the answer comes, later', async () => {
    await strike({ kind: 'latency', ms: 5 })
    expect((await armCall(simulator, 'PUT', rulePath, { body: { properties: rdpRule } })).status).toBe(201)
    expect(simulator.sim.faults.list()).toMatchObject([{ struck: 1 }])
  })
})

describe('which calls are struck', () => {
  test('only those of the method and path, after some, and only so many', async () => {
    await strike({ kind: 'server-error', method: 'GET', path: 'securityrules/JIT-a', after: 1, times: 2 })
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) statuses.push((await armCall(simulator, 'GET', rulePath)).status)
    expect(statuses).toEqual([404, 500, 500, 404, 404])
    expect((await armCall(simulator, 'DELETE', rulePath)).status).toBe(204)
    expect(simulator.sim.faults.list()).toMatchObject([{ met: 5, struck: 2 }])
  })

  test('the first fault that ends a call spares the others', async () => {
    await strike({ kind: 'busy', times: 1 }, { kind: 'forbidden', times: 1 })
    const statuses: number[] = []
    for (let i = 0; i < 3; i++) statuses.push((await armCall(simulator, 'GET', rulePath)).status)
    expect(statuses).toEqual([409, 403, 404])
  })

  test('a refused write does not use up a fault of its operation', async () => {
    await strike({ kind: 'operation-failed', code: 'X', times: 1 })
    const body = { properties: { ...rdpRule, priority: 1 } }
    expect((await armCall(simulator, 'PUT', rulePath, { body })).status).toBe(400)
    await expect(put()).rejects.toThrow('X')
  })
})

describe('setting faults', () => {
  const bad: [unknown, string, unknown][] = [
    [
      { kind: 'earthquake' },
      'kind: "earthquake" is not a fault',
      expect.arrayContaining(['latency', 'drop']),
    ],
    [{ kind: 'drop', when: 'later' }, 'when: "later" is not allowed', ['before', 'after']],
    [{ kind: 'latency', ms: 'slow' }, 'ms: "slow" is not a number', []],
    [{ kind: 'latency' }, 'ms: missing', []],
    [{ kind: 'drop', status: 500 }, 'status: no such field here', expect.arrayContaining(['when', 'path'])],
    [{ kind: 'drop', path: '(' }, 'path: "(" is not a regular expression', []],
    ['drop', 'kind: undefined is not a fault', expect.any(Array)],
  ]
  test.each(bad)('%j is refused with what is allowed', async (fault, message, allowed) => {
    const answer = await wireCall(simulator, 'POST', '/_sim/faults', { body: fault })
    expect(answer).toMatchObject({ status: 400, body: { error: { message, allowed } } })
    expect(simulator.sim.faults.list()).toEqual([])
  })

  test('they are listed, and cleared one by one or all at once', async () => {
    await strike({ kind: 'drop' }, { kind: 'unauthorized' }, { kind: 'latency', ms: 1 })
    const listed = await wireCall(simulator, 'GET', '/_sim/faults')
    expect(listed.body).toMatchObject({
      faults: [{ id: 'fault-1', fault: { kind: 'drop' }, met: 0 }, { id: 'fault-2' }, { id: 'fault-3' }],
    })
    await wireCall(simulator, 'DELETE', '/_sim/faults?id=fault-2')
    expect(simulator.sim.faults.list().map(({ id }) => id)).toEqual(['fault-1', 'fault-3'])
    await wireCall(simulator, 'DELETE', '/_sim/faults')
    expect(simulator.sim.faults.list()).toEqual([])
  })
})
