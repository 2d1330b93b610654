import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { nsgFirewall } from '../../src/azure/nsg-firewall.ts'
import type { Firewall, Written } from '../../src/ports.ts'
import type { Fault } from '../../src/simulator/faults.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { firewallContract, group, never, nsgId, readyClock, ruleOf } from './firewall.contract.ts'

const connect = (simulator: Simulator, clock = readyClock(), patienceMs = 5000): Firewall => {
  const credential = simulatorCredential(simulator)
  const arm = connectArm({ clock, endpoint: simulator.url, credential, callTimeoutMs: 1000 })
  return nsgFirewall({ arm, patienceMs })
}

firewallContract('the firewall of network security groups', connect)

const rule = ruleOf()
const present: Written = { kind: 'present' }
const absent: Written = { kind: 'absent' }

const again = (why: RegExp, afterMs: number | null = null) => ({
  kind: 'try again',
  why: expect.stringMatching(why),
  afterMs,
})
const refused = (code: string, why: RegExp = /./) => ({
  kind: 'refused',
  code,
  why: expect.stringMatching(why),
})

describe('when Azure misbehaves', () => {
  let simulator: Simulator
  let firewall: Firewall

  beforeAll(async () => {
    simulator = await startTestSimulator()
  })
  // What Azure refused to one test must not make the next one wait for its turn.
  beforeEach(() => {
    firewall = connect(simulator)
  })
  afterAll(() => simulator.close())
  afterEach(() => {
    simulator.clearFaults()
    simulator.release()
    simulator.mutate({ do: 'unlock', scope: nsgId })
    if (rule.name in simulator.rules(group)) {
      simulator.mutate({ do: 'delete-rule', nsg: group, name: rule.name })
    }
  })

  const stands = () => rule.name in simulator.rules(group)
  const opened = () => firewall.open(rule, never())
  const closed = () => firewall.close(rule, never())
  const callsOf = async (work: () => Promise<unknown>) => {
    const since = simulator.calls().at(-1)?.seq ?? 0
    await work()
    return simulator.calls(since).map(({ method, path }) => `${method} ${path.split('/').at(-2) ?? ''}`)
  }

  describe('an open', () => {
    const put = { method: 'PUT', times: 1 } as const
    const cases: readonly (readonly [string, Fault, object, boolean])[] = [
      ['is slow', { kind: 'slow-operation', polls: 4 }, present, true],
      [
        'is slow and asks for an hour',
        { kind: 'slow-operation', polls: 2, retryAfterSeconds: 3600 },
        present,
        true,
      ],
      ['is busy, by 409', { ...put, kind: 'busy', status: 409 }, again(/AnotherOperationInProgress/), false],
      ['is busy, by 429', { ...put, kind: 'busy', status: 429 }, again(/RetryableError.*is updating/), false],
      [
        'is throttled',
        { ...put, kind: 'throttle', retryAfterSeconds: 17 },
        again(/Throttled/, 17_000),
        false,
      ],
      ['is throttled without saying for how long', { ...put, kind: 'throttle' }, again(/Throttled/), false],
      ['meets another version', { ...put, kind: 'precondition-failed' }, again(/PreconditionFailed/), false],
      ['meets a server error', { ...put, kind: 'server-error' }, again(/InternalServerError/), false],
      ['meets a server error that was none', { ...put, kind: 'server-error', when: 'after' }, present, true],
      ['loses the connection before', { ...put, kind: 'drop' }, again(/ECONNRESET/), false],
      ['loses the connection after', { ...put, kind: 'drop', when: 'after' }, present, true],
      ['gets no answer', { ...put, kind: 'black-hole' }, again(/timeout/), false],
      ['gets no answer although it was done', { ...put, kind: 'black-hole', when: 'after' }, present, true],
      [
        'may not write',
        { ...put, kind: 'forbidden' },
        refused('AuthorizationFailed', /authorization/),
        false,
      ],
      [
        'is against an Azure policy',
        { ...put, kind: 'forbidden', code: 'RequestDisallowedByPolicy' },
        refused('RequestDisallowedByPolicy', /disallowed by policy/),
        false,
      ],
      [
        'has a token that ran out',
        { ...put, kind: 'expired-token' },
        again(/ExpiredAuthenticationToken/),
        false,
      ],
      [
        'has a token that is none',
        { ...put, kind: 'unauthorized' },
        refused('InvalidAuthenticationToken'),
        false,
      ],
      [
        'loses its priority late',
        { kind: 'operation-failed', code: 'SecurityRuleConflict' },
        { kind: 'priority taken' },
        false,
      ],
      [
        'fails late and for good',
        { kind: 'operation-failed', code: 'SecurityRuleCountLimitReached' },
        refused('SecurityRuleCountLimitReached'),
        false,
      ],
      [
        'fails late and by chance',
        { kind: 'operation-failed', code: 'InternalServerError' },
        again(/InternalServerError/),
        false,
      ],
      [
        'fails late although it was done',
        { kind: 'operation-failed', code: 'InternalServerError', effect: true },
        present,
        true,
      ],
      ['is superseded', { kind: 'operation-canceled' }, again(/superseded/), false],
      ['is superseded although it was done', { kind: 'operation-canceled', effect: true }, present, true],
      ['cannot be asked after', { kind: 'lost-operation' }, present, true],
      ['is read from a copy that lags behind', { kind: 'stale-reads', reads: 1 }, present, true],
    ]

    it.each(cases)('that %s', async (_what, fault, written, there) => {
      simulator.fault(fault)
      expect(await opened()).toEqual(written)
      expect(stands()).toBe(there)
    })

    it('that fails late and cannot be asked after', async () => {
      simulator.fault({ kind: 'operation-canceled' })
      simulator.fault({ kind: 'lost-operation' })
      expect(await opened()).toEqual(again(/no longer knows/))
    })

    it('passes on a date as the time that it is away', async () => {
      simulator.fault({ method: 'PUT', kind: 'throttle', retryAfterDate: 60 })
      const written = await opened()
      const afterMs = written.kind === 'try again' ? (written.afterMs ?? 0) : 0
      expect(afterMs).toBeGreaterThan(55_000)
      expect(afterMs).toBeLessThanOrEqual(60_000)
    })

    it('finds the rule that an earlier write left, whatever this one is told', async () => {
      await opened()
      for (const fault of [
        { method: 'PUT', kind: 'busy', status: 409 },
        { method: 'PUT', kind: 'throttle', retryAfterSeconds: 100 },
        { method: 'PUT', kind: 'forbidden' },
      ] as const) {
        simulator.clearFaults()
        simulator.fault(fault)
        expect(await opened()).toEqual(present)
      }
    })

    it('does not take a rule that differs for its own', async () => {
      const differing = [
        { source: '81.2.69.143' },
        { destinations: ['10.20.1.11'] },
        { ports: [{ number: 3390, protocol: 'tcp' }] },
        { ports: [{ number: 3389, protocol: 'udp' }] },
        { priority: 3005 },
        { description: 'jitney request another' },
      ] as const
      simulator.fault({ method: 'PUT', kind: 'server-error', after: 1 })
      for (const change of differing) {
        simulator.clearFaults()
        await firewall.open(ruleOf(change), never())
        simulator.fault({ method: 'PUT', kind: 'server-error' })
        expect(await opened()).toEqual(again(/InternalServerError/))
      }
    })

    it('does not take a rule that denies for its own', async () => {
      await opened()
      const { [rule.name]: written } = simulator.rules(group)
      if (!written) throw new Error('the rule is missing')
      simulator.fault({ method: 'PUT', kind: 'server-error' })
      for (const change of [{ access: 'Deny' }, { direction: 'Outbound' }]) {
        simulator.mutate({
          do: 'put-rule',
          nsg: group,
          name: rule.name,
          properties: { ...written, ...change },
        })
        expect(await opened()).toEqual(again(/InternalServerError/))
      }
    })

    it('whose answer is lost while Azure is still at it', async () => {
      simulator.fault({ kind: 'slow-operation', polls: 3 })
      simulator.fault({ method: 'PUT', kind: 'drop', when: 'after' })
      expect(await opened()).toEqual(present)
    })

    it('that fails over a rule that says the same', async () => {
      await opened()
      simulator.fault({ kind: 'operation-failed', code: 'InternalServerError' })
      expect(await opened()).toEqual(again(/InternalServerError/))
    })

    it('that fails late and is hard to ask after', async () => {
      simulator.fault({ kind: 'operation-canceled' })
      simulator.fault({ kind: 'server-error', path: '/operations/' })
      expect(await opened()).toEqual(again(/InternalServerError/))
    })

    it('whose reads fail for a moment', async () => {
      simulator.fault({ method: 'GET', kind: 'server-error', times: 2 })
      expect(await opened()).toEqual(present)
    })

    it('whose reads fail for long', async () => {
      simulator.fault({ method: 'GET', kind: 'server-error' })
      expect(await opened()).toEqual(again(/InternalServerError/))
    })

    it('whose reads are throttled', async () => {
      simulator.fault({ method: 'GET', kind: 'throttle', retryAfterSeconds: 5 })
      expect(await callsOf(opened)).toEqual(['PUT securityRules', 'GET securityRules'])
      expect(await opened()).toEqual(again(/Throttled/, 5000))
    })

    it('whose reads are forbidden', async () => {
      simulator.fault({ method: 'GET', kind: 'forbidden' })
      expect(await callsOf(opened)).toEqual(['PUT securityRules', 'GET securityRules'])
      expect(await opened()).toEqual(refused('AuthorizationFailed'))
    })

    it('that a read lock blocks', async () => {
      simulator.mutate({ do: 'lock', scope: nsgId, level: 'ReadOnly' })
      expect(await opened()).toEqual(refused('ScopeLocked', /locked/))
    })

    it('that never ends, until patience ends', async () => {
      simulator.fault({ kind: 'slow-operation', hold: true })
      const clock = readyClock()
      const impatient = connect(simulator, clock)
      expect(await impatient.open(rule, never())).toEqual(again(/took too long/))
      expect(clock.slept.slice(0, 6)).toEqual([250, 375, 562.5, 843.75, 1000, 1000])
      expect(clock.slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(6000)
    })

    it('whose signal aborts while Azure is at work', async () => {
      simulator.fault({ kind: 'slow-operation', hold: true })
      const abort = new AbortController()
      const clock = { ...readyClock(), sleep: () => Promise.resolve(abort.abort()) }
      expect(await connect(simulator, clock).open(rule, abort.signal)).toEqual(again(/took too long/))
    })

    it('whose signal aborts just after it was done', async () => {
      simulator.fault({ kind: 'slow-operation', hold: true })
      const abort = new AbortController()
      const sleep = () => {
        simulator.release()
        return Promise.resolve(abort.abort())
      }
      expect(await connect(simulator, { ...readyClock(), sleep }).open(rule, abort.signal)).toEqual(present)
    })
  })

  describe('a close', () => {
    const del = { method: 'DELETE', times: 1 } as const
    const cases: readonly (readonly [string, Fault, object, boolean])[] = [
      ['is slow', { kind: 'slow-operation', polls: 4 }, absent, false],
      [
        'is slow and asks for an hour',
        { kind: 'slow-operation', polls: 2, retryAfterSeconds: 3600 },
        absent,
        false,
      ],
      ['is busy, by 409', { ...del, kind: 'busy', status: 409 }, again(/AnotherOperationInProgress/), true],
      ['is busy, by 429', { ...del, kind: 'busy', status: 429 }, again(/RetryableError/), true],
      ['is throttled', { ...del, kind: 'throttle', retryAfterSeconds: 17 }, again(/Throttled/, 17_000), true],
      ['meets another version', { ...del, kind: 'precondition-failed' }, again(/PreconditionFailed/), true],
      ['meets a server error', { ...del, kind: 'server-error' }, again(/InternalServerError/), true],
      ['meets a server error that was none', { ...del, kind: 'server-error', when: 'after' }, absent, false],
      ['loses the connection before', { ...del, kind: 'drop' }, again(/ECONNRESET/), true],
      ['loses the connection after', { ...del, kind: 'drop', when: 'after' }, absent, false],
      ['gets no answer although it was done', { ...del, kind: 'black-hole', when: 'after' }, absent, false],
      ['may not delete', { ...del, kind: 'forbidden' }, refused('AuthorizationFailed'), true],
      [
        'has a token that ran out',
        { ...del, kind: 'expired-token' },
        again(/ExpiredAuthenticationToken/),
        true,
      ],
      [
        'fails late',
        { kind: 'operation-failed', code: 'InternalServerError' },
        again(/InternalServerError/),
        true,
      ],
      [
        'fails late although it was done',
        { kind: 'operation-failed', code: 'InternalServerError', effect: true },
        absent,
        false,
      ],
      ['is superseded', { kind: 'operation-canceled' }, again(/superseded/), true],
      ['cannot be asked after', { kind: 'lost-operation' }, absent, false],
      ['is read from a copy that lags behind', { kind: 'stale-reads', reads: 1 }, absent, false],
      [
        'is read from two copies, one of which lags behind',
        { kind: 'stale-reads', skip: 1, reads: 1 },
        absent,
        false,
      ],
    ]

    it.each(cases)('that %s', async (_what, fault, written, there) => {
      await opened()
      simulator.fault(fault)
      expect(await closed()).toEqual(written)
      expect(stands()).toBe(there)
    })

    it('whose answer is lost while Azure is still at it', async () => {
      await opened()
      simulator.fault({ kind: 'slow-operation', polls: 3 })
      simulator.fault({ method: 'DELETE', kind: 'drop', when: 'after' })
      expect(await closed()).toEqual(absent)
    })

    it('begins to count anew when a read sees the rule again', async () => {
      await opened()
      simulator.fault({ kind: 'stale-reads', skip: 1, reads: 1 })
      const reads = (await callsOf(closed)).filter((call) => call === 'GET securityRules')
      expect(reads).toHaveLength(4)
    })

    it('is not believed before two reads agree', async () => {
      await opened()
      simulator.fault({ kind: 'stale-reads', skip: 1, reads: 2 })
      expect(await closed()).toMatchObject({ kind: 'try again' })
    })

    it.each(['CanNotDelete', 'ReadOnly'] as const)('that a %s lock blocks', async (level) => {
      await opened()
      simulator.mutate({ do: 'lock', scope: nsgId, level })
      expect(await closed()).toEqual(refused('ScopeLocked', /locked/))
      expect(stands()).toBe(true)
    })

    it('that a lock blocks although somebody removed the rule by hand', async () => {
      await opened()
      simulator.mutate({ do: 'lock', scope: nsgId, level: 'CanNotDelete' })
      simulator.mutate({ do: 'delete-rule', nsg: group, name: rule.name })
      expect(await closed()).toEqual(absent)
    })

    it('is not believed while Azure may still be opening the rule for somebody else', async () => {
      simulator.fault({ method: 'DELETE', kind: 'busy', status: 429 })
      expect(await closed()).toEqual(again(/RetryableError/))
    })

    it('does not believe a 404 that Azure did not write', async () => {
      await opened()
      simulator.fault({ kind: 'server-error', status: 404, code: 'Nope' })
      expect(await closed()).toMatchObject({ kind: 'try again' })
      await expect(firewall.list(nsgId)).rejects.toMatchObject({ kind: 'try again' })
    })
  })

  describe('a list', () => {
    it.each([
      [
        { kind: 'throttle', retryAfterSeconds: 9 },
        { kind: 'try again', afterMs: 9000 },
      ],
      [{ kind: 'forbidden' }, { kind: 'permanent', code: 'AuthorizationFailed' }],
      [{ kind: 'server-error' }, { kind: 'try again', code: 'InternalServerError' }],
      [{ kind: 'black-hole' }, { kind: 'try again', code: 'timeout' }],
    ] satisfies [Fault, object][])('that meets %j', async (fault, expected) => {
      simulator.fault(fault)
      await expect(firewall.list(nsgId)).rejects.toMatchObject({ name: 'ArmFault', ...expected })
    })

    it('is read once more when the connection was stale', async () => {
      simulator.fault({ kind: 'drop', times: 1 })
      expect(await firewall.list(nsgId)).toHaveLength(1)
    })
  })

  it('looks a quarter of a second after a write, and never before', async () => {
    const clock = readyClock()
    const patient = connect(simulator, clock)
    await patient.open(rule, never())
    expect(clock.slept).toEqual([250])
    await patient.close(rule, never())
    expect(clock.slept).toEqual([250, 250, 375])
  })

  it('needs two calls to open and three to close, and one to list', async () => {
    expect(await callsOf(opened)).toEqual(['PUT securityRules', 'GET securityRules'])
    expect(await callsOf(closed)).toEqual(['DELETE securityRules', 'GET securityRules', 'GET securityRules'])
    expect(await callsOf(() => firewall.list(nsgId))).toEqual([`GET ${group}`])
  })

  it('writes single rules and nothing else', () => {
    const writes = simulator.calls().filter(({ method }) => method !== 'GET')
    expect(writes.length).toBeGreaterThan(50)
    for (const { path } of writes) expect(path).toMatch(/\/securityRules\/jit-[a-z0-9]+-\d+$/i)
  })
})
