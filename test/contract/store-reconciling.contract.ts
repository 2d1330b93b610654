import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Alarm } from '../../src/core/alarm.ts'
import type { Case } from '../../src/core/case.ts'
import type { Stray } from '../../src/ports.ts'
import { firstBroken } from '../../src/store/audit-chain.ts'
import type { Subject } from './store.contract.ts'
import { auditEvent, grantedCase, job, minute, noon, nsg, withRules } from './store-cases.ts'

const stray = (name: string, group = 'subnet', expiresAt = noon): Stray => ({
  nsgId: nsg(group),
  name,
  expiresAt,
})
const clocks = (detail: string): { key: string; alarm: Alarm } => ({
  key: 'clocks',
  alarm: { type: 'clocks', detail },
})
const nobodys = (type: 'not ours' | 'unknown rule', name: string): { key: string; alarm: Alarm } => ({
  key: `${type}:${name}`,
  alarm: { type, nsgId: nsg('subnet'), name },
})

const rulesOf = ({ grant }: Case) => grant?.rules ?? []
const asKnown = ({ grant }: Case) => ({
  requestId: grant?.requestId,
  grantId: grant?.id,
  grantState: grant?.state,
  openedAt: grant?.openedAt,
  expiresAt: grant?.expiresAt,
  closedAt: grant?.state === 'closed' ? grant.closedAt : null,
})
const elsewhere = (id: string, nsgId: string) =>
  grantedCase(id, {
    state: 'open',
    rules: rulesOf(grantedCase(id)).map((rule) => ({ ...rule, nsgId })),
  })

