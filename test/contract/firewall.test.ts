import { describe, expect, it } from 'vitest'
import type { Fault } from '../../src/simulator/faults.ts'
import { firewallContract, group, never, nsgId, readyClock, ruleOf } from './firewall.contract.ts'
import { again, connect, misbehavingAzure, present, refused, rule } from './firewall-faults.ts'

firewallContract('the firewall of network security groups', connect)

describe('when Azure misbehaves', () => {
  const { azure, firewall, stands, opened, closed, callsOf } = misbehavingAzure()

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
      azure().fault(fault)
      expect(await opened()).toEqual(written)
      expect(stands()).toBe(there)
    })

    it('that fails late and cannot be asked after', async () => {
      azure().fault({ kind: 'operation-canceled' })
      azure().fault({ kind: 'lost-operation' })
      expect(await opened()).toEqual(again(/no longer knows/))
    })

    it('passes on a date as the time that it is away', async () => {
      azure().fault({ method: 'PUT', kind: 'throttle', retryAfterDate: 60 })
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
        azure().clearFaults()
        azure().fault(fault)
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
      azure().fault({ method: 'PUT', kind: 'server-error', after: 1 })
      for (const change of differing) {
        azure().clearFaults()
        await firewall().open(ruleOf(change), never())
        azure().fault({ method: 'PUT', kind: 'server-error' })
        expect(await opened()).toEqual(again(/InternalServerError/))
      }
    })

    it('does not take a rule that denies for its own', async () => {
      await opened()
      const { [rule.name]: written } = azure().rules(group)
      if (!written) throw new Error('the rule is missing')
      azure().fault({ method: 'PUT', kind: 'server-error' })
      for (const change of [{ access: 'Deny' }, { direction: 'Outbound' }]) {
        azure().mutate({
          do: 'put-rule',
          nsg: group,
          name: rule.name,
          properties: { ...written, ...change },
        })
        expect(await opened()).toEqual(again(/InternalServerError/))
      }
    })

    it('whose answer is lost while Azure is still at it', async () => {
      azure().fault({ kind: 'slow-operation', polls: 3 })
      azure().fault({ method: 'PUT', kind: 'drop', when: 'after' })
      expect(await opened()).toEqual(present)
    })

    it('that fails over a rule that says the same', async () => {
      await opened()
      azure().fault({ kind: 'operation-failed', code: 'InternalServerError' })
      expect(await opened()).toEqual(again(/InternalServerError/))
    })

    it('that fails late and is hard to ask after', async () => {
      azure().fault({ kind: 'operation-canceled' })
      azure().fault({ kind: 'server-error', path: '/operations/' })
      expect(await opened()).toEqual(again(/InternalServerError/))
    })

    it('whose reads fail for a moment', async () => {
      azure().fault({ method: 'GET', kind: 'server-error', times: 2 })
      expect(await opened()).toEqual(present)
    })

    it('whose reads fail for long', async () => {
      azure().fault({ method: 'GET', kind: 'server-error' })
      expect(await opened()).toEqual(again(/InternalServerError/))
    })

    it('whose reads are throttled', async () => {
      azure().fault({ method: 'GET', kind: 'throttle', retryAfterSeconds: 5 })
      expect(await callsOf(opened)).toEqual(['PUT securityRules', 'GET securityRules'])
      expect(await opened()).toEqual(again(/Throttled/, 5000))
    })

    it('whose reads are forbidden', async () => {
      azure().fault({ method: 'GET', kind: 'forbidden' })
      expect(await callsOf(opened)).toEqual(['PUT securityRules', 'GET securityRules'])
      expect(await opened()).toEqual(refused('AuthorizationFailed'))
    })

    it('that a read lock blocks', async () => {
      azure().mutate({ do: 'lock', scope: nsgId, level: 'ReadOnly' })
      expect(await opened()).toEqual(refused('ScopeLocked', /locked/))
    })

    it('that never ends, until patience ends', async () => {
      azure().fault({ kind: 'slow-operation', hold: true })
      const clock = readyClock()
      const impatient = connect(azure(), clock)
      expect(await impatient.open(rule, never())).toEqual(again(/took too long/))
      expect(clock.slept.slice(0, 6)).toEqual([250, 375, 562.5, 843.75, 1000, 1000])
      expect(clock.slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(6000)
    })

    it('whose signal aborts while Azure is at work', async () => {
      azure().fault({ kind: 'slow-operation', hold: true })
      const abort = new AbortController()
      const clock = { ...readyClock(), sleep: () => Promise.resolve(abort.abort()) }
      expect(await connect(azure(), clock).open(rule, abort.signal)).toEqual(again(/took too long/))
    })

    it('whose signal aborts just after it was done', async () => {
      azure().fault({ kind: 'slow-operation', hold: true })
      const abort = new AbortController()
      const sleep = () => {
        azure().release()
        return Promise.resolve(abort.abort())
      }
      expect(await connect(azure(), { ...readyClock(), sleep }).open(rule, abort.signal)).toEqual(present)
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
      azure().fault(fault)
      await expect(firewall().list(nsgId)).rejects.toMatchObject({ name: 'ArmFault', ...expected })
    })

    it('is read once more when the connection was stale', async () => {
      azure().fault({ kind: 'drop', times: 1 })
      expect(await firewall().list(nsgId)).toHaveLength(1)
    })
  })

  it('looks a quarter of a second after a write, and never before', async () => {
    const clock = readyClock()
    const patient = connect(azure(), clock)
    await patient.open(rule, never())
    expect(clock.slept).toEqual([250])
    await patient.close(rule, never())
    expect(clock.slept).toEqual([250, 250, 375])
  })

  it('needs two calls to open and three to close, and one to list', async () => {
    expect(await callsOf(opened)).toEqual(['PUT securityRules', 'GET securityRules'])
    expect(await callsOf(closed)).toEqual(['DELETE securityRules', 'GET securityRules', 'GET securityRules'])
    expect(await callsOf(() => firewall().list(nsgId))).toEqual([`GET ${group}`])
  })

  it('writes single rules and nothing else', () => {
    const writes = azure()
      .calls()
      .filter(({ method }) => method !== 'GET')
    expect(writes.length).toBeGreaterThan(50)
    for (const { path } of writes) expect(path).toMatch(/\/securityRules\/jit-[a-z0-9]+-\d+$/i)
  })
})
