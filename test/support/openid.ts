import { type SlackUser, startProvider } from '../../demo/open-id.ts'

export type { SlackUser } from '../../demo/open-id.ts'

export const client = { id: '1000.2000', secret: 'a secret of the tests' }

export interface OpenId {
  readonly issuer: string
  /** Who presses “Allow” from now on; null: a page asks who it is. */
  signsIn(user: SlackUser | null): void
  /** What browsers were sent here with. */
  readonly asked: URLSearchParams[]
  close(): Promise<void>
}

const named = (users: readonly SlackUser[]) =>
  `<!doctype html><title>Slack</title><h1>Who are you?</h1><form method="post">${users
    .map(({ userId, name }) => `<button name="user" value="${userId}">${name}</button>`)
    .join('')}</form>`

/** The demo's OpenID provider, with people of the tests. */
export async function startOpenId(
  users: readonly SlackUser[],
  redirectUris: readonly string[],
): Promise<OpenId> {
  let chosen: SlackUser | null = null
  const asked: URLSearchParams[] = []
  const provider = await startProvider({
    port: 0,
    client,
    users,
    redirectUris,
    page: named,
    over: 'This sign-in is over.',
    chosen: () => chosen,
    onAsked: (query) => asked.push(query),
  })
  return {
    ...provider,
    asked,
    signsIn: (user) => {
      chosen = user
    },
  }
}
