import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Alarm } from '../../src/core/alarm.ts'
import type { AuditRecord } from '../../src/core/audit.ts'
import { minute } from '../../src/core/duration.ts'
import { Fault } from '../../src/core/fault.ts'
import type { Pages } from '../../src/core/policy.ts'
import type { Chat } from '../../src/ports.ts'
import { createChat } from '../../src/slack/chat.ts'
import { alice, cases, grantBase, noon } from '../slack/a-case.ts'
import { quiet } from '../slack/quiet.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'

let fake: FakeSlack
let chat: Chat
let showTags: readonly string[]

beforeEach(async () => {
  fake = await startFakeSlack()
  for (const name of ['alice', 'bob', 'carol']) fake.person(name)
  fake.group('S0OPS', 'ops', ['bob'])
  fake.channel('C0APPROVE', { members: ['bob', 'carol'] })
  fake.channel('C0AUDIT', { members: ['carol'] })
  showTags = ['env']
  chat = createChat({ token: fake.botToken, slackApiUrl: fake.apiUrl, showTags: () => showTags, log: quiet })
})

afterEach(() => fake.stop())

const now = noon + 5 * minute
const cardText = () => fake.visible(fake.messages('C0APPROVE')[0] ?? expect.fail('no card'))
const record = (seq: number): AuditRecord => ({
  seq,
  type: 'grant.closed',
  at: noon,
  requestId: 'r7k3m9x2',
  grantId: 'g1',
  actor: 'jitney',
  details: { latenessMs: 0 },
  previous: '',
  hash: 'abc',
})

describe('the card', () => {
  it('is posted once to the channel of the rule and then edited where it stands', async () => {
    const place = await chat.card(cases.pending, null, now)
    const [posted] = fake.messages('C0APPROVE')
    expect(place).toEqual({ channel: 'C0APPROVE', ts: posted?.ts })
    expect(await chat.card(cases.oneOfTwo, place, now)).toEqual(place)
    expect(await chat.card(cases.open, place, now)).toEqual(place)
    const [edited, second] = fake.messages('C0APPROVE')
    expect(second).toBeUndefined()
    expect(edited?.text).toContain('Open: rdp to vm-jump01.')
    expect(edited?.versions.map((version) => version.text.split(':')[0])).toEqual([
      'Approval needed',
      'Approval needed',
      'Open',
    ])
  })

  it('has other block ids in each version, so that an old button names an old one', async () => {
    const place = await chat.card(cases.pending, null, now)
    await chat.card(cases.oneOfTwo, place, now)
    const [first, second] = fake.messages('C0APPROVE')[0]?.versions ?? []
    const ids = (blocks: typeof first) => blocks?.blocks.map((block) => block['block_id']) ?? []
    expect(ids(first).length).toBeGreaterThan(4)
    expect(ids(second).filter((id) => ids(first).includes(id))).toEqual([])
  })

  it('carries nothing but the id of the request on its buttons', async () => {
    await chat.card(cases.pending, null, now)
    const blocks = fake.messages('C0APPROVE')[0]?.blocks ?? []
    const buttons = blocks.filter((block) => block['type'] === 'actions')
    expect(buttons).toMatchObject([
      {
        elements: [
          { action_id: 'approve', style: 'primary', value: 'r7k3m9x2' },
          { action_id: 'deny', value: 'r7k3m9x2' },
          { action_id: 'less', value: 'r7k3m9x2' },
          { action_id: 'why', value: 'r7k3m9x2' },
        ],
      },
    ])
  })

  it('shows the tags that the policy names at that moment', async () => {
    const place = await chat.card(cases.pending, null, now)
    expect(cardText()).toContain('env=prod')
    showTags = ['owner']
    await chat.card(cases.pending, place, now)
    expect(cardText()).toContain('owner=ops')
    expect(cardText()).not.toContain('env=prod')
  })

  it('has no place when the policy names no channel', async () => {
    await expect(chat.card(cases.deniedByPolicy, null, now)).rejects.toMatchObject({ kind: 'permanent' })
    expect(fake.calls({ method: 'chat.postMessage' })).toEqual([])
  })

  it('asks Slack to make no links, names or previews out of it', async () => {
    await chat.card(cases.pending, null, now)
    expect(fake.calls({ method: 'chat.postMessage' })[0]?.args).toMatchObject({
      unfurl_links: 'false',
      unfurl_media: 'false',
      parse: 'none',
      link_names: 'false',
    })
  })
})

describe('the requester’s message', () => {
  it('goes to the person, and is edited in the conversation that Slack made for it', async () => {
    const place = await chat.mirror(cases.pending, null, now)
    expect(place.channel).toMatch(/^D/)
    expect(await chat.mirror(cases.open, place, now)).toEqual(place)
    const direct = fake.dm('alice')
    expect(direct).toHaveLength(1)
    expect(direct[0]?.text).toContain('Open: rdp to vm-jump01.')
  })
})

