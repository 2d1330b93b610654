import { describe, expect, test } from 'vitest'
import type { Alarm } from '../../src/core/alarm.ts'
import type { Subject } from './store.contract.ts'
import { grantedCase, minute, noon, nsg, withRules } from './store-cases.ts'

const stray = (name: string, expiresAt = noon) => ({ nsgId: nsg('subnet'), name, expiresAt })

const alarm = (name: string): { key: string; alarm: Alarm } => ({
  key: `unknown:${name}`,
  alarm: { type: 'unknown rule', nsgId: nsg('subnet'), name },
})

const names = (found: readonly { grantId: string; rule: { nsgId: string } }[]) =>
  found.map((one) => `${one.grantId} ${one.rule.nsgId.split('/').at(-1)}`).toSorted()

export function reconcileContract(subject: Subject): void {
  const put = (...wanted: readonly string[]) =>
    subject.store.transact((tx) =>
      tx.putStrays(
        wanted.map((name) => stray(name)),
        noon,
      ),
    )
  const raise = (...wanted: readonly string[]) =>
    subject.store.transact((tx) => tx.raiseAlarms(wanted.map(alarm), noon))
  const waiting = async () => (await subject.store.reconciling.waitingAlarms()).map(({ alarm: one }) => one)

  describe('strays', () => {
    test('are new once, and again after they were removed', async () => {
      const { store } = subject
      expect(await put('a', 'b')).toEqual([stray('a'), stray('b')])
      expect(await put('b', 'c')).toEqual([stray('c')])
      const end = (name: string) => store.transact((tx) => tx.endStray(nsg('subnet'), name))
      expect(await end('a')).toBe(true)
      expect(await end('a')).toBe(false)
      expect(await put('a')).toEqual([stray('a')])
      expect(await put()).toEqual([])
    })

    test('come untried ones first, and failed tries are counted', async () => {
      const { store } = subject
      const { reconciling } = store
      await store.transact((tx) => tx.putStrays([stray('late', noon + 1), stray('soon')], noon))
      await reconciling.postponeStray(stray('soon'), noon + minute, 'locked \0')
      expect(await reconciling.strayWork(nsg('subnet'))).toEqual([
        { ...stray('late', noon + 1), foundAt: noon, attempts: 0, nextTryAt: 0, lastError: null },
        {
          ...stray('soon'),
          foundAt: noon,
          attempts: 1,
          nextTryAt: noon + minute,
          lastError: 'locked ',
        },
      ])
      expect(await reconciling.strayWork(nsg('other'))).toEqual([])
    })

    test('that wait for their turn are not tried by it', async () => {
      const { reconciling } = subject.store
      const work = async () => (await reconciling.strayWork(nsg('subnet')))[0]
      await put('a')
      await reconciling.postponeStray(stray('a'), noon + minute, null)
      expect(await work()).toMatchObject({ attempts: 0, nextTryAt: noon + minute, lastError: null })
      await reconciling.postponeStray(stray('a'), noon + 2 * minute, 'locked')
      await reconciling.postponeStray(stray('a'), noon + 3 * minute, null)
      expect(await work()).toMatchObject({ attempts: 1, nextTryAt: noon + 3 * minute, lastError: 'locked' })
    })

    test('that cannot be removed keep none of the others from being seen', async () => {
      const { store } = subject
      const stuck = Array.from({ length: 250 }, (_, index) => stray(`s${index}`))
      await store.transact((tx) => tx.putStrays([...stuck, stray('last', noon + minute)], noon))
      for (const one of stuck) await store.reconciling.postponeStray(one, noon + minute, 'locked')
      const work = await subject.store.reconciling.strayWork(nsg('subnet'))
      expect(work.filter((one) => one.nextTryAt === 0).map((one) => one.name)).toEqual(['last'])
    })
  })

  describe('alarms', () => {
    test('are raised once, in order, until they are sent and what they are about is over', async () => {
      const { store } = subject
      expect(await raise('a', 'b')).toBe(2)
      expect(await raise('b', 'c')).toBe(1)
      expect(await waiting()).toEqual(['a', 'b', 'c'].map((name) => alarm(name).alarm))
      const [first] = await store.reconciling.waitingAlarms()
      await store.reconciling.alarmTried(first?.id ?? '', true)
      expect((await store.reconciling.waitingAlarms())[0]).toMatchObject({ id: first?.id, tried: true })
      await store.reconciling.alarmSent(first?.id ?? '', noon)
      expect(await waiting()).toHaveLength(2)
      expect(await raise('a')).toBe(0)
      await store.transact((tx) => tx.endAlarm(alarm('a').key))
      expect(await raise('a')).toBe(1)
    })
  })

  describe('what the reconciler compares with', () => {
    test('are the rules of unfinished grants in a group, and every rule of the grants it names', async () => {
      const { store } = subject
      await store.transact((tx) =>
        tx.save(
          [
            grantedCase('r1', { state: 'open', nsgs: ['subnet', 'nic'] }),
            grantedCase('r2', { state: 'closed', rules: withRules(grantedCase('r2'), 'absent') }),
            grantedCase('r3', { state: 'closing', rules: withRules(grantedCase('r3'), 'absent') }),
          ],
          noon,
        ),
      )
      expect(names(await store.reconciling.knownRules([nsg('subnet')], []))).toEqual(['gr1 subnet'])
      expect(names(await store.reconciling.knownRules([], ['gr1', 'gr2']))).toEqual([
        'gr1 nic',
        'gr1 subnet',
        'gr2 subnet',
      ])
      expect(await store.reconciling.knownRules([nsg('nic')], [])).toMatchObject([
        { requestId: 'r1', grantState: 'open', expiresAt: noon + 30 * minute, closedAt: null },
      ])
    })

    test('are the groups of one subscription in which something may stand', async () => {
      const { store } = subject
      await store.transact((tx) =>
        tx.save(
          [
            grantedCase('r1', { state: 'open', nsgs: ['subnet', 'nic'] }),
            grantedCase('r2', { state: 'open', nsgs: ['nic'] }),
            grantedCase('r3', {
              state: 'closed',
              rules: withRules(grantedCase('r3', { state: 'open', nsgs: ['old'] }), 'absent'),
            }),
          ],
          noon,
        ),
      )
      expect(await store.reconciling.guardedGroups('s')).toEqual([nsg('nic'), nsg('subnet')])
      expect(await store.reconciling.guardedGroups('%')).toEqual([])
      expect(await store.reconciling.guardedGroups('_')).toEqual([])
    })

    test('are the VMs of one subscription that somebody may be let into, each with its requests', async () => {
      const { store } = subject
      await store.transact((tx) =>
        tx.save(
          [
            grantedCase('r2', { state: 'open' }),
            grantedCase('r1'),
            grantedCase('r3', { state: 'closing' }),
            grantedCase('r4', { state: 'closed', rules: withRules(grantedCase('r4'), 'absent') }),
          ],
          noon,
        ),
      )
      const vmId = grantedCase('r1').request.vm.id
      expect(await store.reconciling.wantedVms('s')).toEqual([{ vmId, requestIds: ['r1', 'r2'] }])
      expect(await store.reconciling.wantedVms('%')).toEqual([])
      expect(await store.reconciling.wantedVms('other')).toEqual([])
    })

    test('says what keeps a grant from closing', async () => {
      const { store } = subject
      await store.transact((tx) =>
        tx.save([grantedCase('r1', { state: 'closing', nsgs: ['subnet', 'nic'] })], noon),
      )
      await store.postpone('gr1', nsg('nic'), noon + minute, 'there is a lock')
      expect(await store.reconciling.troubles('gr1')).toMatchObject([
        { nsgId: nsg('subnet'), attempts: 0, lastError: null },
        { nsgId: nsg('nic'), attempts: 1, lastError: 'there is a lock' },
      ])
    })
  })
}
