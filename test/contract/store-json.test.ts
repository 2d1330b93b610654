import { expect, test } from 'vitest'
import { toJson } from '../../src/store/json.ts'

test.each([
  ['plain words', 'plain words'],
  ['half an emoji \ud83d', 'half an emoji \ufffd'],
  ['its other half \ude00', 'its other half \ufffd'],
  ['a whole one 😀', 'a whole one 😀'],
  ['a NUL \0', 'a NUL \ufffd'],
  ['a bell \u0007', 'a bell \u0007'],
  ['a backslash \\ud83d and \\u0000', 'a backslash \\ud83d and \\u0000'],
])('%j is kept as %j, in values, in lists and in names', (text, kept) => {
  const value: unknown = JSON.parse(toJson({ [text]: [text, { inner: text }], nothing: null, count: 1 }))
  expect(value).toEqual({ [kept]: [kept, { inner: kept }], nothing: null, count: 1 })
})
