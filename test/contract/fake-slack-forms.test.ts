import type { App, BlockAction, StaticSelectAction } from '@slack/bolt'
import type { ModalView } from '@slack/types'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startSocketApp } from '../support/fake-slack/bolt-app.ts'
import { byHand } from '../support/fake-slack/deadlines.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { Json } from '../support/fake-slack/json.ts'
import type { Person } from '../support/fake-slack/person.ts'
import type { View } from '../support/fake-slack/views.ts'

let fake: FakeSlack
let app: App | undefined
let alice: Person

beforeEach(async () => {
  fake = await startFakeSlack({ schedule: byHand })
  alice = fake.person('alice')
  fake.channel('C0OPS', { name: 'ops', members: ['alice'] })
})

afterEach(async () => {
  await app?.stop()
  await fake.stop()
})

const durations = {
  type: 'static_select' as const,
  action_id: 'for',
  options: ['30m', '1h'].map((each) => ({ text: { type: 'plain_text' as const, text: each }, value: each })),
}

function modal(title: string, blocks: ModalView['blocks'] = []): ModalView {
  return {
    type: 'modal',
    callback_id: 'form',
    title: { type: 'plain_text', text: title },
    submit: { type: 'plain_text', text: 'Send' },
    blocks,
  }
}

/** An app whose command opens `first`, and whose form is answered with `answer`. */
async function opened(first: ModalView, answer: Json = {}): Promise<View> {
  app = await startSocketApp(fake, (bolt) => {
    bolt.command('/jit', async ({ ack, client, command }) => {
      await ack()
      await client.views.open({ trigger_id: command.trigger_id, view: first })
    })
    bolt.view('form', async ({ ack }) => ack(Object(answer)))
  })
  return (await alice.types('/jit')).modal()
}

const title = (): string | undefined => {
  const view = alice.modal()
  return view && fake.visible(view).split('\n')[0]
}

describe('The answer to a form', () => {
  test('update puts another view in its place', async () => {
    const view = await opened(modal('First'), { response_action: 'update', view: modal('Second') })
    await alice.submits(view)
    expect(title()).toBe('# Second')
    expect(alice.modal()?.id).toBe(view.id)
  })

  test('push lays a view on top, and closing it brings back the one below', async () => {
    const view = await opened(modal('First'), { response_action: 'push', view: modal('Second') })
    await alice.submits(view)
    expect(title()).toBe('# Second')
    await expect(alice.submits(view)).rejects.toThrow('Another view lies on top')
    const second = alice.modal()
    expect(second).toMatchObject({ rootId: view.id, previousId: view.id })
    if (second !== undefined) await alice.closes(second)
    expect(title()).toBe('# First')
  })

  test('push stops at three', async () => {
    await opened(modal('First'), { response_action: 'push', view: modal('Next') })
    for (const expected of [undefined, undefined, 'invalid_view_response']) {
      const top = alice.modal()
      if (top === undefined) throw new Error('no modal')
      expect((await alice.submits(top)).error).toBe(expected)
    }
  })

  test('clear closes the whole stack', async () => {
    const view = await opened(modal('First'), { response_action: 'clear' })
    await alice.submits(view)
    expect(alice.modal()).toBeUndefined()
  })

  test.each<[string, Json]>([
    ['a view with too long a title', { response_action: 'update', view: modal('x'.repeat(25)) }],
    ['errors about nothing', { response_action: 'errors', errors: {} }],
    ['something else', { response_action: 'dance' }],
  ])('%s is refused, and the form stays', async (_what, answer) => {
    const view = await opened(modal('First'), answer)
    expect((await alice.submits(view)).error).toBe('invalid_view_response')
    expect(title()).toBe('# First')
  })

  test('nobody else can use the form', async () => {
    const view = await opened(modal('First'))
    await expect(fake.person('bob').submits(view)).rejects.toThrow('bob cannot see this view')
  })
})

