import { describe, expect, test } from 'vitest'
import { sweep } from '../../src/engine/sweep.ts'
import type { Firewall, Survey, Written } from '../../src/ports.ts'
import { clock, live, rule } from '../support/cases.ts'

const start = clock('10:00')
const notNow = (afterMs: number | null): Written => ({
  kind: 'try again',
  why: 'it waits for its turn',
  afterMs,
  unsent: true,
})
const gone: Written = { kind: 'absent' }

/** One look at groups with one overdue rule each; `answers` are what Azure says to one close after the other. */
async function look(answers: (calls: number) => Written, nsgIds: readonly string[] = ['A']) {
  let now = start
  let calls = 0
  const slept: number[] = []
  const said: string[] = []
  const survey: Survey = {
    subscriptions: async () => ['s1'],
    groups: async () => nsgIds.map((nsgId) => ({ nsgId, rules: [live(rule(nsgId))] })),
    hasVm: async () => true,
  }
  const firewall: Firewall = {
    list: async () => [],
    read: async () => null,
    open: async () => ({ kind: 'present' }),
    block: async () => ({ kind: 'present' }),
    close: async () => {
      calls += 1
      if (calls > 100) throw new Error('it never gives up')
      return answers(calls)
    },
  }
  const sleep = async (ms: number) => {
    slept.push(ms)
    now += ms
  }
  await sweep({ survey, firewall, now: () => now, sleep, dryRun: false }, (swept) =>
    said.push('nsgId' in swept ? `${swept.kind} ${swept.nsgId}` : swept.kind),
  )
  return { slept, said, calls, took: now - start }
}

describe('a rule whose turn has not come', () => {
  test('is closed in the same look, at the moment that it was told to come back', async () => {
    const { slept, said } = await look((calls) => (calls < 3 ? notNow(4_000) : gone))
    expect(slept).toEqual([4_000, 4_000])
    expect(said).toEqual(['closed A'])
  })

  test('is left for the next look when its turn comes after the end of this one', async () => {
    expect(await look(() => notNow(50_000))).toMatchObject({ slept: [], said: ['left A'], calls: 1 })
    expect(await look(() => notNow(49_999))).toMatchObject({ slept: [49_999], said: ['left A'], calls: 2 })
  })

  test('keeps no look from ending, however often Azure puts it off', async () => {
    const { said, took } = await look(() => notNow(3_000))
    expect(said).toEqual(['left A'])
    expect(took).toBeLessThan(50_000)
  })

  test('is not asked about again without any pause', async () => {
    const { slept, said } = await look((calls) => (calls < 2 ? notNow(0) : gone))
    expect(slept).toEqual([100])
    expect(said).toEqual(['closed A'])
  })

  test('holds up no rule of another group', async () => {
    const { said } = await look((calls) => (calls === 1 ? notNow(60_000) : gone), ['A', 'B'])
    expect(said.toSorted()).toEqual(['closed B', 'left A'])
  })
})

describe('a rule that Azure does not remove for another reason', () => {
  test.each<[string, Written]>([
    ['a fault without a time to come back at', notNow(null)],
    ['a refusal', { kind: 'refused', code: 'AuthorizationFailed', why: 'no' }],
  ])('is left at once: %s', async (_, written) => {
    expect(await look(() => written)).toMatchObject({ slept: [], said: ['left A'], calls: 1 })
  })
})
