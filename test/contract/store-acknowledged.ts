import { expect } from 'vitest'
import type { Store } from '../../src/ports.ts'
import { firstBroken } from '../../src/store/audit-chain.ts'
import { minute, noon } from './store-cases.ts'

/** Everything that a killed writer had said is there, and nothing is there by halves. */
export async function expectAcknowledged(store: Store, lines: readonly string[]): Promise<void> {
  const said = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1))
  const cases = await store.grants(['opening', 'open', 'closing', 'closed'])
  const states = new Map(cases.map((kase) => [kase.request.id, kase.grant?.state]))
  const closed = cases.filter((kase) => kase.grant?.state === 'closed').map((kase) => kase.request.id)
  expect([...states.keys()]).toEqual(expect.arrayContaining(said('open')))
  expect(closed).toEqual(expect.arrayContaining(said('closed')))
  for (const key of said('intake')) {
    expect(await store.receive({ key, receivedAt: noon, gesture })).toBe(false)
  }
  // What the killed process held may be taken again after its lease at the latest.
  const timers = await store.jobs.claim('timers', 10_000, minute, noon + minute)
  const open = [...states.keys()].filter((id) => states.get(id) === 'open')
  expect(timers.map((timer) => timer.subject).toSorted()).toEqual(open.toSorted())
  const records = await store.auditAfter(0, 100_000)
  expect(firstBroken(records)).toBeNull()
  expect(records).toHaveLength(cases.length + closed.length)
}

const gesture = {
  kind: 'ask',
  person: { enterpriseId: null, teamId: 'T', userId: 'U' },
  text: '',
  responseUrl: '',
} as const
