import { describe, expect, test } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import type { Flush } from '../../src/core/flush.ts'
import type { RequestBase } from '../../src/core/request.ts'
import type { Subject } from './store.contract.ts'
import { avery, grantedCase, minute, noon, nsg, pendingCase, robin } from './store-cases.ts'

const lee = { ...avery, userId: 'U0LEE' }
const day = 24 * 60 * minute

const alex = { ...avery, userId: 'U0ALEX' }

type Fields = Partial<Pick<RequestBase, 'requester' | 'vm' | 'source' | 'requestedAt' | 'oversight'>>

const of = (kase: Case, fields: Fields): Case => ({ ...kase, request: { ...kase.request, ...fields } })

const opened = (id: string, by = robin, fields: Fields = {}) => {
  const kase = grantedCase(id, { state: 'open' })
  return of(kase, { requester: by, ...fields })
}

const flush = (name: string, answer: Flush['answer'] = null): Flush => ({
  nsgId: nsg(name),
  at: null,
  answer,
})

const ended = (id: string, reason: 'expired' | 'panic', by = robin) => {
  const kase = opened(id, by)
  const { grant } = kase
  if (!grant) throw new Error('no grant')
  return {
    ...kase,
    grant: {
      ...grant,
      state: 'closed' as const,
      reason,
      by: null,
      detail: null,
      closingSince: noon,
      closedAt: noon,
    },
  }
}

/** What approvers are told of, and what is left to do about open sessions. */
export function factsContract(subject: Subject): void {
  const save = (...cases: readonly Case[]) => subject.store.transact((tx) => tx.save(cases, noon))
  const asked = pendingCase('r9')
  const { vm, source } = asked.request
  const facts = () =>
    subject.store.ownFacts({
      requestId: 'r9',
      requester: robin,
      vmId: vm.id,
      address: source.address,
      since: noon - 30 * day,
      now: noon,
    })
  describe('what the records say about a request', () => {
    test('nothing about somebody who never had anything, and never the request itself', async () => {
      await save(asked)
      expect(await facts()).toEqual({
        at: noon,
        others: [],
        otherCount: 0,
        recent: { since: noon - 30 * day, opened: 0, ended: {}, denied: 0, unjustified: 0 },
        address: { mine: null, others: [] },
      })
    })

    test('who else may get in to the same VM now', async () => {
      await save(
        asked,
        opened('r1'),
        opened('r2', alex),
        opened('r3', lee, { vm: { ...vm, id: `${vm.id}2` } }),
        ended('r4', 'expired', lee),
        of(grantedCase('r5'), { requester: lee }),
      )
      expect(await facts()).toMatchObject({
        others: [{ requestId: 'r2', userId: 'U0ALEX', label: asked.request.label }],
        otherCount: 1,
      })
    })

    test('how what the requester had has ended, no longer back than was asked for', async () => {
      await save(
        asked,
        opened('r1'),
        ended('r2', 'expired'),
        ended('r3', 'expired'),
        ended('r4', 'panic'),
        ended('r5', 'expired', alex),
        of(ended('r6', 'expired'), { requestedAt: noon - 31 * day }),
        of(ended('r7', 'expired'), { oversight: { state: 'unjustified', by: avery, at: noon } }),
      )
      expect((await facts()).recent).toMatchObject({
        opened: 5,
        ended: { expired: 3, panic: 1 },
        unjustified: 1,
        denied: 0,
      })
    })

    test('whether the address is known, and whose else it was', async () => {
      await save(
        asked,
        opened('r1', robin, { requestedAt: noon - 40 * day }),
        ended('r2', 'expired', lee),
        opened('r3', alex, { source: { ...source, address: '192.0.2.1' } }),
      )
      expect((await facts()).address).toEqual({
        mine: noon + minute,
        others: [{ userId: 'U0LEE', at: noon + minute }],
      })
    })
  })

  test('groups in which open sessions are still to be cut', async () => {
    const wanting = (id: string, ...flushes: readonly Flush[]) => {
      const kase = ended(id, 'expired')
      return { ...kase, grant: { ...kase.grant, flushes } }
    }
    await save(
      wanting('r1', flush('a'), flush('b')),
      wanting('r2', flush('a', { kind: 'flushed' }), flush('c')),
      ended('r3', 'expired'),
    )
    expect(await subject.store.flushWork(nsg('a'))).toEqual([{ requestId: 'r1', nsgId: nsg('a') }])
    expect(await subject.store.flushWork(nsg('c'))).toEqual([{ requestId: 'r2', nsgId: nsg('c') }])
    expect(await subject.store.flushWork(nsg('d'))).toEqual([])
  })
}
