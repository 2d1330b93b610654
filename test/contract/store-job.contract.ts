import { describe, expect, test } from 'vitest'
import type { Claim, NewJob } from '../../src/ports.ts'
import type { Subject } from './store.contract.ts'
import { job, minute, noon } from './store-cases.ts'

export function jobContract(subject: Subject): void {
  const put = (...jobs: readonly NewJob[]) => subject.store.transact((tx) => tx.putJobs(jobs, noon))
  const drop = (...keys: readonly string[]) => subject.store.transact((tx) => tx.dropJobs(keys))
  const finish = (...claims: readonly Claim[]) => subject.store.transact((tx) => tx.finish(claims, noon))
  const claim = (now = noon, limit = 10, lane: NewJob['lane'] = 'slack') =>
    subject.store.jobs.claim(lane, limit, minute, now)
  const next = async (lane: NewJob['lane'] = 'slack') => (await subject.store.jobs.nextRunAts()).get(lane)
  /** Claims the one job that is due. */
  const claimOne = async (now = noon, lane: NewJob['lane'] = 'slack'): Promise<Claim> => {
    const [only, ...others] = await claim(now, 10, lane)
    expect(others).toEqual([])
    if (!only) throw new Error('nothing was due')
    return only
  }

  const overtaken = async () => {
    await put(job('a'))
    const slow = await claimOne(noon)
    const fast = await claimOne(noon + minute)
    return { slow, fast }
  }

  const move = (dueAt: number) => put(job('a', { mode: 'move', dueAt }))

  const close = (dueAt = noon) => put(job('a', { lane: 'closes', dueAt }))
  const open = (dueAt = noon) => put(job('a', { lane: 'opens', dueAt }))

  const heard = async (action: () => Promise<unknown>): Promise<number> => {
    let count = 0
    const forget = subject.store.onWake(() => {
      count += 1
    })
    try {
      await action()
    } finally {
      forget()
    }
    return count
  }

  describe('claiming', () => {
    test('takes what is due in the lane, earliest first, up to the limit', async () => {
      await put(
        job('late', { dueAt: noon + 1 }),
        job('c', { dueAt: noon - 1 }),
        job('a', { dueAt: noon - 3 }),
        job('b', { dueAt: noon - 2 }),
        job('other lane', { lane: 'timers', kind: 'expiry' }),
      )
      expect((await claim(noon, 2)).map((one) => one.key)).toEqual(['a', 'b'])
      expect((await claim(noon, 10)).map((one) => one.key)).toEqual(['c'])
      expect(await claim(noon, 10)).toEqual([])
      expect(await claimOne(noon, 'timers')).toMatchObject({
        key: 'other lane',
        kind: 'expiry',
        subject: 'subject of other lane',
        dueAt: noon,
        attempt: 1,
      })
    })

    test('takes nothing when there is no room', async () => {
      await put(job('a'))
      expect(await claim(noon, 0)).toEqual([])
    })

    test('a claim holds until its lease ends, and then another try takes it', async () => {
      await put(job('a'))
      const first = await claimOne(noon)
      expect(await claim(noon + minute - 1)).toEqual([])
      const second = await claimOne(noon + minute)
      expect(second).toMatchObject({ id: first.id, attempt: 2 })
    })

    test('says when the next job of each lane may run', async () => {
      expect([...(await subject.store.jobs.nextRunAts())]).toEqual([])
      await put(job('a', { dueAt: noon + 5 }), job('b', { dueAt: noon + 3 }), job('c', { lane: 'closes' }))
      expect(Object.fromEntries(await subject.store.jobs.nextRunAts())).toEqual({
        slack: noon + 3,
        closes: noon,
      })
    })

    test('forgets no lane', async () => {
      const lanes = ['timers', 'closes', 'opens', 'slack', 'people', 'surveys'] as const
      await put(...lanes.map((lane) => job(lane, { lane })))
      expect([...(await subject.store.jobs.nextRunAts()).keys()].toSorted()).toEqual(lanes.toSorted())
    })
  })

  describe('a claim that is not ours any more', () => {
    test('finishes nothing', async () => {
      const { slow, fast } = await overtaken()
      expect([...(await finish(slow))]).toEqual([])
      expect([...(await finish(fast))]).toEqual([fast.id])
      expect([...(await finish(fast))]).toEqual([])
      expect(await next()).toBeUndefined()
    })

    test('retries and extends nothing', async () => {
      const { slow, fast } = await overtaken()
      await subject.store.jobs.retry(slow, noon, 'no', noon)
      expect(await subject.store.jobs.extend(slow, 9 * minute, noon)).toBe(false)
      expect(await next()).toBe(noon + 2 * minute)
      expect(await subject.store.jobs.extend(fast, 9 * minute, noon)).toBe(true)
      expect(await next()).toBe(noon + 9 * minute)
    })

    test('finishes nothing even after the job was finished and put again', async () => {
      await put(job('a'))
      const first = await claimOne()
      await finish(first)
      await put(job('a'))
      const second = await claimOne()
      expect([...(await finish(first))]).toEqual([])
      expect([...(await finish(second))]).toEqual([second.id])
    })
  })

  describe('retrying', () => {
    test('gives the job back for later and keeps why', async () => {
      await put(job('a'))
      await subject.store.jobs.retry(await claimOne(), noon + 5, 'Slack is away \0', noon)
      expect(await claim(noon + 4)).toEqual([])
      expect(await claimOne(noon + 5)).toMatchObject({ attempt: 2, dueAt: noon })
      const row = await subject.database.kysely
        .selectFrom('jobs')
        .select('last_error')
        .executeTakeFirstOrThrow()
      expect(row.last_error).toBe('Slack is away ')
    })
  })

  describe('a job that is moved', () => {
    test('runs at the new time, be it earlier or later', async () => {
      await move(noon)
      await move(noon + 10)
      expect(await next()).toBe(noon + 10)
      await move(noon + 5)
      expect(await next()).toBe(noon + 5)
      expect(await claimOne(noon + 5)).toMatchObject({ dueAt: noon + 5 })
    })

    test('while it is worked on, keeps the claim and runs at the new time afterwards', async () => {
      await move(noon)
      const claimed = await claimOne()
      await move(noon + 10)
      await move(noon + 20)
      expect([...(await finish(claimed))]).toEqual([claimed.id])
      expect(await next()).toBe(noon + 20)
      expect(await claimOne(noon + 20)).toMatchObject({ key: 'a', dueAt: noon + 20, attempt: 1 })
    })

    test('while a try of it fails, runs at the new time and not at that of the retry', async () => {
      await move(noon)
      const claimed = await claimOne()
      await move(noon + 20)
      await subject.store.jobs.retry(claimed, noon + 5, 'no', noon)
      expect(await next()).toBe(noon + 20)
    })

    test('keeps the new time when the claim is lost to its lease', async () => {
      await move(noon)
      await claimOne()
      await move(noon + 5 * minute)
      const second = await claimOne(noon + minute)
      expect([...(await finish(second))]).toEqual([second.id])
      expect(await next()).toBe(noon + 5 * minute)
    })
  })

  describe('a job that is woken', () => {
    test('runs earlier, never later', async () => {
      await put(job('a', { dueAt: noon + 10 }))
      await put(job('a', { dueAt: noon + 20 }))
      expect(await next()).toBe(noon + 10)
      await put(job('a', { dueAt: noon + 5 }))
      expect(await next()).toBe(noon + 5)
    })

    test('while it waits for a retry, runs at once', async () => {
      await put(job('a'))
      await subject.store.jobs.retry(await claimOne(), noon + minute, 'no', noon)
      await put(job('a', { dueAt: noon + 1 }))
      expect(await next()).toBe(noon + 1)
    })

    test('while it is worked on, runs once more afterwards, as a first try', async () => {
      await put(job('a'))
      const claimed = await claimOne()
      await put(job('a', { dueAt: noon + 2 }))
      await put(job('a', { dueAt: noon + 1 }))
      await put(job('a', { dueAt: noon + 3 }))
      expect(await next()).toBe(noon + minute)
      expect([...(await finish(claimed))]).toEqual([claimed.id])
      const again = await claimOne(noon + 1)
      expect(again).toMatchObject({ key: 'a', attempt: 1, dueAt: noon + 1 })
      expect(again.id).not.toBe(claimed.id)
      expect([...(await finish(again))]).toEqual([again.id])
      expect(await next()).toBeUndefined()
    })

    test('while a try of it fails, runs at the earlier of both times', async () => {
      await put(job('a'))
      const claimed = await claimOne()
      await put(job('a', { dueAt: noon + 2 }))
      await subject.store.jobs.retry(claimed, noon + minute, 'no', noon)
      const second = await claimOne(noon + 2)
      await put(job('a', { dueAt: noon + 5 * minute }))
      await subject.store.jobs.retry(second, noon + minute, 'no', noon)
      expect(await next()).toBe(noon + minute)
    })

    test('is done by the try that begins after it, when the first one was lost', async () => {
      await put(job('a'))
      await claimOne()
      await put(job('a', { dueAt: noon + 1 }))
      await finish(await claimOne(noon + minute))
      expect(await next()).toBeUndefined()
    })

    test('by the transaction that finishes it, stays: in whichever order', async () => {
      await put(job('a'))
      const first = await claimOne()
      await subject.store.transact(async (tx) => {
        await tx.putJobs([job('a', { dueAt: noon + 1 })], noon)
        await tx.finish([first], noon)
      })
      const second = await claimOne(noon + 1)
      await subject.store.transact(async (tx) => {
        await tx.finish([second], noon)
        await tx.putJobs([job('a', { dueAt: noon + 2 })], noon)
      })
      expect(await next()).toBe(noon + 2)
    })
  })

  describe('a job that is woken for a close', () => {
    test('becomes urgent, and stays so when it is woken for an open as well', async () => {
      await open()
      await close(noon + 1)
      await open()
      expect(await claim(noon, 10, 'opens')).toEqual([])
      expect(await claimOne(noon, 'closes')).toMatchObject({ key: 'a' })
    })

    test('while it is worked on for an open, runs as urgent, finished or failed', async () => {
      await open()
      const first = await claimOne(noon, 'opens')
      await close(noon + 1)
      await open(noon + 1)
      await subject.store.jobs.retry(first, noon + minute, 'no', noon)
      const second = await claimOne(noon + 1, 'closes')
      await close(noon + 2)
      await open(noon + 2)
      await finish(second)
      expect(await claimOne(noon + 2, 'closes')).toMatchObject({ attempt: 1 })
    })

    test('is an ordinary open again once it was finished', async () => {
      await close()
      const urgent = await claimOne(noon, 'closes')
      await open(noon + 1)
      await finish(urgent)
      expect(await claim(noon + 1, 10, 'closes')).toEqual([])
      await finish(await claimOne(noon + 1, 'opens'))
      expect(await next('opens')).toBeUndefined()
    })
  })

  describe('putting and dropping', () => {
    test('several wishes for one key in one go count in their order', async () => {
      await put(
        job('a', { dueAt: noon + 9 }),
        job('a', { dueAt: noon + 2 }),
        job('b', { dueAt: noon + 1 }),
        job('b', { dueAt: noon + 7, mode: 'move' }),
        job('b', { dueAt: noon + 8 }),
      )
      expect((await claim(noon + 2)).map((one) => one.key)).toEqual(['a'])
      expect((await claim(noon + 7)).map((one) => one.key)).toEqual(['b'])
    })

    test('a dropped job is gone, and so is the right to finish it', async () => {
      await put(job('a'), job('b'))
      await drop('a', 'nothing')
      const claimed = await claimOne()
      expect(claimed.key).toBe('b')
      await drop('b')
      expect([...(await finish(claimed))]).toEqual([])
      expect(await next()).toBeUndefined()
    })

    test('a transaction that drops the job it works on still finishes it', async () => {
      await put(job('a'))
      const claimed = await claimOne()
      const ended = await subject.store.transact(async (tx) => {
        await tx.dropJobs(['a'])
        return tx.finish([claimed], noon)
      })
      expect([...ended]).toEqual([claimed.id])
    })

    test('two thousand at once', async () => {
      const jobs = Array.from({ length: 2000 }, (_, index) => job(`k${index}`))
      await put(...jobs)
      await put(...jobs.map((one) => ({ ...one, mode: 'move' as const, dueAt: noon + 1 })))
      const claims = await claim(noon + 1, 3000)
      expect((await finish(...claims)).size).toBe(2000)
    })
  })

  describe('waking up', () => {
    test('listeners hear of jobs once they are committed, and only then', async () => {
      expect(await heard(() => put(job('a')))).toBe(1)
      const failing = subject.store.transact(async (tx) => {
        await tx.putJobs([job('b')], noon)
        throw new Error('no')
      })
      expect(await heard(() => failing.catch(() => {}))).toBe(0)
      expect(await heard(() => subject.store.transact((tx) => tx.endIntake('x', noon)))).toBe(0)
    })

    test('listeners hear of a job that is due again, and of one that is given back', async () => {
      await put(job('a'))
      const claimed = await claimOne()
      await put(job('a', { dueAt: noon + 1 }))
      expect(await heard(() => finish(claimed))).toBe(1)
      const again = await claimOne(noon + 1)
      expect(await heard(() => subject.store.jobs.retry(again, noon, null, noon))).toBe(1)
    })

    test('a listener that fails is reported and disturbs neither the others nor the caller', async () => {
      const forget = subject.store.onWake(() => {
        throw new Error('deaf')
      })
      expect(await heard(() => put(job('a')))).toBe(1)
      forget()
      expect(subject.logged).toEqual([expect.stringContaining('deaf')])
    })
  })

  test('nobody who lives has anything taken away', async () => {
    await put(job('a'))
    await claimOne()
    expect(await subject.store.jobs.reap(noon + 1)).toBe(0)
    expect(await next()).toBe(noon + minute)
  })
}
