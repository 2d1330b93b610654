import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { caller, messagesOf } from '../support/fake-slack/client.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { Json } from '../support/fake-slack/json.ts'

let fake: FakeSlack
let call: ReturnType<typeof caller>

beforeAll(async () => {
  fake = await startFakeSlack()
  call = caller(fake)
  fake.person('alice')
  fake.channel('C0OPS', { members: ['alice'] })
})

afterAll(async () => {
  await fake.stop()
})

const x = (length: number): string => 'x'.repeat(length)
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i))
const plain = (text: string): Json => ({ type: 'plain_text', text })
const mrkdwn = (text: string): Json => ({ type: 'mrkdwn', text })
const divider = { type: 'divider' }
const button = (extra: Json = {}): Json => ({ type: 'button', action_id: 'go', text: plain('Go'), ...extra })
const actions = (...elements: Json[]): Json => ({ type: 'actions', elements })
const option = (i: number, extra: Json = {}): Json => ({ text: plain(`o${i}`), value: `v${i}`, ...extra })
const select = (extra: Json): Json => ({ type: 'static_select', action_id: 'pick', ...extra })
const confirm = (extra: Json): Json => ({ text: plain('Sure?'), ...extra })
const input = (element: Json, extra: Json = {}): Json => ({
  type: 'input',
  label: plain('L'),
  element,
  ...extra,
})
const section = (extra: Json): Json => ({ type: 'section', ...extra })
const context = (count: number): Json => ({ type: 'context', elements: times(count, () => mrkdwn('x')) })
const checkboxes = (count: number): Json => ({
  type: 'checkboxes',
  action_id: 'c',
  options: times(count, option),
})
const overflow = (count: number): Json => ({
  type: 'overflow',
  action_id: 'o',
  options: times(count, option),
})

/** Each block is accepted at its limit and refused one step beyond. */
const limits: [what: string, limit: number, blocks: (size: number) => Json[], complaint: string][] = [
  ['blocks', 50, (n) => times(n, () => divider), 'no more than 50 items allowed [json-pointer:/blocks]'],
  ['section text', 3000, (n) => [section({ text: mrkdwn(x(n)) })], 'must be less than 3001 characters'],
  ['field text', 2000, (n) => [section({ fields: [mrkdwn(x(n))] })], 'must be less than 2001 characters'],
  ['fields', 10, (n) => [section({ fields: times(n, () => mrkdwn('x')) })], 'no more than 10 items allowed'],
  ['header text', 150, (n) => [{ type: 'header', text: plain(x(n)) }], 'must be less than 151 characters'],
  ['context elements', 10, (n) => [context(n)], 'no more than 10 items allowed'],
  [
    'actions',
    25,
    (n) => [actions(...times(n, (i) => button({ action_id: `a${i}` })))],
    'no more than 25 items',
  ],
  ['button text', 75, (n) => [actions(button({ text: plain(x(n)) }))], 'must be less than 76 characters'],
  ['button value', 2000, (n) => [actions(button({ value: x(n) }))], 'must be less than 2001 characters'],
  ['button url', 3000, (n) => [actions(button({ url: x(n) }))], 'must be less than 3001 characters'],
  ['action_id', 255, (n) => [actions(button({ action_id: x(n) }))], 'must be less than 256 characters'],
  ['block_id', 255, (n) => [{ ...divider, block_id: x(n) }], 'must be less than 256 characters'],
  [
    'accessibility_label',
    75,
    (n) => [actions(button({ accessibility_label: x(n) }))],
    'less than 76 characters',
  ],
  [
    'confirm title',
    100,
    (n) => [actions(button({ confirm: confirm({ title: plain(x(n)) }) }))],
    'less than 101',
  ],
  [
    'confirm text',
    300,
    (n) => [actions(button({ confirm: confirm({ text: plain(x(n)) }) }))],
    'less than 301',
  ],
  [
    'confirm yes',
    30,
    (n) => [actions(button({ confirm: confirm({ confirm: plain(x(n)) }) }))],
    'less than 31',
  ],
  ['confirm no', 30, (n) => [actions(button({ confirm: confirm({ deny: plain(x(n)) }) }))], 'less than 31'],
  [
    'option text',
    75,
    (n) => [actions(select({ options: [option(1, { text: plain(x(n)) })] }))],
    'less than 76',
  ],
  ['option value', 75, (n) => [actions(select({ options: [option(1, { value: x(n) })] }))], 'less than 76'],
  [
    'option hint',
    75,
    (n) => [actions(select({ options: [option(1, { description: plain(x(n)) })] }))],
    'less than 76',
  ],
  ['select options', 100, (n) => [actions(select({ options: times(n, option) }))], 'no more than 100 items'],
  [
    'placeholder',
    150,
    (n) => [actions(select({ options: [option(1)], placeholder: plain(x(n)) }))],
    'less than 151',
  ],
  ['overflow options', 5, (n) => [actions(overflow(n))], 'no more than 5 items'],
  ['checkboxes', 10, (n) => [actions(checkboxes(n))], 'no more than 10 items'],
  [
    'input label',
    2000,
    (n) => [input({ type: 'plain_text_input' }, { label: plain(x(n)) })],
    'less than 2001',
  ],
  ['input hint', 2000, (n) => [input({ type: 'plain_text_input' }, { hint: plain(x(n)) })], 'less than 2001'],
  [
    'initial value',
    3000,
    (n) => [input({ type: 'plain_text_input', initial_value: x(n) })],
    'less than 3001',
  ],
  ['image alt', 2000, (n) => [{ type: 'image', image_url: 'https://a', alt_text: x(n) }], 'less than 2001'],
  ['image url', 3000, (n) => [{ type: 'image', image_url: x(n), alt_text: 'a' }], 'less than 3001'],
  ['markdown', 12_000, (n) => [{ type: 'markdown', text: x(n) }], 'less than 12001'],
  [
    'table rows',
    100,
    (n) => [{ type: 'table', rows: times(n, () => [{ type: 'raw_text', text: 'x' }]) }],
    '100 items',
  ],
  [
    'table cells',
    20,
    (n) => [{ type: 'table', rows: [times(n, () => ({ type: 'raw_text', text: 'x' }))] }],
    '20 items',
  ],
  [
    'table text',
    10_000,
    (n) => [{ type: 'table', rows: [[{ type: 'raw_text', text: x(n) }]] }],
    'less than 10001',
  ],
  [
    'tables',
    1,
    (n) => times(n, () => ({ type: 'table', rows: [[{ type: 'raw_text', text: 'x' }]] })),
    'only one table',
  ],
  [
    'cards',
    10,
    (n) => [{ type: 'carousel', elements: times(n, () => ({ type: 'card', title: mrkdwn('x') })) }],
    '10 items',
  ],
]

