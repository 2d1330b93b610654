import { describe, expect, test } from 'vitest'
import { ArmFault } from '../../src/azure/faults.ts'
import { Pace } from '../../src/azure/pace.ts'
import type { Clock } from '../../src/ports.ts'

/** Time passes only while somebody sleeps. */
class SleptClock implements Clock {
  #now = 1_000_000

  now = () => this.#now
  sleep = async (ms: number) => {
    this.#now += ms
  }
}

const full = (codes: readonly string[] = ['SubscriptionRequestsThrottled'], afterMs = 3_000) =>
  new ArmFault(codes[0] ?? '', 'too many', {
    kind: 'try again',
    cause: null,
    answer: { status: 429, codes, message: '', afterMs, operationUrl: null, requestId: null },
  })

const { signal } = new AbortController()

function paced() {
  const clock = new SleptClock()
  const pace = new Pace(clock)
  const sent: string[] = []
  const remove = (key: string, answer: () => void = () => {}, subscription = 's') =>
    pace
      .remove(subscription, key, signal, async () => {
        sent.push(key)
        answer()
        return null
      })
      .catch((error: unknown) => (error instanceof ArmFault ? error.afterMs : error))
  return { clock, pace, sent, remove }
}

const refuse = (codes?: readonly string[]) => () => {
  throw full(codes)
}

describe('calls that Azure has no room for', () => {
  test('each delete that was refused gets a turn of its own', async () => {
    const { remove } = paced()
    const told = [await remove('a', refuse()), await remove('b'), await remove('c')]
    expect(told).toEqual([3_000, 3_100, 3_200])
  })

  test('whoever comes too early keeps the turn, sends nothing, and passes nobody', async () => {
    const { clock, remove, sent } = paced()
    await remove('a', refuse())
    await remove('b')
    await clock.sleep(500)
    expect([await remove('b'), await remove('c')]).toEqual([2_600, 2_700])
    await clock.sleep(2_600)
    await remove('b')
    expect(sent).toEqual(['a', 'b'])
  })

  test('a clock that is set back, as that of a machine may be, does not keep anybody waiting for as long', async () => {
    const { clock, remove, sent } = paced()
    await remove('a', refuse())
    await clock.sleep(-3_600_000)
    expect(await remove('b')).toBeNull()
    expect(sent).toEqual(['a', 'b'])
  })

  test('another subscription has room', async () => {
    const { remove, sent } = paced()
    await remove('a', refuse())
    expect(await remove('b', () => {}, 'other')).toBeNull()
    expect(sent).toEqual(['a', 'b'])
  })

  test('a group that is busy holds nobody else up', async () => {
    const { remove, sent } = paced()
    await remove('a', refuse(['RetryableErrorDueToAnotherOperation']))
    await remove('b')
    expect(sent).toEqual(['a', 'b'])
  })

  test('when nobody has asked for a while, calls go at once', async () => {
    const { clock, remove, sent } = paced()
    await remove('a', refuse())
    await clock.sleep(10_000)
    const before = clock.now()
    await Promise.all(['b', 'c', 'd'].map((key) => remove(key)))
    expect(clock.now()).toBe(before)
    expect(sent).toEqual(['a', 'b', 'c', 'd'])
  })

  test('a read waits for its turn and is sent again, and no more than a few times', async () => {
    const { clock, pace } = paced()
    const begun = clock.now()
    let tries = 0
    const read = (times: number) =>
      pace.read('s', signal, async () => {
        tries += 1
        if (tries <= times) throw full(undefined, 1_000)
        return 'there'
      })
    expect(await read(1)).toBe('there')
    expect(clock.now() - begun).toBe(1_000)
    tries = 0
    await expect(read(9)).rejects.toThrow('too many')
    expect(tries).toBe(4)
  })
})

const asks = async ({ pace, clock }: ReturnType<typeof paced>, many: number, subscription = 's') => {
  const at: number[] = []
  const begun = clock.now()
  for (let one = 0; one < many; one += 1)
    await pace.ask(subscription, signal, async () => at.push(clock.now() - begun))
  return at
}

describe('questions that nobody waits for', () => {
  test('a few go at once, and more of them four a second, in each subscription by itself', async () => {
    const scene = paced()
    const at = await asks(scene, 30)
    expect(at.slice(0, 21)).toEqual(Array.from({ length: 21 }, () => 0))
    expect(at.slice(21)).toEqual([250, 500, 750, 1_000, 1_250, 1_500, 1_750, 2_000, 2_250])
    expect(await asks(scene, 1, 'another')).toEqual([0])
  })

  test('after “too many” the next one waits as long as Azure wants, and a delete does not', async () => {
    const scene = paced()
    const { pace, clock, remove } = scene
    await expect(
      pace.ask('s', signal, async () => {
        throw full()
      }),
    ).rejects.toBeInstanceOf(ArmFault)
    expect(await remove('a')).toBeNull()
    const begun = clock.now()
    expect(await asks(scene, 1)).toEqual([3_000])
    expect(clock.now() - begun).toBe(3_000)
  })
})
