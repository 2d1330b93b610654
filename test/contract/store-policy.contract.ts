import { describe, expect, test } from 'vitest'
import { recordPolicy, refusePolicy } from '../../src/engine/policy-versions.ts'
import { policy } from '../support/cases.ts'
import { rule } from '../support/policies.ts'
import type { Subject } from './store.contract.ts'
import { noon } from './store-cases.ts'

const version = (hash: string) => ({ ...policy([rule('a'), rule('b')]), hash })
const problems = (count: number) => Array.from({ length: count }, (_, at) => `policy.yml:${at + 1}:1: wrong`)

export function policyContract(subject: Subject): void {
  const enforce = (hash: string, text = `text of ${hash}`) =>
    subject.store.transact((tx) => tx.enforcePolicy({ hash, text }, noon))
  const waiting = async () => (await subject.store.reconciling.waitingAlarms()).map(({ alarm }) => alarm)
  const loaded = async () =>
    (await subject.store.auditAfter(0, 100)).map(({ type, details }) => [
      type,
      details['policy'],
      details['previous'],
    ])

  describe('versions of the policy', () => {
    test('are kept with their whole text, and each says which one it follows', async () => {
      expect(await enforce('h1', `${'ä'.repeat(100_000)}\n`)).toEqual({ changed: true, previous: null })
      expect(await enforce('h2')).toEqual({ changed: true, previous: 'h1' })
      expect(await subject.store.policyText('h1')).toBe(`${'ä'.repeat(100_000)}\n`)
      expect(await subject.store.policyText('h2')).toBe('text of h2')
      expect(await subject.store.policyText('h3')).toBeNull()
    })

    test('that are in force already change nothing', async () => {
      await enforce('h1')
      expect(await enforce('h1')).toEqual({ changed: false, previous: 'h1' })
    })

    test('may come back, and keep the text that they had', async () => {
      await enforce('h1')
      await enforce('h2')
      expect(await enforce('h1', 'another text')).toEqual({ changed: true, previous: 'h2' })
      expect(await subject.store.policyText('h1')).toBe('text of h1')
    })

    test('are not kept by a transaction that failed', async () => {
      await enforce('h1')
      const failing = subject.store.transact(async (tx) => {
        await tx.enforcePolicy({ hash: 'h2', text: 'x' }, noon)
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      expect(await subject.store.policyText('h2')).toBeNull()
      expect(await enforce('h3')).toEqual({ changed: true, previous: 'h1' })
    })

    test('that several replicas load at once come into force once, with one event', async () => {
      const all = Array.from({ length: 6 }, () => recordPolicy(subject.store, version('h1'), 'text', noon))
      await Promise.all(all)
      expect(await loaded()).toEqual([['policy.loaded', 'h1', null]])
    })

    test('are on record one after the other, each time that another one comes into force', async () => {
      for (const hash of ['h1', 'h1', 'h2', 'h1'])
        await recordPolicy(subject.store, version(hash), 'text', noon)
      expect(await loaded()).toEqual([
        ['policy.loaded', 'h1', null],
        ['policy.loaded', 'h2', 'h1'],
        ['policy.loaded', 'h1', 'h2'],
      ])
      expect((await subject.store.auditAfter(0, 1))[0]).toMatchObject({
        requestId: null,
        actor: 'jitney',
        details: { rules: 2, refusals: 0 },
      })
    })
  })

  describe('a policy that is refused', () => {
    test('is told once for each different text, with the first of its problems', async () => {
      await refusePolicy(subject.store, 'b1', problems(1), noon)
      await refusePolicy(subject.store, 'b1', problems(1), noon)
      await refusePolicy(subject.store, 'b2', problems(7), noon)
      expect(await waiting()).toEqual([
        { type: 'bad policy', problems: problems(1), more: 0 },
        { type: 'bad policy', problems: problems(5), more: 2 },
      ])
    })

    test('is over with the next good one, and may be told again after it', async () => {
      await refusePolicy(subject.store, 'b1', problems(1), noon)
      await recordPolicy(subject.store, version('h1'), 'text', noon)
      expect(await waiting()).toEqual([])
      await refusePolicy(subject.store, 'b1', problems(1), noon)
      expect(await waiting()).toHaveLength(1)
    })

    test('leaves other alarms alone', async () => {
      const other = { key: 'polic', alarm: { type: 'clocks', detail: 'x' } } as const
      await subject.store.transact((tx) => tx.raiseAlarms([other], noon))
      await recordPolicy(subject.store, version('h1'), 'text', noon)
      expect(await waiting()).toEqual([other.alarm])
    })
  })
}
