import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import type { VmEntry } from '../../src/core/inventory.ts'
import type { InventorySource } from '../../src/ports.ts'
import { vm } from '../support/cases.ts'
import { inventoryOn, keptInMemory } from '../support/inventory.ts'
import { TestClock } from '../support/test-clock.ts'

const entry = (name: string): VmEntry => ({
  vm: vm({ id: `/${name}`, name }),
  interfaces: [],
  power: null,
  jit: null,
})
const minute = 60_000

/** An Azure whose answers the test gives by hand. */
function azure(clock: TestClock) {
  const waiting: PromiseWithResolvers<readonly VmEntry[]>[] = []
  let reads = 0
  const source: InventorySource = {
    read: async (signal) => {
      reads += 1
      const readAt = clock.now()
      const answer = Promise.withResolvers<readonly VmEntry[]>()
      waiting.push(answer)
      signal?.addEventListener('abort', () => answer.reject(signal.reason))
      return { readAt, entries: await answer.promise }
    },
  }
  const next = async () => {
    for (;;) {
      const answer = waiting.shift()
      if (answer) return answer
      await turn()
    }
  }
  return {
    source,
    reads: () => reads,
    answers: async (...names: string[]) => (await next()).resolve(names.map(entry)),
    fails: async () => (await next()).reject(new Error('away')),
  }
}

describe('the inventory', () => {
  let clock: TestClock
  let cloud: ReturnType<typeof azure>
  let kept: ReturnType<typeof keptInMemory>
  const replica = (self: string) => inventoryOn(cloud.source, clock, { kept, self })
  beforeEach(() => {
    clock = new TestClock()
    cloud = azure(clock)
    kept = keptInMemory()
  })
  const readFirst = async () => {
    const first = replica('first')
    const opening = first.open()
    await cloud.answers('vm-1')
    await opening
    return first
  }

  test('opens with what is kept, however old, and asks Azure nothing', async () => {
    await readFirst()
    const at = clock.now()
    clock.to(at + 600 * minute)
    const second = replica('second')
    await second.open()
    expect([second.find('vm-1').length, second.readAt(), cloud.reads()]).toEqual([1, at, 1])
  })

  test('is read again once it is old, and no sooner', async () => {
    const first = await readFirst()
    clock.to(clock.now() + 4 * minute)
    await first.freshen(5 * minute)
    expect(cloud.reads()).toBe(1)
    clock.to(clock.now() + minute)
    const freshening = first.freshen(5 * minute)
    await cloud.answers('vm-2')
    await freshening
    expect([first.has('/vm-1'), first.has('/vm-2'), first.readAt()]).toEqual([false, true, clock.now()])
  })

  test('is read by one replica, and the others take what it kept', async () => {
    const [first, second] = [await readFirst(), replica('second')]
    await second.open()
    clock.to(clock.now() + 5 * minute)
    const both = [first.freshen(5 * minute), second.freshen(5 * minute)]
    await cloud.answers('vm-2')
    await Promise.all(both)
    expect(cloud.reads()).toBe(2)
    expect([first.has('/vm-2'), second.has('/vm-2')]).toEqual([true, true])
  })

  test('is read by another one when the one whose turn it is has died', async () => {
    const first = replica('first')
    await kept.claim('dead', clock.now() + 15_000, clock.now())
    const opening = first.open()
    for (let times = 0; times < 20; times += 1) await turn()
    expect(cloud.reads()).toBe(0)
    clock.to(clock.now() + 15_000)
    await cloud.answers('vm-1')
    await opening
    expect(first.has('/vm-1')).toBe(true)
  })

  test('keeps the turn for as long as it reads', async () => {
    const first = replica('first')
    const opening = first.open()
    for (let passed = 0; passed < 20; passed += 1) {
      for (let times = 0; times < 5; times += 1) await turn()
      clock.to(clock.now() + 6_000)
    }
    for (let times = 0; times < 5; times += 1) await turn()
    expect(await kept.claim('other', clock.now() + 1, clock.now())).toBe(false)
    await cloud.answers('vm-1')
    await opening
    expect(await kept.claim('other', clock.now() + 1, clock.now())).toBe(true)
  })

  test('that cannot be read stays as it was, and the turn is given back', async () => {
    const first = await readFirst()
    const refreshing = first.refresh()
    const failed = expect(refreshing).rejects.toThrow('away')
    await cloud.fails()
    await failed
    expect(first.has('/vm-1')).toBe(true)
    expect(await kept.claim('other', clock.now() + 1, clock.now())).toBe(true)
  })

  test('is read once for all who ask at the same moment, and for the others when one gives up', async () => {
    const first = await readFirst()
    const patience = new AbortController()
    const impatient = expect(first.refresh(patience.signal)).rejects.toThrow('enough')
    const patient = first.refresh()
    patience.abort(new Error('enough'))
    await impatient
    await cloud.answers('vm-2')
    await patient
    expect([cloud.reads(), first.has('/vm-2')]).toEqual([2, true])
  })

  test('is shown even when it cannot be kept', async () => {
    kept = { ...kept, keep: () => Promise.reject(new Error('the database is away')) }
    const first = await readFirst()
    expect(first.has('/vm-1')).toBe(true)
  })

  test('ends a reading at a stop', async () => {
    const first = replica('first')
    const opening = first.open()
    const ended = expect(opening).rejects.toThrow()
    for (let times = 0; times < 20; times += 1) await turn()
    first.stop()
    await ended
    expect(await kept.claim('other', clock.now() + 1, clock.now())).toBe(true)
  })
})