/** What the reconciler relies on when replicas meet, transactions fail, and rows are in every state. */
export function reconcilingContract(subject: Subject): void {
  const put = (...strays: readonly Stray[]) => subject.store.transact((tx) => tx.putStrays(strays, noon))
  const end = (group: string, name: string) => subject.store.transact((tx) => tx.endStray(nsg(group), name))
  const namesIn = async (group: string) =>
    (await subject.store.reconciling.strayWork(nsg(group))).map(({ name }) => name)
  const raise = (...alarms: readonly { key: string; alarm: Alarm }[]) =>
    subject.store.transact((tx) => tx.raiseAlarms(alarms, noon))
  const waiting = () => subject.store.reconciling.waitingAlarms()
  const save = (...cases: readonly Case[]) => subject.store.transact((tx) => tx.save(cases, noon))
  const known = (nsgIds: readonly string[], grantIds: readonly string[] = []) =>
    subject.store.reconciling.knownRules(nsgIds, grantIds)
  const grants = async (...given: Parameters<typeof known>) =>
    (await known(...given)).map(({ grantId }) => grantId).toSorted()
  const failing = async (work: Parameters<typeof subject.store.transact>[0]) => {
    const failed = subject.store.transact(async (tx) => {
      await work(tx)
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
  }

  describe('strays and those who look for them', () => {
    test('one name in two groups is two rules', async () => {
      expect(await put(stray('a'), stray('a', 'nic'))).toEqual([stray('a'), stray('a', 'nic')])
      expect(await end('nic', 'a')).toBe(true)
      expect(await namesIn('subnet')).toEqual(['a'])
      expect(await namesIn('nic')).toEqual([])
      expect(await end('nic', 'a')).toBe(false)
    })

    test('when several replicas find the same ones at once, each is new to exactly one', async () => {
      const names = ['a', 'b', 'c']
      const looks = Array.from({ length: 8 }, (_, turn) =>
        put(...(turn % 2 === 0 ? names : names.toReversed()).map((name) => stray(name))),
      )
      const fresh = (await Promise.all(looks)).flat().map(({ name }) => name)
      expect(fresh.toSorted()).toEqual(names)
      const ends = await Promise.all(Array.from({ length: 8 }, () => end('subnet', 'a')))
      expect(ends.filter(Boolean)).toHaveLength(1)
    })

    test('what a failed transaction found is found again', async () => {
      await failing((tx) => tx.putStrays([stray('a')], noon))
      expect(await put(stray('a'))).toEqual([stray('a')])
      await failing((tx) => tx.endStray(nsg('subnet'), 'a'))
      expect(await end('subnet', 'a')).toBe(true)
    })

    test('finding one again keeps its end and its tries', async () => {
      const { reconciling } = subject.store
      await put(stray('a'))
      await reconciling.postponeStray(stray('a'), noon, 'locked')
      await reconciling.postponeStray(stray('a'), noon + minute, 'still locked')
      await put(stray('a', 'subnet', noon + 99 * minute))
      expect(await reconciling.strayWork(nsg('subnet'))).toEqual([
        { ...stray('a'), foundAt: noon, attempts: 2, nextTryAt: noon + minute, lastError: 'still locked' },
      ])
    })

    test('the untried come by their ends, then those that were tried by their next try', async () => {
      const { reconciling } = subject.store
      await put(stray('d'), stray('c'), stray('b', 'subnet', noon + 2), stray('a', 'subnet', noon + 1))
      expect(await namesIn('subnet')).toEqual(['c', 'd', 'a', 'b'])
      await reconciling.postponeStray(stray('c'), noon + 2 * minute, 'locked')
      await reconciling.postponeStray(stray('d'), noon + minute, 'locked')
      expect(await namesIn('subnet')).toEqual(['a', 'b', 'd', 'c'])
      await reconciling.postponeStray(stray('d'), noon + 3 * minute, 'still locked')
      expect(await namesIn('subnet')).toEqual(['a', 'b', 'c', 'd'])
      await reconciling.postponeStray(stray('nobody knows it'), noon, 'gone')
      expect(await namesIn('subnet')).toEqual(['a', 'b', 'c', 'd'])
    })
  })

  test('a stray is overdue since it was found, when its end was before that', async () => {
    const { store } = subject
    await put(stray('a', 'subnet', noon - 60 * minute), stray('b', 'subnet', noon + 2 * minute))
    expect(await store.health(noon + minute, noon)).toMatchObject({ overdue: 1, overdueSince: noon })
    await end('subnet', 'a')
    expect(await store.health(noon + minute, noon)).toMatchObject({ overdue: 0, overdueSince: null })
    expect(await store.health(noon + 3 * minute, noon)).toMatchObject({
      overdue: 1,
      overdueSince: noon + 2 * minute,
    })
  })

  describe('alarms and those who raise them', () => {
    test('keep what they are about, whatever that is', async () => {
      const alarms = [clocks('6 s apart'), nobodys('not ours', 'ä "quoted"'), nobodys('unknown rule', 'a')]
      expect(await raise(...alarms)).toBe(3)
      expect(await waiting()).toEqual(
        alarms.map(({ alarm }) => ({ id: expect.any(String), alarm, tried: false })),
      )
    })

    test('are raised by one of several replicas, and not by a transaction that failed', async () => {
      await failing((tx) => tx.raiseAlarms([clocks('6 s apart')], noon))
      expect(await waiting()).toEqual([])
      const counts = await Promise.all(
        Array.from({ length: 8 }, (_, turn) => raise(clocks(`${turn} s apart`))),
      )
      expect(counts.reduce((sum, count) => sum + count)).toBe(1)
      expect(await waiting()).toHaveLength(1)
      expect(await raise()).toBe(0)
    })

    test('are not told any more when what they are about is over', async () => {
      await raise(clocks('6 s apart'), nobodys('not ours', 'a'))
      await subject.store.transact((tx) => tx.endAlarm('clocks'))
      expect((await waiting()).map(({ alarm }) => alarm)).toEqual([nobodys('not ours', 'a').alarm])
      expect(await raise(clocks('7 s apart'))).toBe(1)
      expect((await waiting()).at(-1)?.alarm).toEqual(clocks('7 s apart').alarm)
      await subject.store.transact((tx) => tx.endAlarm('never raised'))
      expect(await waiting()).toHaveLength(2)
    })

    test('are tried until Slack took them', async () => {
      const { reconciling } = subject.store
      await raise(clocks('6 s apart'))
      const tried = async () => (await waiting()).map((one) => one.tried)
      const id = (await waiting())[0]?.id ?? ''
      await reconciling.alarmTried(id, true)
      expect(await tried()).toEqual([true])
      await reconciling.alarmTried(id, false)
      expect(await tried()).toEqual([false])
      await reconciling.alarmSent(id, noon)
      expect(await tried()).toEqual([])
    })
  })

  describe('rules on record', () => {
    const opening = grantedCase('r1')
    const open = grantedCase('r2', { state: 'open', nsgs: ['subnet', 'nic'] })
    const halfClosed = grantedCase('r3', {
      state: 'closing',
      rules: (grantedCase('r3', { state: 'closing', nsgs: ['subnet', 'nic'] }).grant?.rules ?? []).map(
        (rule, index) => ({ ...rule, state: index === 0 ? 'absent' : 'present' }),
      ),
    })
    const closed = grantedCase('r4', { state: 'closed', rules: withRules(grantedCase('r4'), 'absent') })

    test('are whole, with the state and the times of their grants, in every state', async () => {
      await save(opening, open, halfClosed, closed)
      for (const kase of [opening, open, halfClosed, closed]) {
        const found = await known([], [kase.grant?.id ?? ''])
        expect(found.toSorted((a, b) => b.rule.nsgId.localeCompare(a.rule.nsgId))).toEqual(
          rulesOf(kase).map((rule) => ({ ...asKnown(kase), rule })),
        )
      }
    })

    test('in a group are those that may stand there, each once', async () => {
      await save(opening, open, halfClosed, closed)
      expect(await grants([nsg('subnet')])).toEqual(['gr1', 'gr2'])
      expect(await grants([nsg('nic')])).toEqual(['gr2', 'gr3'])
      expect(await grants([nsg('nic'), nsg('subnet')], ['gr2'])).toEqual(['gr1', 'gr2', 'gr2', 'gr3'])
      expect(await grants([nsg('other')], ['nobody'])).toEqual([])
      expect(await grants([])).toEqual([])
    })

    test('that cannot be read are reported, and hide no other', async () => {
      await save(opening, open)
      await sql`update rules set doc = doc - 'ports' where grant_id = 'gr1'`.execute(subject.database.kysely)
      expect((await known([nsg('subnet')])).map(({ grantId }) => grantId)).toEqual(['gr2'])
      expect(subject.logged).toEqual([expect.stringContaining('gr1')])
    })

    test('guard their group until they are gone, in their own subscription only', async () => {
      await save(
        halfClosed,
        closed,
        elsewhere('r5', '/subscriptions/s2/resourcegroups/g/a'),
        elsewhere('r6', '/subscriptions/a_b/resourcegroups/g/a'),
        elsewhere('r7', '/subscriptions/axb/resourcegroups/g/a'),
      )
      const { reconciling } = subject.store
      expect(await reconciling.guardedGroups('s')).toEqual([nsg('nic')])
      expect(await reconciling.guardedGroups('s2')).toEqual(['/subscriptions/s2/resourcegroups/g/a'])
      expect(await reconciling.guardedGroups('')).toEqual([])
      expect(await reconciling.guardedGroups('axb')).toEqual(['/subscriptions/axb/resourcegroups/g/a'])
    })

    test('keep a grant from closing only while they are not gone', async () => {
      await save(halfClosed, open)
      await subject.store.postpone('gr3', nsg('nic'), noon + minute, 'a')
      await subject.store.postpone('gr3', nsg('nic'), noon + minute, 'b')
      const name = rulesOf(halfClosed)[1]?.name
      expect(await subject.store.reconciling.troubles('gr3')).toEqual([
        { nsgId: nsg('nic'), name, attempts: 2, lastError: 'b', deniesAt: null },
      ])
      expect(await subject.store.reconciling.troubles('nobody')).toEqual([])
    })
  })

  test('the audit trail takes what belongs to no request, in the same chain', async () => {
    const found = {
      ...auditEvent('r1', { nsg: nsg('subnet'), rule: 'jit-x-1795426500', cameBack: false }),
      type: 'rule.stray' as const,
      requestId: null,
      actor: 'jitney' as const,
    }
    await subject.store.transact((tx) => tx.audit([auditEvent('r1'), found, auditEvent('r2')]))
    const records = await subject.store.auditAfter(0, 10)
    expect(records.map(({ requestId }) => requestId)).toEqual(['r1', null, 'r2'])
    expect(records[1]).toMatchObject(found)
    expect(firstBroken(records)).toBeNull()
  })

  test('surveys have a lane of their own, in which nothing else waits', async () => {
    const { store } = subject
    const survey = job('reconcile:s', { kind: 'reconcile', lane: 'surveys', subject: 's' })
    await store.transact((tx) =>
      tx.putJobs([survey, job('close', { kind: 'write rules', lane: 'closes' })], noon),
    )
    const claims = await store.jobs.claim('surveys', 10, minute, noon)
    expect(claims).toMatchObject([{ key: 'reconcile:s', kind: 'reconcile', subject: 's' }])
    expect(await store.jobs.claim('closes', 10, minute, noon)).toMatchObject([{ key: 'close' }])
  })
}
