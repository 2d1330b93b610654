import type { Finding } from '../core/rights.ts'
import type { Log } from './log.ts'
import { calling, webClient } from './web-api.ts'

/** The scopes of the manifest, each with what needs it; a test holds the two together. */
export const neededScopes: Readonly<Record<string, string>> = {
  'app_mentions:read': 'comments in the thread under a card',
  commands: '/jit',
  'chat:write': 'cards, threads and messages',
  'users:read': 'who clicks',
  'users:read.email': 'whom an e-mail address names',
  'usergroups:read': 'who is in a group that the policy names',
}

export interface SlackExamined {
  readonly botToken: string
  readonly appToken: string | undefined
  readonly slackApiUrl: string
  readonly log: Log
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const install = 'install the app from manifest.yml again, and use the tokens that it shows'

async function botToken({ botToken: token, slackApiUrl, log }: SlackExamined): Promise<readonly Finding[]> {
  const client = webClient(token, slackApiUrl, log)
  const answer = await calling('auth.test', 'read', () => client.auth.test())
  const given = answer.response_metadata?.scopes ?? []
  const missing = Object.entries(neededScopes).filter(([scope]) => !given.includes(scope))
  const signedIn: Finding = { state: 'good', text: `Slack: signed in as ${answer.user} in ${answer.team}` }
  if (given.length === 0)
    return [signedIn, { state: 'note', text: 'Slack: it does not say which scopes the token has' }]
  return [
    signedIn,
    missing.length === 0
      ? { state: 'good', text: 'Slack: every scope of the manifest' }
      : {
          state: 'bad',
          text: `Slack: the token lacks ${missing.map(([scope, why]) => `${scope} (${why})`).join(', ')}`,
          advice: install,
        },
  ]
}

/** Asks for an address to connect to, and connects to none. */
async function appToken({ appToken: token, slackApiUrl, log }: SlackExamined): Promise<readonly Finding[]> {
  if (token === undefined) return []
  const client = webClient(token, slackApiUrl, log)
  await calling('apps.connections.open', 'read', () => client.apps.connections.open())
  return [{ state: 'good', text: 'Slack: the app token may open Socket Mode' }]
}

/** Whether the tokens are good and allow what the app does. It never throws. */
export async function examineSlack(examined: SlackExamined): Promise<readonly Finding[]> {
  const parts = await Promise.all(
    [botToken, appToken].map((look) =>
      look(examined).catch((error: unknown): readonly Finding[] => [
        { state: 'bad', text: `Slack: ${messageOf(error)}`, advice: install },
      ]),
    ),
  )
  return parts.flat()
}
