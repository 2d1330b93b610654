import type { Server } from 'node:http'
import type { AskCommand } from '../../src/core/command.ts'
import { builtInServices } from '../../src/core/service.ts'
import type { Intake } from '../../src/ports.ts'
import { createSlackApp, type SlackApp, type SlackConfig } from '../../src/slack/app.ts'
import type { FakeSlack } from '../support/fake-slack/fake-slack.ts'
import { noon } from './a-case.ts'
import { listen } from './listen.ts'
import { remembered } from './quiet.ts'

const nothing = async () => {}

/** The Slack half of the bot, with a list where the database would be. */
export function slackHalf(
  fake: FakeSlack,
  mode: SlackConfig['mode'],
  refuseAsk?: (ask: AskCommand) => string | null,
) {
  const log = remembered()
  const stored: Intake[] = []
  const seenKeys: string[] = []
  let broken: Error | null = null
  let meanwhile = nothing
  const app = createSlackApp({
    config: { botToken: fake.botToken, slackApiUrl: fake.apiUrl, mode },
    receive: async (intake) => {
      if (broken) throw broken
      seenKeys.push(intake.key)
      if (stored.some((other) => other.key === intake.key)) return false
      stored.push(intake)
      await meanwhile()
      return true
    },
    read: async () => null,
    remembered: async () => null,
    stops: async () => [],
    services: () => builtInServices,
    ...(refuseAsk ? { refuseAsk } : {}),
    now: () => noon,
    log,
  })
  return {
    app,
    log,
    stored,
    seenKeys,
    /** What else happens while a gesture is being stored. */
    whileStoring: (work: () => Promise<void>) => {
      meanwhile = work
    },
    breakDatabase: () => {
      broken = new Error('the database is away')
    },
  }
}

export const socketMode = (fake: FakeSlack) => ({ kind: 'socket', appToken: fake.appToken }) as const

/** A server that hands everything to the app, as the web part does for one path. */
export async function listening(app: SlackApp): Promise<{ url: string; server: Server }> {
  const { handle } = app
  if (handle === null) throw new Error('This app hears through sockets')
  const { origin, server } = await listen((req, res) => void handle(req, res))
  return { url: `${origin}/slack/events`, server }
}

/** A message with the approvers' buttons on it, as our card has them. */
export async function postButtons(fake: FakeSlack, channel: string) {
  const elements = ['approve', 'deny', 'cancel', 'close'].map((id) => ({
    type: 'button',
    action_id: id,
    text: { type: 'plain_text', text: id },
    value: 'r7k3m9x2',
  }))
  await fetch(`${fake.apiUrl}chat.postMessage`, {
    method: 'POST',
    headers: { authorization: `Bearer ${fake.botToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ channel, text: 'A card', blocks: [{ type: 'actions', elements }] }),
  })
  const card = fake.messages(channel).at(-1)
  if (card === undefined) throw new Error('The card was not posted')
  return card
}