describe('notes', () => {
  const ending = { type: 'ending', expiresAt: grantBase.expiresAt } as const

  it('stand in the thread under the card, with a button to close', async () => {
    const place = await chat.card(cases.open, null, now)
    await chat.note(cases.open, ending, place, grantBase.expiresAt - 5 * minute, false)
    const thread = fake.thread(place)
    expect(thread).toHaveLength(1)
    expect(fake.visible(thread[0] ?? expect.fail('no note'))).toContain('About 5 minutes left')
    expect(JSON.stringify(thread[0]?.blocks)).toContain('"action_id":"close"')
    expect(fake.messages('C0APPROVE')).toHaveLength(1)
  })

  it('reach the requester as a message of their own', async () => {
    await chat.tell(cases.open, { type: 'opened', at: noon, expiresAt: grantBase.expiresAt }, now, true)
    expect(fake.dm('alice')[0]?.text).toContain('mstsc /v:20.1.2.3')
    expect(fake.dm('alice')[0]?.text).toContain('(may repeat)')
  })

  it('are not posted at all when they are no longer true', async () => {
    await chat.note(cases.closed, ending, { channel: 'C0APPROVE', ts: '1.1' }, now, false)
    await chat.tell(cases.open, ending, grantBase.expiresAt, false)
    expect(fake.calls({ method: 'chat.postMessage' })).toEqual([])
  })
})

describe('the audit trail', () => {
  it('is one line per event, number first', async () => {
    await chat.announce('C0AUDIT', record(41), false)
    await chat.announce('C0AUDIT', record(42), true)
    const lines = fake.messages('C0AUDIT').map((message) => message.text)
    expect(lines[0]).toMatch(/^#41 · /)
    expect(lines[1]).toMatch(/^#42 · .*\(may repeat\)$/)
  })

  it('keeps its order and holds up no card while Slack hangs on a line', async () => {
    fake.fault({ method: 'chat.postMessage', kind: 'black-hole' })
    const lines = [chat.announce('C0AUDIT', record(41), false), chat.announce('C0AUDIT', record(42), false)]
    await fake.until(() => fake.calls({ method: 'chat.postMessage' }).length === 1)
    await chat.card(cases.pending, null, now)
    expect(fake.messages('C0APPROVE')).toHaveLength(1)
    expect(fake.messages('C0AUDIT')).toEqual([])
    fake.heal()
    await Promise.all(lines)
    expect(fake.messages('C0AUDIT').map((message) => message.text.slice(0, 3))).toEqual(['#41', '#42'])
  })
})

const texts = (name: string) => fake.dm(name).map((message) => message.text.split(':')[0])
const calls = (pages: Pages) => chat.page(pages, cases.closing, [], grantBase.expiresAt + 2 * minute)
const idOf = (name: string) => fake.workspace.people.find(name).id

describe('a call for help', () => {
  beforeEach(() => void fake.channel('C0PAGES', { members: ['carol'] }))

  it('reaches the channel and each person who is named, whom a mention alone would not reach', async () => {
    await calls({ channel: 'C0PAGES', users: [idOf('bob'), idOf('alice')], groups: [] })
    expect(fake.messages('C0PAGES')[0]?.text).toContain(`<@${idOf('bob')}> <@${idOf('alice')}> *Not closed:*`)
    expect([texts('bob'), texts('alice'), texts('carol')]).toEqual([['*Not closed'], ['*Not closed'], []])
  })

  it('counts as heard when anybody was reached: nobody hears it again because somebody else was not', async () => {
    await calls({ channel: 'C0GONE', users: ['U0GONE', idOf('bob')], groups: [] })
    expect(texts('bob')).toEqual(['*Not closed'])
    await calls({ channel: 'C0PAGES', users: ['U0GONE'], groups: [] })
    expect(fake.messages('C0PAGES')).toHaveLength(1)
  })

  it('is tried again when it reached nobody', async () => {
    await expect(calls({ channel: 'C0GONE', users: ['U0GONE'], groups: [] })).rejects.toMatchObject({
      code: 'channel_not_found',
    })
    await expect(calls({ channel: 'C0GONE', users: [], groups: [] })).rejects.toBeInstanceOf(Fault)
  })

  it('about a rule that does not go reaches people in the same way', async () => {
    const alarm: Alarm = { type: 'stuck rule', nsgId: 'nsg', name: 'jit-a-1', why: 'no' }
    await chat.alarm({ channel: 'C0GONE', users: [idOf('bob')], groups: [] }, alarm, false)
    expect(texts('bob')).toEqual(['*Not removed'])
    await expect(
      chat.alarm({ channel: 'C0GONE', users: ['U0GONE'], groups: [] }, alarm, false),
    ).rejects.toBeInstanceOf(Fault)
  })
})

describe('the news of a stop', () => {
  const news = { closed: 1, closing: [], holds: false }
  const tells = (channel: string, userId: string) => {
    const by = { ...alice, userId }
    const lifted = { by: alice, at: now, reason: 'clean <!channel>' }
    const panic = { id: 'p1', scope: { kind: 'all' }, reason: 'x', by, at: noon, lifted } as const
    return chat.panicNews({ channel, users: [], groups: [] }, panic, news)
  }
  beforeEach(() => void fake.channel('C0PAGES', { members: ['carol'] }))

  it('reaches the channel and whoever began it, and says who lifted it and why', async () => {
    await tells('C0PAGES', idOf('bob'))
    const [said] = fake.messages('C0PAGES')
    expect(said?.text).toContain(`It is lifted by <@${alice.userId}>`)
    expect(said?.text).toContain('clean &lt;!channel&gt;. Access there can be asked for again')
    expect(fake.dm('bob')).toHaveLength(1)
  })

  it('is told again only when it reached nobody', async () => {
    await tells('C0PAGES', 'U0GONE')
    expect(fake.messages('C0PAGES')).toHaveLength(1)
    await expect(tells('C0GONE', 'U0GONE')).rejects.toBeInstanceOf(Fault)
  })
})

it('speaks about the person who asked, by id', async () => {
  await chat.card(cases.pending, null, now)
  expect(JSON.stringify(fake.messages('C0APPROVE')[0]?.blocks)).toContain(`<@${alice.userId}>`)
})
