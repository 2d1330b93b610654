import type { App, BlockAction, ButtonAction } from '@slack/bolt'
import type { ModalView } from '@slack/types'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startHttpApp, startSocketApp } from '../support/fake-slack/bolt-app.ts'
import { byHand } from '../support/fake-slack/deadlines.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { Person } from '../support/fake-slack/person.ts'

const card = (id: string) => [
  { type: 'header', text: { type: 'plain_text', text: 'RDP to vm-jump01' } },
  {
    type: 'actions',
    block_id: `decide-${id}`,
    elements: [
      {
        type: 'button',
        action_id: 'approve',
        style: 'primary',
        value: id,
        text: { type: 'plain_text', text: 'Approve' },
      },
      { type: 'button', action_id: 'deny', value: id, text: { type: 'plain_text', text: 'Deny' } },
    ],
  },
]

const form: ModalView = {
  type: 'modal',
  callback_id: 'request',
  title: { type: 'plain_text', text: 'Request access' },
  submit: { type: 'plain_text', text: 'Send' },
  notify_on_close: true,
  blocks: [
    {
      type: 'input',
      block_id: 'vm',
      label: { type: 'plain_text', text: 'VM' },
      element: { type: 'external_select', action_id: 'pick', min_query_length: 1 },
    },
    {
      type: 'input',
      block_id: 'reason',
      label: { type: 'plain_text', text: 'Reason' },
      element: { type: 'plain_text_input', action_id: 'text', max_length: 20 },
    },
  ],
}

