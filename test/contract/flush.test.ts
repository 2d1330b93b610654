import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { nsgFlusher } from '../../src/azure/flush.ts'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { armCall, groupPath, rdpRule, simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { TestClock } from '../support/test-clock.ts'

const nsg = 'nsg-jump01-nic'
const nsgId = groupPath.toLowerCase()
const groupPut = { method: 'PUT', path: `${nsg}$` } as const

/** What an SDK of today knows nothing of. */
function worldWithNews() {
  const world = demoWorld()
  for (const one of world.resources) {
    if (one.name !== nsg) continue
    one.tags = { owner: 'ops' }
    one.properties['fieldOfTomorrow'] = { depth: [1, { two: true }] }
  }
  return world
}

let azure: Simulator
let answered: (method: string) => void
beforeEach(async () => {
  azure = await startTestSimulator({ world: worldWithNews(), flushConnection: true })
  answered = () => {}
})
afterEach(() => azure.close())

const flush = (signal = new AbortController().signal) => {
  const arm = connectArm({
    clock: new TestClock(Date.now()),
    endpoint: azure.url,
    credential: simulatorCredential(azure),
    callTimeoutMs: 500,
    onAnswer: ({ method }) => answered(method),
  })
  return nsgFlusher({ arm }).flush(nsgId, signal)
}
const bodyNow = async () => (await armCall(azure, 'GET', groupPath)).body
/** Azure counts the versions of the group itself, and orders fields as it likes. */
const plain = (body: unknown): unknown =>
  JSON.parse(JSON.stringify(body), (key, value: unknown) =>
    key === 'etag' || key === 'flushConnection' ? undefined : value,
  )
const writes = () => azure.calls().filter(({ method }) => method === 'PUT')
const putRule = (name: string, priority: number) =>
  azure.mutate({ do: 'put-rule', nsg, name, properties: { ...rdpRule, priority } })

/** Something that changes at the moment at which the adapter has had so many answers of a kind. */
function after(count: number, method: string, change: () => void): void {
  let left = count
  answered = (seen) => {
    if (seen === method && --left === 0) change()
  }
}

describe('cutting open sessions', () => {
  test('changes the flag and not one byte of anything else', async () => {
    putRule('jit-a-1', 200)
    const before = await bodyNow()
    expect(before).toHaveProperty('properties.fieldOfTomorrow')
    expect(await flush()).toEqual({ kind: 'flushed' })
    expect(plain(await bodyNow())).toEqual(plain(before))
    expect(await bodyNow()).toHaveProperty('properties.flushConnection', true)
    expect(azure.flushes(nsg)).toBe(1)
    expect(writes()).toHaveLength(1)
  })

  test('does nothing where Azure does it by itself already', async () => {
    await flush()
    expect(await flush()).toEqual({ kind: 'on already' })
    expect(writes()).toHaveLength(1)
  })

  test('says what Azure says where the region does not have it, and nothing is lost', async () => {
    azure.sim.settings.flushConnection = false
    const before = await bodyNow()
    expect(await flush()).toEqual({
      kind: 'refused',
      code: 'FlushingNetworkSecurityGroupConnectionIsNotEnabled',
      why: expect.stringMatching(/not enabled yet for westeurope/),
    })
    expect(await bodyNow()).toEqual(before)
    expect(azure.flushes(nsg)).toBe(0)
  })

  test('a rule that somebody writes between the reading and the write is kept: Azure refuses, and it is read again', async () => {
    // The reading of the group and that of its rules.
    after(2, 'GET', () => putRule('somebody-elses', 210))
    expect(await flush()).toEqual({ kind: 'flushed' })
    expect(azure.rules(nsg)).toHaveProperty('somebody-elses')
    expect(azure.calls().filter(({ status }) => status === 412)).toHaveLength(1)
  })

  test('a group that never stands still is left alone', async () => {
    let priority = 300
    answered = (method) => {
      if (method === 'GET') putRule(`rule-${priority}`, priority++)
    }
    expect(await flush()).toMatchObject({ kind: 'not done' })
    expect(azure.flushes(nsg)).toBe(0)
  })

  test('a reading that lags behind is never written back', async () => {
    putRule('jit-a-1', 200)
    // The group’s own reading is of before the rule; that of its rules is not.
    after(1, 'GET', () => putRule('just-written', 220))
    expect(await flush()).toEqual({ kind: 'flushed' })
    expect(Object.keys(azure.rules(nsg))).toEqual(expect.arrayContaining(['jit-a-1', 'just-written']))
  })

  test('a rule that is gone after the write is told with its name', async () => {
    putRule('somebody-elses', 210)
    after(1, 'PUT', () => azure.mutate({ do: 'delete-rule', nsg, name: 'somebody-elses' }))
    expect(await flush()).toEqual({ kind: 'doubtful', changes: ['the rule somebody-elses is gone'] })
  })

  test.each([
    ['forbids it', { ...groupPut, kind: 'forbidden' }, { kind: 'refused', code: 'AuthorizationFailed' }, 0],
    ['is busy for long', { ...groupPut, kind: 'busy' }, { kind: 'not done' }, 0],
    ['is busy for a moment', { ...groupPut, kind: 'busy', times: 2 }, { kind: 'flushed' }, 1],
    ['breaks before it', { ...groupPut, kind: 'server-error', when: 'before' }, { kind: 'not done' }, 0],
    ['breaks after it', { ...groupPut, kind: 'server-error', when: 'after' }, { kind: 'flushed' }, 1],
    ['loses the line after it', { ...groupPut, kind: 'drop', when: 'after' }, { kind: 'flushed' }, 1],
    ['is slow', { ...groupPut, kind: 'slow-operation', polls: 3 }, { kind: 'flushed' }, 1],
    [
      'refuses it late',
      {
        ...groupPut,
        kind: 'operation-failed',
        code: 'FlushingNetworkSecurityGroupConnectionIsNotEnabled',
      },
      { kind: 'refused', code: 'FlushingNetworkSecurityGroupConnectionIsNotEnabled' },
      0,
    ],
  ] as const)('Azure %s', async (_name, fault, answer, flushes) => {
    putRule('jit-a-1', 200)
    const before = azure.rules(nsg)
    azure.fault(fault)
    expect(await flush()).toMatchObject(answer)
    expect(azure.flushes(nsg)).toBe(flushes)
    expect(azure.rules(nsg)).toEqual(before)
  })
})
