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
const divider = { type: 'divider' }
const input = (element: Json, extra: Json = {}): Json => ({
  type: 'input',
  label: plain('L'),
  element,
  ...extra,
})
const section = (extra: Json): Json => ({ type: 'section', ...extra })

const modal = (extra: Json = {}): Json => ({
  type: 'modal',
  title: plain('Title'),
  submit: plain('Send'),
  blocks: [],
  ...extra,
})
const views: [what: string, limit: number, view: (size: number) => Json, complaint: string][] = [
  [
    'modal title',
    24,
    (n) => modal({ title: plain(x(n)) }),
    'less than 25 characters [json-pointer:/view/title/text]',
  ],
  ['submit', 24, (n) => modal({ submit: plain(x(n)) }), '/view/submit/text'],
  ['close', 24, (n) => modal({ close: plain(x(n)) }), '/view/close/text'],
  ['private_metadata', 3000, (n) => modal({ private_metadata: x(n) }), '/view/private_metadata'],
  ['callback_id', 255, (n) => modal({ callback_id: x(n) }), '/view/callback_id'],
  ['blocks', 100, (n) => modal({ blocks: times(n, () => divider) }), '/view/blocks'],
  ['alert', 200, (n) => modal({ blocks: [{ type: 'alert', text: plain(x(n)) }] }), 'less than 201'],
]

const open = (view: Json): Promise<Json> => {
  const trigger = fake.workspace.tickets.trigger(fake.workspace.people.find('alice').id)
  return call('views.open', { trigger_id: trigger, view })
}

describe('A view at its limit opens, one step beyond it is refused', () => {
  test.each(views)('%s: %i', async (_what, limit, view, complaint) => {
    expect(await open(view(limit))).toMatchObject({ ok: true })
    const refused = await open(view(limit + 1))
    expect(refused['error']).toBe('invalid_arguments')
    expect(messagesOf(refused).join()).toContain(complaint)
  })

  test.each<[string, Json, string]>([
    ['a table', modal({ blocks: [{ type: 'table', rows: [] }] }), 'unsupported type: "table"'],
    ['markdown', modal({ blocks: [{ type: 'markdown', text: 'x' }] }), 'unsupported type: "markdown"'],
    [
      'an input and no submit',
      modal({ submit: undefined, blocks: [input({ type: 'datepicker' })] }),
      'submit',
    ],
    ['no title', modal({ title: undefined }), 'missing required field: title'],
    ['another type', modal({ type: 'home' }), 'unsupported type'],
  ])('a modal with %s is refused', async (_what, view, complaint) => {
    const refused = await open(view)
    expect(refused['error']).toBe('invalid_arguments')
    expect(messagesOf(refused).join()).toContain(complaint)
  })

  test('a view may have 250 kB', async () => {
    const large = modal({ blocks: times(90, () => section({ text: plain(x(3000)) })) })
    expect(await open(large)).toMatchObject({ error: 'view_too_large' })
  })
})
