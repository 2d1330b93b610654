import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Digest, Overview } from '../../src/core/overview.ts'
import type { Policy } from '../../src/core/policy.ts'
import { planDigest, tellDigest } from '../../src/engine/digest.ts'
import type { Claim, Store } from '../../src/ports.ts'
import { memoryStore } from '../support/stores.ts'
import { TestClock } from '../support/test-clock.ts'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }
const empty: Overview = { vmsAt: 0, rulesAt: 0, judged: [], unread: [] }
const policy: Policy = {
  hash: 'h',
  services: [],
  deny: [],
  rules: [],
  auditChannel: 'C1',
  pages: { channel: 'C1', users: [], groups: [] },
  operators: { users: [], groups: [] },
  addressWindowMs: 0,
  showTags: [],
  digest: { channel: 'C2', day: 2, hour: 9, zone: 'UTC' },
}
/** Monday; the first moment is a day later. */
const monday = Date.UTC(2026, 10, 23, 9)
const day = 86_400_000
const held = { lapsed: () => false }

let store: Store
let clock: TestClock
let posted: { readonly channel: string; readonly repeat: boolean; readonly digest: Digest }[]
beforeEach(async () => {
  store = (await memoryStore()).store
  await store.enlist()
  clock = new TestClock(monday)
  posted = []
})
afterEach(() => store.close())

const replica = (look: () => Promise<Overview> = async () => empty) => ({
  store,
  clock,
  policy: () => policy,
  log: quiet,
  chat: {
    digest: async (channel: string, digest: Digest, repeat: boolean) => {
      posted.push({ channel, digest, repeat })
    },
  },
  overviews: { look, withLastAccess: async () => [] },
})
const never = new AbortController().signal
const claims = (): Promise<readonly Claim[]> => store.jobs.claim('reads', 5, 30_000, clock.now())
const claimed = async (): Promise<Claim> => {
  const [claim, ...more] = await claims()
  expect(more).toEqual([])
  return claim ?? expect.fail('There is no job.')
}

describe('the digest, with several replicas', () => {
  test('has one job, however many of them plan it, and one of them gets it', async () => {
    await Promise.all([planDigest(replica()), planDigest(replica()), planDigest(replica())])
    expect(await claims()).toEqual([])
    clock.to(monday + day)
    const claim = await claimed()
    expect(await claims()).toEqual([])
    expect(await tellDigest(replica())(claim, never, held)).toEqual({ kind: 'ended' })
    expect(posted).toMatchObject([{ channel: 'C2', repeat: false }])
    // The next one waits for its week, whoever plans again meanwhile.
    await planDigest(replica())
    expect(await claims()).toEqual([])
    clock.to(monday + 8 * day)
    expect(await claims()).toHaveLength(1)
  })

  test('is not posted by one that lost its claim while it looked at Azure', async () => {
    await planDigest(replica())
    clock.to(monday + day)
    const claim = await claimed()
    await tellDigest(replica())(claim, never, { lapsed: () => true })
    expect(posted).toEqual([])
  })

  test('that was posted by one that lost its claim meanwhile is not noted twice', async () => {
    await planDigest(replica())
    clock.to(monday + day)
    const claim = await claimed()
    const slow = tellDigest(
      replica(async () => {
        // Somebody else takes the job over and is done with it.
        clock.to(clock.now() + 40_000)
        const other = await claimed()
        await tellDigest(replica())(other, never, held)
        return empty
      }),
    )
    await slow(claim, never, { lapsed: () => true })
    expect(posted).toHaveLength(1)
    expect(await store.records.digest()).toMatchObject({ slot: monday + day, tried: null })
  })
})
