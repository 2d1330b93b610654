import { expect, test } from 'vitest'
import { remembering } from '../../src/engine/remember.ts'

const never = () => Promise.resolve()

test('what is remembered does not outlive a clock that was set back, and is one question for all who ask', async () => {
  let now = 1_000_000
  let questions = 0
  const ask = remembering<number>({ now: () => now, sleep: never })
  const read = () => ask('key', undefined, () => Promise.resolve((questions += 1)))
  expect(await Promise.all([read(), read(), ask('other', undefined, () => Promise.resolve(7))])).toEqual([
    1, 1, 7,
  ])
  now -= 1
  expect(await read()).toBe(2)
})
