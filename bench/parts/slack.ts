/** The fake Slack as a process of its own, with people who ask and approve. */
import { startFakeSlack } from '../../test/support/fake-slack/fake-slack.ts'
import type { Json } from '../../test/support/fake-slack/json.ts'
import type { Message } from '../../test/support/fake-slack/messages.ts'
import { slashCommand } from '../../test/support/fake-slack/payloads.ts'
import { serve } from './part.ts'

const channels = { access: 'C0ACCESS', approvals: 'C0APPROVALS', audit: 'C0AUDIT' } as const
const patienceMs = 120_000

const slack = await startFakeSlack()
const robin = slack.person('robin', { id: 'U0ROBIN', tz: 'Europe/Berlin' })
const avery = slack.person('avery', { id: 'U0AVERY', tz: 'Europe/Berlin' })
for (const [name, id] of Object.entries(channels)) slack.channel(id, { name, members: ['robin', 'avery'] })
const { tickets, messages, channels: rooms, botUserId } = slack.workspace
const origin = new URL(slack.apiUrl).origin
const direct = rooms.direct(robin.record).id

/** The body of one `/jit`, with a trigger and a response URL of its own. */
function command(text: string): string {
  const channel = rooms.all.get(channels.access)
  if (!channel) throw new Error('there is no channel to type in')
  const ticket = tickets.response('commands', robin.id, channel.id)
  const typed = {
    command: '/jit',
    text,
    channel,
    triggerId: tickets.trigger(robin.id),
    responseUrl: `${origin}${ticket.path}`,
  }
  const payload: Json = slashCommand(slack.workspace, robin.record, typed)
  const fields = Object.entries(payload).map(([key, value]): [string, string] => [key, String(value)])
  return new URLSearchParams(fields).toString()
}

const cards = () =>
  messages.all.filter(({ channel, threadTs }) => channel === channels.approvals && threadTs === undefined)

const mirrors = () => messages.all.filter(({ channel }) => channel === direct)

const lastLink = (): string | undefined =>
  messages.all
    .filter(({ channel }) => channel === direct)
    .flatMap(({ blocks }) => /"url":"([^"]*\/ip\/[^"]*)"/.exec(JSON.stringify(blocks))?.[1] ?? [])
    .at(-1)

const until = (predicate: () => boolean, what: string) => slack.until(predicate, { what, within: patienceMs })

const openNote = (card: Message) =>
  messages.all.some(({ threadTs, text }) => threadTs === card.ts && /Open until|Opened/.test(text))

const stands = (channel: string): { channel: string; ts: string } => {
  const draft = { channel, user: botUserId, byBot: true, text: 'what the bot wrote before', blocks: [] }
  return { channel, ts: messages.add(draft).ts }
}

const orders = {
  /** Bodies of as many commands as there are texts. */
  commands: ({ text, count }: { text: string; count: number }) =>
    Array.from({ length: count }, () => command(text)),
  /** Where the bot can be reached. */
  postsTo: (url: string) => slack.postsTo(url),
  /** Waits until that many requests have been put before the approvers and before the one who asked. */
  shown: async (count: number) => {
    await until(() => cards().length >= count && mirrors().length >= count, `${count} cards`)
  },
  /** Robin asks without an address; the link of the button in the message that comes. */
  linked: async (text: string): Promise<string> => {
    const before = lastLink()
    await robin.types('/jit', text, { channel: channels.access })
    await until(() => lastLink() !== before, 'the link')
    return lastLink() ?? ''
  },
  /** Robin asks, Avery approves, and the bot says that it is open; answers when Avery clicked. */
  approved: async (text: string): Promise<number> => {
    const before = cards().length
    await robin.types('/jit', text, { channel: channels.access })
    await until(() => cards().length > before, 'the card')
    const card = cards().at(-1)
    if (!card) throw new Error('there is no card')
    const clickedAt = Date.now()
    const seen = await avery.clicks(structuredClone(card), 'approve')
    if (!seen.acked) throw new Error(`the click was not taken: ${seen.error}`)
    await until(() => openNote(card), 'the word that it is open')
    return clickedAt
  },
  /** Messages that the bot wrote in an earlier life: a card and the requester's own, for each case. */
  written: (count: number) =>
    Array.from({ length: count }, () => ({ card: stands(channels.approvals), mirror: stands(direct) })),
}

export interface SlackPart {
  readonly given: null
  /** What the bot needs in its environment. */
  readonly facts: { readonly signingSecret: string; readonly environment: Record<string, string> }
  readonly orders: typeof orders
}

await serve<SlackPart>(() => ({
  facts: {
    signingSecret: slack.signingSecret,
    environment: {
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
    },
  },
  orders,
}))
