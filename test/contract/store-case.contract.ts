import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import type { Store } from '../../src/ports.ts'
import type { Subject } from './store.contract.ts'
import {
  approval,
  auditEvent,
  avery,
  grantedCase,
  job,
  minute,
  noon,
  nsg,
  pendingCase,
  robin,
  withRules,
} from './store-cases.ts'

const save = (store: Store, ...cases: readonly Case[]) =>
  store.transact(async (tx) => {
    await tx.cases(cases.map((kase) => kase.request.id))
    await tx.save(cases, noon)
  })

const idsOf = (cases: Iterable<Case>) => [...cases].map((kase) => kase.request.id)

export function caseContract(subject: Subject): void {
  describe('cases', () => {
    test('a case comes back exactly as it was saved', async () => {
      const { store } = subject
      const cases = [
        pendingCase('r1', { reason: 'naïve “reason” 🚌 \\u0000 \\ud800', until: noon + 1 }),
        grantedCase('r2', { state: 'opening', nsgs: ['nic', 'subnet', 'aaa'] }),
        grantedCase('r3', { state: 'closed' }),
      ]
      await save(store, ...cases)
      for (const kase of cases) expect(await store.case(kase.request.id)).toEqual(kase)
      const found = await store.transact((tx) => tx.cases(['r3', 'r1', 'nobody', 'r2']))
      expect([...found.values()]).toEqual(cases)
      expect(await store.case('nobody')).toBeNull()
    })

    test('a text that PostgreSQL refuses inside JSON is mended, so that it stops nothing', async () => {
      const { store } = subject
      await save(store, pendingCase('r1', { reason: 'half an emoji \ud83d, a NUL \0, a backslash \\ud83d' }))
      expect((await store.case('r1'))?.request.reason).toBe(
        'half an emoji \ufffd, a NUL \ufffd, a backslash \\ud83d',
      )
    })

    test('instants keep their milliseconds, also in the columns that people read', async () => {
      const { store, database } = subject
      const expiresAt = noon + 29 * minute + 457
      await save(store, grantedCase('r1', { state: 'closed', expiresAt }))
      const row = await database.kysely
        .selectFrom('grants')
        .select(['expires_at', 'state'])
        .executeTakeFirstOrThrow()
      expect([row.expires_at.getTime(), row.state]).toEqual([expiresAt, 'closed'])
      const asked =
        await sql`select requester_user, vm_id, service, source_address, state from requests`.execute(
          database.kysely,
        )
      expect(asked.rows).toEqual([
        {
          requester_user: 'U0ROBIN',
          vm_id: '/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/vm-jump01',
          service: 'rdp',
          source_address: '81.2.69.142',
          state: 'approved',
        },
      ])
    })

    test('reviews keep their order, and one that is saved again stays one', async () => {
      const { store } = subject
      const first = pendingCase('r1', { reviews: [approval(avery, noon + 2)] })
      await save(store, first)
      const alex = { ...robin, userId: 'U0ALEX' }
      const second = pendingCase('r1', { reviews: [...first.request.reviews, approval(alex, noon + 1)] })
      await save(store, second)
      await save(store, second)
      expect(await store.case('r1')).toEqual(second)
    })

    test('a case that was not looked at under the lock is never overwritten', async () => {
      const { store } = subject
      await save(store, pendingCase('r1'))
      await expect(store.transact((tx) => tx.save([grantedCase('r1')], noon))).rejects.toMatchObject({
        code: '23505',
      })
      expect((await store.case('r1'))?.request.state).toBe('pending')
    })

    test('one transaction may save a new case twice', async () => {
      const { store } = subject
      await store.transact(async (tx) => {
        await tx.save([pendingCase('r1')], noon)
        await tx.save([grantedCase('r1')], noon)
      })
      expect((await store.case('r1'))?.grant?.state).toBe('opening')
    })

    test('changes that come at once all count, the grant and its rules included', async () => {
      const { store } = subject
      await save(store, grantedCase('r1'))
      const raise = () =>
        store.transact(async (tx) => {
          const found = (await tx.cases(['r1'])).get('r1')
          if (!found?.grant) throw new Error('the case is gone')
          const rules = found.grant.rules.map((rule) => ({ ...rule, priority: rule.priority + 1 }))
          const openedAt = (found.grant.openedAt ?? 0) + 1
          const request = { ...found.request, durationMs: found.request.durationMs + 1 }
          await tx.save([{ request, grant: { ...found.grant, rules, openedAt } }], noon)
        })
      await Promise.all(Array.from({ length: 20 }, raise))
      const last = await store.case('r1')
      expect(last?.request.durationMs).toBe(30 * minute + 20)
      expect(last?.grant?.openedAt).toBe(20)
      expect(last?.grant?.rules[0]?.priority).toBe(120)
    })

    test('transactions that want the same cases in different orders do not lock each other out', async () => {
      const { store } = subject
      const ids = Array.from({ length: 20 }, (_, index) => `r${index}`)
      await save(store, ...ids.map((id) => pendingCase(id)))
      const lock = (wanted: readonly string[]) =>
        store.transact(async (tx) => {
          const found = await tx.cases(wanted)
          await tx.save([...found.values()], noon)
        })
      await Promise.all(Array.from({ length: 10 }, (_, turn) => lock(turn % 2 ? ids : ids.toReversed())))
      expect(subject.logged).toEqual([])
    })

    test('the database itself refuses a yes to one’s own request', async () => {
      const { store } = subject
      const own = pendingCase('r1', { reviews: [approval(robin)] })
      await expect(save(store, own)).rejects.toMatchObject({ code: '23514' })
      const elsewhere = pendingCase('r1', { reviews: [approval({ ...robin, teamId: 'T2' })] })
      await expect(save(store, elsewhere)).rejects.toMatchObject({ code: '23514' })
      await save(store, pendingCase('r1', { reviews: [{ by: robin, verdict: 'deny', at: noon }] }))
    })

    test('the database itself keeps an expiry where it is, and a closed grant closed', async () => {
      const { store } = subject
      await save(store, grantedCase('r1', { state: 'open' }))
      const later = grantedCase('r1', { state: 'open', expiresAt: noon + 31 * minute })
      await expect(save(store, later)).rejects.toMatchObject({ code: '23514' })
      await save(store, grantedCase('r1', { state: 'closed' }))
      await expect(save(store, grantedCase('r1', { state: 'open' }))).rejects.toMatchObject({ code: '23514' })
    })

    test('a case that cannot be read is reported and keeps no other from being read', async () => {
      const { store, database } = subject
      await save(store, grantedCase('r1'), grantedCase('r2'), grantedCase('r3'))
      await sql`update requests set doc = doc - 'ports' where id = 'r2'`.execute(database.kysely)
      expect(idsOf(await store.grants(['opening']))).toEqual(['r1', 'r3'])
      expect(subject.logged).toEqual([expect.stringContaining('r2')])
      const locked = await store.transact((tx) => tx.cases(['r1', 'r2', 'r3']))
      expect(idsOf(locked.values())).toEqual(['r1', 'r3'])
      await expect(store.case('r2')).rejects.toThrow('ports')
    })

    test('grants are found by state, and counted', async () => {
      const { store } = subject
      expect(await store.health(noon, noon)).toMatchObject({
        states: {},
        earliestExpiry: null,
        overdue: 0,
        overdueSince: null,
      })
      await save(
        store,
        pendingCase('r0'),
        grantedCase('r1', { state: 'closed', expiresAt: noon + minute }),
        grantedCase('r2', { state: 'open', expiresAt: noon + 3 * minute }),
        grantedCase('r3', { state: 'closing', expiresAt: noon + 2 * minute }),
        grantedCase('r4', { state: 'open' }),
      )
      const found = await store.grants(['open', 'closing'])
      expect(found.map((kase) => kase.request.id)).toEqual(['r2', 'r3', 'r4'])
      expect(await store.health(noon + 3 * minute - 1, noon)).toMatchObject({
        states: { open: 2, closing: 1 },
        earliestExpiry: noon + 2 * minute,
        overdue: 1,
        overdueSince: noon + 2 * minute,
        stuck: 0,
        lateness: { count: 1 },
      })
    })

    test('two thousand grants close in one transaction', async () => {
      const { store } = subject
      const ids = Array.from({ length: 2000 }, (_, index) => `r${String(index).padStart(4, '0')}`)
      await store.transact(async (tx) => {
        await tx.save(
          ids.map((id) => grantedCase(id, { state: 'open', nsgs: ['subnet', 'nic'] })),
          noon,
        )
        await tx.putJobs(
          ids.map((id) => job(`expiry:${id}`)),
          noon,
        )
      })
      const claims = await store.jobs.claim('slack', 2000, minute, noon)
      const finished = await store.transact(async (tx) => {
        const found = await tx.cases(ids)
        const closed = [...found.values()].map((kase) => ({
          ...grantedCase(kase.request.id, { state: 'closed', rules: withRules(kase, 'absent') }),
          request: kase.request,
        }))
        await tx.save(closed, noon)
        await tx.audit(ids.map((id) => auditEvent(id)))
        return tx.finish(claims, noon)
      })
      expect(finished.size).toBe(2000)
      expect((await store.health(noon, noon - 1000 * minute)).states).toEqual({})
      expect((await store.case('r1999'))?.grant?.rules.map((rule) => rule.state)).toEqual([
        'absent',
        'absent',
      ])
    })
  })

  describe('rules that have work to do', () => {
    test('closing grants want their rules gone and come first; opening ones want what is missing', async () => {
      const { store } = subject
      const half = grantedCase('r1', { state: 'opening', nsgs: ['subnet', 'nic'] })
      const rules = half.grant?.rules.map((rule) =>
        rule.nsgId === nsg('nic') ? { ...rule, state: 'present' as const } : rule,
      )
      await save(
        store,
        grantedCase('r1', { state: 'opening', rules: rules ?? [] }),
        grantedCase('r2', { state: 'opening', expiresAt: noon + minute }),
        grantedCase('r3', { state: 'open' }),
        grantedCase('r4', { state: 'closing', expiresAt: noon + 2 * minute }),
        grantedCase('r5', { state: 'closing', expiresAt: noon + minute }),
        grantedCase('r6', { state: 'closed', rules: withRules(grantedCase('r6'), 'absent') }),
      )
      const work = await store.ruleWork(nsg('subnet'))
      expect(work.map((one) => [one.requestId, one.grantId, one.want])).toEqual([
        ['r5', 'gr5', 'absent'],
        ['r4', 'gr4', 'absent'],
        ['r2', 'gr2', 'present'],
        ['r1', 'gr1', 'present'],
      ])
      expect(work[0]).toMatchObject({ expiresAt: noon + minute, attempts: 0, nextTryAt: 0 })
      expect(await store.ruleWork(nsg('nic'))).toEqual([])
    })

    test('failed tries are counted, and what failed while opening does not delay the close', async () => {
      const { store } = subject
      await save(store, grantedCase('r1'))
      await store.postpone('gr1', nsg('subnet'), noon + minute, 'busy \0')
      await store.postpone('gr1', nsg('subnet'), noon + 2 * minute, 'busy')
      expect(await store.ruleWork(nsg('subnet'))).toMatchObject([
        { want: 'present', attempts: 2, nextTryAt: noon + 2 * minute },
      ])
      await save(store, grantedCase('r1', { state: 'closing' }))
      expect(await store.ruleWork(nsg('subnet'))).toMatchObject([
        { want: 'absent', attempts: 0, nextTryAt: 0 },
      ])
      await store.postpone('gr1', nsg('subnet'), noon + 3 * minute, 'busy')
      expect(await store.ruleWork(nsg('subnet'))).toMatchObject([
        { want: 'absent', attempts: 1, nextTryAt: noon + 3 * minute },
      ])
    })

    test('waiting is no try: it counts for nothing, and hides neither the tries nor what they met', async () => {
      const { store } = subject
      const trouble = async () => {
        const [{ attempts, lastError } = { attempts: null, lastError: null }] =
          await store.reconciling.troubles('gr1')
        return { attempts, lastError }
      }
      await save(store, grantedCase('r1', { state: 'closing' }))
      await store.postpone('gr1', nsg('subnet'), noon + minute, null)
      expect(await store.ruleWork(nsg('subnet'))).toMatchObject([{ attempts: 0, nextTryAt: noon + minute }])
      expect(await trouble()).toEqual({ attempts: 0, lastError: null })
      await store.postpone('gr1', nsg('subnet'), noon + minute, 'locked')
      await store.postpone('gr1', nsg('subnet'), noon + 3 * minute, null)
      expect(await store.ruleWork(nsg('subnet'))).toMatchObject([
        { attempts: 1, nextTryAt: noon + 3 * minute },
      ])
      expect(await trouble()).toEqual({ attempts: 1, lastError: 'locked' })
    })

    test('that a rule denies is known from the last try, and a wait takes nothing from it', async () => {
      const { store } = subject
      const deniesAt = async () => (await store.reconciling.troubles('gr1'))[0]?.deniesAt
      const postpone = (error: string | null, at?: number) =>
        store.postpone('gr1', nsg('subnet'), noon + minute, error, at)
      await save(store, grantedCase('r1', { state: 'closing' }))
      expect(await deniesAt()).toBeNull()
      await postpone('locked', noon + 7)
      expect(await deniesAt()).toBe(noon + 7)
      await postpone(null)
      expect(await deniesAt()).toBe(noon + 7)
      await postpone('locked', noon + 9)
      expect(await deniesAt()).toBe(noon + 9)
      await postpone('busy')
      expect(await deniesAt()).toBeNull()
    })

    test('what the opening met is told as nothing that the close met', async () => {
      const { store } = subject
      const trouble = async () => store.reconciling.troubles('gr1')
      await save(store, grantedCase('r1'))
      await store.postpone('gr1', nsg('subnet'), noon + minute, 'busy')
      await save(store, grantedCase('r1', { state: 'closing' }))
      expect(await trouble()).toMatchObject([{ attempts: 0, lastError: null }])
      await store.postpone('gr1', nsg('subnet'), noon + minute, null)
      expect(await trouble()).toMatchObject([{ attempts: 0, lastError: null }])
    })

    test('a new priority is tried at once', async () => {
      const { store } = subject
      const kase = grantedCase('r1')
      await save(store, kase)
      await store.postpone('gr1', nsg('subnet'), noon + minute, 'the priority is taken')
      const rules = (kase.grant?.rules ?? []).map((rule) => ({ ...rule, priority: 101 }))
      await save(store, grantedCase('r1', { state: 'opening', rules }))
      const [work] = await store.ruleWork(nsg('subnet'))
      expect(work).toMatchObject({ rule: { priority: 101 }, attempts: 0, nextTryAt: 0 })
    })
  })
}