describe('Fields', () => {
  const label = { type: 'plain_text' as const, text: 'L' }
  const blocks: ModalView['blocks'] = [
    { type: 'input', block_id: 'for', label, element: durations },
    {
      type: 'input',
      block_id: 'who',
      optional: true,
      label,
      element: { type: 'users_select', action_id: 'user' },
    },
    {
      type: 'input',
      block_id: 'why',
      label,
      element: {
        type: 'plain_text_input',
        action_id: 'text',
        min_length: 3,
        max_length: 5,
        initial_value: 'okay',
      },
    },
  ]

  test('are sent as Slack sends them, the untouched ones with their first value', async () => {
    const view = await opened(modal('Form', blocks))
    const seen = await alice.submits(view, { for: '1h' })
    expect(Object(seen.payload['view']).state.values).toEqual({
      for: { for: { type: 'static_select', selected_option: durations.options[1] } },
      who: { user: { type: 'users_select', selected_user: null } },
      why: { text: { type: 'plain_text_input', value: 'okay' } },
    })
  })

  test('must be filled, and be neither too short nor too long, before anything is sent', async () => {
    const view = await opened(modal('Form', blocks))
    const short = await alice.submits(view, { why: 'no' })
    expect(short).toMatchObject({ acked: false, acks: [] })
    expect(short.viewErrors).toEqual({
      for: 'Please complete this required field.',
      why: 'Please use at least 3 characters.',
    })
    const long = await alice.submits(view, { for: '30m', why: 'because' })
    expect(long.viewErrors).toEqual({ why: 'Please use at most 5 characters.' })
  })

  test('that are not there cannot be filled, and options that are not there not picked', async () => {
    const view = await opened(modal('Form', blocks))
    expect(() => alice.fills(view, { when: 'now' })).toThrow('has no field when; it has: for (for)')
    expect(() => alice.fills(view, { for: '2h' })).toThrow('has no option 2h; it has: 30m, 1h')
  })
})

describe('Messages with a list and for one person', () => {
  const blocks = [{ type: 'actions', block_id: 'pick', elements: [durations] }]

  test('a pick is sent as an action and kept as state', async () => {
    app = await startSocketApp(fake, (bolt) =>
      bolt.action<BlockAction<StaticSelectAction>>('for', async ({ ack }) => ack()),
    )
    await app.client.apiCall('chat.postMessage', { channel: 'C0OPS', text: 'pick', blocks })
    const [message] = fake.messages('C0OPS')
    if (message === undefined) throw new Error('no message')
    const { payload, acked } = await alice.picks(message, 'for', '30m')
    expect(acked).toBe(true)
    expect(payload['actions']).toEqual([expect.objectContaining({ selected_option: durations.options[0] })])
    expect(Object(payload['state']).values.pick.for.selected_option.value).toBe('30m')
  })

  test('a button that is there twice must be told apart', async () => {
    app = await startSocketApp(fake, (bolt) => bolt.action('close', async ({ ack }) => ack()))
    const text = { type: 'plain_text', text: 'Close' }
    const rows = ['g1', 'g2'].map((value) => ({
      type: 'actions',
      block_id: value,
      elements: [{ type: 'button', action_id: 'close', text, value }],
    }))
    await app.client.apiCall('chat.postMessage', { channel: 'C0OPS', text: 'grants', blocks: rows })
    const [message] = fake.messages('C0OPS')
    if (message === undefined) throw new Error('no message')
    await expect(alice.clicks(message, 'close')).rejects.toThrow('several "close"')
    for (const which of [{ block: 'g2' }, { value: 'g2' }]) {
      const { payload } = await alice.clicks(message, 'close', which)
      expect(payload['actions']).toEqual([expect.objectContaining({ value: 'g2' })])
    }
  })

  test('a click on an ephemeral message comes without the message', async () => {
    app = await startSocketApp(fake, (bolt) => {
      bolt.command('/jit', async ({ ack }) => ack({ text: 'pick', blocks: Object(blocks) }))
      bolt.action('for', async ({ ack, respond }) => {
        await ack()
        await respond({ delete_original: true })
      })
    })
    const { ephemeral } = await alice.types('/jit')
    if (ephemeral === undefined) throw new Error('no answer')
    await expect(fake.person('bob').picks(ephemeral, 'for', '1h')).rejects.toThrow('bob cannot see')
    const { payload } = await alice.picks(ephemeral, 'for', '1h')
    expect(payload).not.toHaveProperty('message')
    expect(payload['container']).toMatchObject({ is_ephemeral: true, message_ts: ephemeral.ts })
    await fake.until(() => fake.ephemerals('alice').length === 0)
  })
})
