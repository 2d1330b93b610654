import { describe, expect, it } from 'vitest'
import type { Fault } from '../../src/simulator/faults.ts'
import { group, never, nsgId, ruleOf } from './firewall.contract.ts'
import { absent, again, misbehavingAzure, refused, rule } from './firewall-faults.ts'

describe('a close, when Azure misbehaves', () => {
  const { azure, firewall, stands, opened, closed, callsOf } = misbehavingAzure()
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
    azure().fault(fault)
    expect(await closed()).toEqual(written)
    expect(stands()).toBe(there)
  })

  it('whose answer is lost while Azure is still at it', async () => {
    await opened()
    azure().fault({ kind: 'slow-operation', polls: 3 })
    azure().fault({ method: 'DELETE', kind: 'drop', when: 'after' })
    expect(await closed()).toEqual(absent)
  })

  it('begins to count anew when a read sees the rule again', async () => {
    await opened()
    azure().fault({ kind: 'stale-reads', skip: 1, reads: 1 })
    const reads = (await callsOf(closed)).filter((call) => call === 'GET securityRules')
    expect(reads).toHaveLength(4)
  })

  it('is not believed before two reads agree', async () => {
    await opened()
    azure().fault({ kind: 'stale-reads', skip: 1, reads: 2 })
    expect(await closed()).toMatchObject({ kind: 'try again' })
  })

  it.each(['CanNotDelete', 'ReadOnly'] as const)('that a %s lock blocks', async (level) => {
    await opened()
    azure().mutate({ do: 'lock', scope: nsgId, level })
    expect(await closed()).toEqual(refused('ScopeLocked', /locked/))
    expect(stands()).toBe(true)
  })

  it('that a lock blocks although somebody removed the rule by hand', async () => {
    await opened()
    azure().mutate({ do: 'lock', scope: nsgId, level: 'CanNotDelete' })
    azure().mutate({ do: 'delete-rule', nsg: group, name: rule.name })
    expect(await closed()).toEqual(absent)
  })

  it('is not believed while Azure may still be opening the rule for somebody else', async () => {
    azure().fault({ method: 'DELETE', kind: 'busy', status: 429 })
    expect(await closed()).toEqual(again(/RetryableError/))
  })

  it('does not believe a 404 that Azure did not write', async () => {
    await opened()
    azure().fault({ kind: 'server-error', status: 404, code: 'Nope' })
    expect(await closed()).toMatchObject({ kind: 'try again' })
    await expect(firewall().list(nsgId)).rejects.toMatchObject({ kind: 'try again' })
  })

  it('that waits for its turn sends nothing, and is known for it', async () => {
    await opened()
    const other = ruleOf({ name: 'jit-01kb3x9y8z-1795447000', priority: 3001 })
    azure().fault({ method: 'DELETE', kind: 'throttle', retryAfterSeconds: 17, times: 1 })
    expect(await closed()).toEqual(again(/Throttled/, 17_000))
    const calls = await callsOf(async () => {
      expect(await firewall().close(other, never())).toEqual({
        ...again(/waits for its turn/, expect.any(Number)),
        unsent: true,
      })
    })
    expect(calls).toEqual([])
  })
})
