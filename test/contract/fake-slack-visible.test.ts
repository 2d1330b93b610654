import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientOf } from '../support/fake-slack/client.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { Json } from '../support/fake-slack/json.ts'

let fake: FakeSlack

beforeAll(async () => {
  fake = await startFakeSlack()
  fake.person('alice')
  fake.group('S0ONCALL', 'oncall', ['alice'])
  fake.channel('C0OPS', { name: 'ops', members: ['alice'] })
})

afterAll(async () => {
  await fake.stop()
})

async function shown(args: Json): Promise<string> {
  await clientOf(fake).apiCall('chat.postMessage', { channel: 'C0OPS', text: 'fallback', ...args })
  const message = fake.messages('C0OPS').at(-1)
  if (message === undefined) throw new Error('nothing was posted')
  return fake.visible(message)
}

const text = (markup: string): Promise<string> => shown({ text: markup })
const plain = (words: string): Json => ({ type: 'plain_text', text: words })
const mrkdwn = (words: string): Json => ({ type: 'mrkdwn', text: words })

describe('What a person reads', () => {
  test.each([
    ['<@U0ALICE> asks', '@alice asks'],
    ['<@U0NOBODY> asks', '<@U0NOBODY> asks'],
    ['until <!date^1795340799^{time}|09:46 UTC>', 'until 09:46 UTC'],
    ['<!subteam^S0ONCALL> <!here> <#C0OPS>', '@oncall @here #ops'],
    ['<https://example.com|the page> or <https://example.com>', 'the page or https://example.com'],
    ['*bold* _slanted_ ~gone~ `code`, *_both_*', 'bold slanted gone code, both'],
    ['vm_jump_01 and 2 * 3 * 4', 'vm_jump_01 and 2 * 3 * 4'],
    ['&lt;@U0ALICE&gt; &amp;amp;', '<@U0ALICE> &amp;'],
  ])('%s', async (markup, words) => {
    expect(await text(markup)).toBe(words)
  })

  test('a card with everything on it', async () => {
    const blocks = [
      { type: 'header', text: plain('RDP to vm-jump01') },
      {
        type: 'section',
        text: mrkdwn('<@U0ALICE> asks for *30 minutes*'),
        fields: [mrkdwn('*Source*\n203.0.113.7'), plain('*as typed*')],
        accessory: { type: 'button', action_id: 'show', text: plain('Show') },
      },
      { type: 'divider' },
      {
        type: 'actions',
        elements: [
          { type: 'button', action_id: 'approve', text: plain('Approve') },
          { type: 'button', action_id: 'deny', text: plain('Deny') },
          {
            type: 'static_select',
            action_id: 'for',
            placeholder: plain('How long'),
            options: [{ text: plain('1 hour'), value: '1h' }],
          },
        ],
      },
      { type: 'context', elements: [mrkdwn('Request `r1`'), plain('2026')] },
      {
        type: 'rich_text',
        elements: [
          {
            type: 'rich_text_section',
            elements: [
              { type: 'text', text: 'seen by ' },
              { type: 'user', user_id: 'U0ALICE' },
            ],
          },
        ],
      },
      {
        type: 'table',
        rows: [
          [
            { type: 'raw_text', text: 'VM' },
            { type: 'raw_text', text: 'Until' },
          ],
        ],
      },
    ]
    expect(await shown({ blocks })).toMatchInlineSnapshot(`
      "RDP to vm-jump01
      @alice asks for 30 minutes
      Source
      203.0.113.7
      *as typed*
      [Show]
      ---
      [Approve] [Deny] {How long}
      Request r1 2026
      seen by @alice
      VM | Until"
    `)
  })

  test('a form shows its title, fields and buttons', async () => {
    const alice = fake.workspace.people.find('alice')
    const view = {
      type: 'modal',
      title: plain('Request access'),
      submit: plain('Send'),
      close: plain('Cancel'),
      blocks: [
        {
          type: 'input',
          label: plain('Reason'),
          hint: plain('One sentence'),
          element: { type: 'plain_text_input', action_id: 'reason', initial_value: 'patching' },
        },
        { type: 'alert', text: mrkdwn('This VM is *open* already') },
      ],
    }
    const trigger = fake.workspace.tickets.trigger(alice.id)
    await clientOf(fake).apiCall('views.open', { trigger_id: trigger, view })
    const modal = fake.workspace.views.top(alice.id)
    if (modal === undefined) throw new Error('no modal')
    expect(fake.visible(modal)).toMatchInlineSnapshot(`
      "# Request access
      Reason: {patching}
      One sentence
      This VM is open already
      [Cancel] [Send]"
    `)
  })
})