describe.each([
  ['Socket Mode', startSocketApp],
  ['HTTP', startHttpApp],
])('Gestures over %s', (_mode, startApp) => {
  let fake: FakeSlack
  let app: App | undefined
  let alice: Person
  let bob: Person

  beforeEach(async () => {
    fake = await startFakeSlack({ schedule: byHand })
    alice = fake.person('alice', { tz: 'Europe/Berlin' })
    bob = fake.person('bob')
    fake.channel('C0OPS', { name: 'ops', members: ['alice', 'bob'] })
  })

  afterEach(async () => {
    await app?.stop()
    await fake.stop()
  })

  const listening = async (listen: (app: App) => void): Promise<void> => {
    app = await startApp(fake, listen)
  }

  const postCard = async (): Promise<void> => {
    await app?.client.apiCall('chat.postMessage', {
      channel: 'C0OPS',
      text: 'RDP to vm-jump01',
      blocks: card('r1'),
    })
  }

  test('a person sees the words of the ack', async () => {
    await listening((bolt) =>
      bolt.command('/jit', async ({ ack, command }) => ack(`You typed ${command.text}`)),
    )
    const seen = await alice.types('/jit', 'rdp vm-jump01 30m')
    expect(seen).toMatchObject({ acked: true, ephemeral: { text: 'You typed rdp vm-jump01 30m' } })
    expect(fake.ephemerals('bob')).toEqual([])
  })

  test('a person sees an answer that comes after the ack, and others see one that is public', async () => {
    await listening((bolt) =>
      bolt.command('/jit', async ({ ack, respond }) => {
        await ack()
        await respond('only you')
        await respond({ text: 'everybody', response_type: 'in_channel' })
      }),
    )
    const seen = await alice.types('/jit', '', { channel: 'C0OPS' })
    expect(seen.ephemeral).toBeUndefined()
    expect((await seen.reply()).text).toBe('only you')
    await fake.until(() => fake.messages('C0OPS').some((each) => each.text === 'everybody'))
  })

  test('a command carries who, where, a trigger and a response URL', async () => {
    await listening((bolt) => bolt.command('/jit', async ({ ack, command }) => ack(JSON.stringify(command))))
    const seen = await alice.types('/jit', 'a & b', { channel: 'C0OPS' })
    expect(JSON.parse(seen.ephemeral?.text ?? '')).toMatchObject({
      user_id: alice.id,
      team_id: 'T0TEAM',
      channel_id: 'C0OPS',
      channel_name: 'ops',
      command: '/jit',
      text: 'a & b',
      is_enterprise_install: 'false',
      trigger_id: expect.any(String),
      response_url: expect.stringMatching(/^http:/),
    })
  })

  test('a command that nobody acknowledges fails before the eyes of the person', async () => {
    let reached = false
    await listening((bolt) =>
      bolt.command('/jit', async () => {
        reached = true
        fake.workspace.record.changed()
      }),
    )
    const typing = alice.types('/jit', 'list')
    await fake.until(() => reached)
    fake.expireAcks()
    expect(await typing).toMatchObject({ acked: false, error: 'operation_timeout' })
  })

  test('an ack that Slack refuses is an error to the person', async () => {
    await listening((bolt) =>
      bolt.command('/jit', async ({ ack }) => ack({ text: 'x', blocks: [...card('1'), ...card('1')] })),
    )
    const seen = await alice.types('/jit', 'list')
    expect(seen.error).toBe('invalid_command_response')
    expect(seen.details?.join()).toContain('block_id')
    expect(seen.ephemeral).toBeUndefined()
  })

  test('a click carries the message, the clicker and the value', async () => {
    const clicks: BlockAction<ButtonAction>[] = []
    await listening((bolt) =>
      bolt.action<BlockAction<ButtonAction>>('approve', async ({ ack, body }) => {
        clicks.push(body)
        await ack()
      }),
    )
    await postCard()
    const [message] = fake.messages('C0OPS')
    if (message === undefined) throw new Error('no card')
    expect((await bob.clicks(message, 'approve')).acked).toBe(true)
    expect(clicks).toEqual([
      expect.objectContaining({
        type: 'block_actions',
        user: expect.objectContaining({ id: bob.id, team_id: 'T0TEAM' }),
        team: expect.objectContaining({ id: 'T0TEAM' }),
        channel: { id: 'C0OPS', name: 'ops' },
        container: { type: 'message', message_ts: message.ts, channel_id: 'C0OPS', is_ephemeral: false },
        message: expect.objectContaining({ ts: message.ts, text: 'RDP to vm-jump01', bot_id: 'B0JITNEY' }),
        response_url: expect.any(String),
        trigger_id: expect.any(String),
        actions: [expect.objectContaining({ action_id: 'approve', block_id: 'decide-r1', value: 'r1' })],
      }),
    ])
  })

  test('a button that is gone cannot be clicked, except on an old copy', async () => {
    await listening((bolt) => bolt.action('approve', async ({ ack }) => ack()))
    await postCard()
    const [old] = fake.messages('C0OPS')
    if (old === undefined) throw new Error('no card')
    await app?.client.chat.update({ channel: old.channel, ts: old.ts, text: 'Approved' })
    await expect(bob.clicks(old, 'approve')).rejects.toThrow('There is no "approve" to click')
    expect((await bob.clicks(old, 'approve', { stale: true })).acked).toBe(true)
    expect(fake.now(old).versions.map((each) => each.text)).toEqual(['RDP to vm-jump01', 'Approved'])
  })

  test('replays carry the identical payload, forgeries another name and value', async () => {
    const seen: { user: string; trigger: string; value: string | undefined }[] = []
    await listening((bolt) => bolt.action<BlockAction<ButtonAction>>('Approve', async ({ ack }) => ack()))
    app?.action<BlockAction<ButtonAction>>('approve', async ({ ack, body, action }) => {
      seen.push({ user: body.user.id, trigger: body.trigger_id, value: action.value })
      await ack()
    })
    await postCard()
    const [message] = fake.messages('C0OPS')
    if (message === undefined) throw new Error('no card')
    expect((await bob.clicks(message, 'Approve', { times: 3 })).acks).toHaveLength(3)
    await alice.clicks(message, 'approve', { as: 'U0MALLORY', forgedValue: 'r2' })
    expect(seen.map((each) => each.user)).toEqual([bob.id, bob.id, bob.id, 'U0MALLORY'])
    expect(new Set(seen.map((each) => each.trigger)).size).toBe(2)
    expect(seen.at(-1)?.value).toBe('r2')
  })

  test('who is not in a private channel cannot click there', async () => {
    fake.person('carol')
    fake.channel('G0SECRET', { name: 'secret', private: true, members: ['bob'] })
    await listening(() => {})
    await app?.client.apiCall('chat.postMessage', { channel: 'G0SECRET', text: 'card', blocks: card('r1') })
    const [message] = fake.messages('G0SECRET')
    if (message === undefined) throw new Error('no card')
    await expect(fake.person('dave').clicks(message, 'approve')).rejects.toThrow('dave cannot see')
  })

  test('a form opens, is searched, filled, corrected and accepted', async () => {
    let submitted = ''
    await listening((bolt) => {
      bolt.command('/jit', async ({ ack, client, command }) => {
        await ack()
        await client.views.open({ trigger_id: command.trigger_id, view: form })
      })
      bolt.options('pick', async ({ ack, options }) => {
        await ack({
          options: [{ text: { type: 'plain_text', text: `${options.value}-jump01` }, value: 'vm1' }],
        })
      })
      bolt.view('request', async ({ ack, view }) => {
        const reason = view.state.values['reason']?.['text']?.value
        submitted = view.state.values['vm']?.['pick']?.selected_option?.value ?? ''
        if (reason === 'why not') await ack({ response_action: 'errors', errors: { reason: 'Say more' } })
        else await ack()
      })
    })
    const view = await (await alice.types('/jit')).modal()
    expect((await alice.submits(view, { reason: 'why not' })).viewErrors).toEqual({
      vm: 'Please complete this required field.',
    })
    const offered = await alice.suggests(view, 'pick', 'vm')
    expect(offered.options).toEqual([expect.objectContaining({ value: 'vm1' })])
    expect((await alice.submits(view, { vm: 'vm1' })).viewErrors).toEqual({ reason: 'Say more' })
    expect(alice.modal()?.id).toBe(view.id)
    expect(await alice.submits(view, { reason: 'patching' })).toMatchObject({ acked: true })
    expect(submitted).toBe('vm1')
    expect(alice.modal()).toBeUndefined()
  })

  test('an answer to a form that Slack refuses leaves it open', async () => {
    await listening((bolt) => {
      bolt.command('/jit', async ({ ack, client, command }) => {
        await ack()
        await client.views.open({ trigger_id: command.trigger_id, view: { ...form, blocks: [] } })
      })
      bolt.view('request', async ({ ack }) => ack({ response_action: 'errors', errors: { nowhere: 'lost' } }))
    })
    const view = await (await alice.types('/jit')).modal()
    const seen = await alice.submits(view)
    expect(seen).toMatchObject({
      error: 'invalid_view_response',
      details: ['no input block is called nowhere'],
    })
    expect(alice.modal()?.id).toBe(view.id)
  })

  test('an app learns of a closed form when it asked to', async () => {
    let cleared: boolean | undefined
    await listening((bolt) => {
      bolt.command('/jit', async ({ ack, client, command }) => {
        await ack()
        await client.views.open({ trigger_id: command.trigger_id, view: form })
      })
      bolt.view({ callback_id: 'request', type: 'view_closed' }, async ({ ack, body }) => {
        cleared = 'is_cleared' in body ? body.is_cleared : undefined
        await ack()
      })
    })
    const view = await (await alice.types('/jit')).modal()
    expect((await alice.closes(view)).acked).toBe(true)
    expect(cleared).toBe(false)
    await expect(alice.submits(view)).rejects.toThrow('not open any more')
  })

  test('opening Home brings the event, and the published view is there', async () => {
    await listening((bolt) =>
      bolt.event('app_home_opened', async ({ event, client }) => {
        const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: 'Your *grants*' } }]
        await client.views.publish({ user_id: event.user, view: { type: 'home', blocks } })
      }),
    )
    expect((await alice.opensHome()).acked).toBe(true)
    const home = await fake.until(() => alice.home())
    expect(fake.visible(home)).toBe('Your grants')
    expect(bob.home()).toBeUndefined()
  })

  test('the answer to a click adds to the message or replaces it', async () => {
    await listening((bolt) => {
      bolt.action('approve', async ({ ack, respond }) => {
        await ack()
        await respond({ text: 'done', replace_original: true })
      })
      bolt.action('deny', async ({ ack, respond }) => {
        await ack()
        await respond('not you')
        await respond({ text: 'still open', replace_original: true })
      })
    })
    await postCard()
    const [message] = fake.messages('C0OPS')
    if (message === undefined) throw new Error('no card')
    const denied = await bob.clicks(message, 'deny')
    expect(await denied.reply()).toMatchObject({ text: 'not you', ephemeralFor: bob.id })
    await fake.until(() => fake.now(message).text === 'still open')
    expect(fake.ephemerals('bob').map((each) => each.text)).toEqual(['not you'])
    await bob.clicks(message, 'approve', { stale: true })
    await fake.until(() => fake.now(message).text === 'done')
    expect(fake.messages('C0OPS')).toHaveLength(1)
  })
})
