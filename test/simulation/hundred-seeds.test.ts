import { describe, expect, test } from 'vitest'
import { replayOf } from './replay.ts'
import { run } from './simulation.ts'

const seeds = Array.from({ length: 100 }, (_, index) => index + 1)

describe('the whole engine on a virtual clock', () => {
  test('keeps every promise in a hundred runs', async () => {
    const broken: string[] = []
    for (const seed of seeds) {
      const result = await run(seed)
      if (result.violations.length > 0) broken.push(replayOf(result))
    }
    expect(broken).toEqual([])
  })

  test.each([7, 42, 63])('does the same again for the seed %i', async (seed) => {
    const [first, second] = [await run(seed), await run(seed)]
    expect(second.hash).toBe(first.hash)
    expect(second.trace).toEqual(first.trace)
  })

  test('does something else for another seed', async () => {
    expect((await run(2)).hash).not.toBe((await run(1)).hash)
  })
})