describe('A message at its limit is posted, one step beyond it is refused', () => {
  test.each(limits)('%s: %i', async (_what, limit, blocks, complaint) => {
    const post = (size: number) =>
      call('chat.postMessage', { channel: 'C0OPS', text: 'x', blocks: blocks(size) })
    expect(await post(limit)).toMatchObject({ ok: true })
    const refused = await post(limit + 1)
    expect(refused).toMatchObject({ ok: false, error: 'invalid_blocks', errors: expect.any(Array) })
    expect(messagesOf(refused).join()).toContain(complaint)
  })
})

const refusals: [what: string, blocks: Json[], complaint: string][] = [
  ['an unknown block', [{ type: 'banner' }], 'unsupported type: "banner" [json-pointer:/blocks/0/type]'],
  ['an unknown element', [actions({ type: 'lever', action_id: 'x' })], 'unsupported type: "lever"'],
  ['an unknown property', [actions(button({ disabled: true }))], 'invalid additional property: disabled'],
  ['a block without type', [{ text: plain('x') }], 'missing required field: type'],
  ['mrkdwn in a header', [{ type: 'header', text: mrkdwn('*x*') }], 'unsupported type: "mrkdwn"'],
  ['mrkdwn on a button', [actions(button({ text: mrkdwn('x') }))], 'unsupported type: "mrkdwn"'],
  ['an empty text', [section({ text: mrkdwn('') })], 'must be more than 0 characters'],
  ['an empty section', [section({})], 'must define either `fields` or `text`'],
  ['an empty actions block', [actions()], 'no less than 1 items'],
  ['a style of its own', [actions(button({ style: 'warning' }))], 'value not allowed: "warning"'],
  ['two actions of one id', [actions(button(), button())], '`action_id` must be unique within a block: go'],
  ['two blocks of one id', times(2, () => ({ ...divider, block_id: 'b' })), '`block_id` must be unique: b'],
  ['an alert', [{ type: 'alert', text: mrkdwn('x') }], 'unsupported type: "alert"'],
  ['a button in a context', [{ type: 'context', elements: [button()] }], 'unsupported type: "button"'],
  [
    'an input in an actions block',
    [actions({ type: 'plain_text_input', action_id: 'x' })],
    'unsupported type',
  ],
  ['options and groups together', [actions(select({}))], 'must define either `options` or `option_groups`'],
  [
    'an unknown rich text part',
    [{ type: 'rich_text', elements: [{ type: 'rich_poem', elements: [] }] }],
    'rich_poem',
  ],
  ['a number for a text', [actions(button({ value: 7 }))], 'must be a string'],
]

describe('A message is refused for', () => {
  test.each(refusals)('%s', async (_what, blocks, complaint) => {
    const refused = await call('chat.postMessage', { channel: 'C0OPS', text: 'x', blocks })
    expect(refused['error']).toBe('invalid_blocks')
    expect(messagesOf(refused).join()).toContain(complaint)
  })

  test('blocks that are no JSON', async () => {
    const refused = await call('chat.postMessage', { channel: 'C0OPS', text: 'x', blocks: '{nonsense' })
    expect(refused['error']).toBe('invalid_blocks_format')
  })

  test('no text, and too much text', async () => {
    expect(await call('chat.postMessage', { channel: 'C0OPS', text: ' ' })).toMatchObject({
      error: 'no_text',
    })
    expect(await call('chat.postMessage', { channel: 'C0OPS', text: x(40_000) })).toMatchObject({ ok: true })
    const long = await call('chat.postMessage', { channel: 'C0OPS', text: x(40_001) })
    expect(long).toMatchObject({ error: 'msg_too_long' })
  })
})
