import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AdapterPayload, Provider } from 'oidc-provider'

export interface SlackUser {
  readonly userId: string
  readonly teamId: string
  readonly name: string
}

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

const settings = (users: readonly SlackUser[], redirectUris: readonly string[]) => ({
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      redirect_uris: [...redirectUris],
      token_endpoint_auth_method: 'client_secret_post' as const,
    },
  ],
  claims: {
    openid: ['sub', 'https://slack.com/user_id', 'https://slack.com/team_id'],
    profile: ['name'],
  },
  adapter: Shelf,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kty: 'RSA', use: 'sig', alg: 'RS256' }] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  cookies: { keys: ['of the tests'] },
  ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 60, Interaction: 600, Session: 600, Grant: 600 },
  interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
  findAccount: (_: unknown, sub: string) => {
    const user = users.find(({ userId }) => userId === sub)
    return (
      user && {
        accountId: sub,
        claims: () => ({
          sub,
          name: user.name,
          'https://slack.com/user_id': user.userId,
          'https://slack.com/team_id': user.teamId,
        }),
      }
    )
  },
})

/** Memory is enough here; the provider's own would say at every start that it is not for production. */
class Shelf {
  readonly #kept = new Map<string, AdapterPayload>()

  async upsert(id: string, payload: AdapterPayload) {
    this.#kept.set(id, payload)
  }

  async find(id: string) {
    return this.#kept.get(id)
  }

  async findByUid(uid: string) {
    return [...this.#kept.values()].find((each) => each.uid === uid)
  }

  async findByUserCode() {
    return undefined
  }

  async consume(id: string) {
    const kept = this.#kept.get(id)
    if (kept) kept['consumed'] = Math.floor(Date.now() / 1000)
  }

  async destroy(id: string) {
    this.#kept.delete(id)
  }

  async revokeByGrantId(grantId: string) {
    for (const [id, { grantId: of }] of this.#kept) if (of === grantId) this.#kept.delete(id)
  }
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** A real OpenID provider that says what Slack says: who signed in, and in which team. */
export async function startOpenId(
  users: readonly SlackUser[],
  redirectUris: readonly string[],
): Promise<OpenId> {
  let chosen: SlackUser | null = null
  const asked: URLSearchParams[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/auth') asked.push(url.searchParams)
    if (!url.pathname.startsWith('/interaction/')) {
      void callback(request, response)
      return
    }
    void interact(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const issuer = `http://localhost:${typeof address === 'object' && address ? address.port : 0}`
  const provider = new Provider(issuer, {
    ...settings(users, redirectUris),
    loadExistingGrant: async (context) => {
      const { client: asking, session } = context.oidc
      if (!asking || !session?.accountId) return undefined
      const grant = new provider.Grant({ clientId: asking.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid profile')
      await grant.save()
      return grant
    },
  })
  const callback = provider.callback()
  const interact = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const accountId = chosen?.userId ?? new URLSearchParams(body).get('user')
    if (accountId) await provider.interactionFinished(request, response, { login: { accountId } })
    else response.writeHead(200, { 'content-type': 'text/html' }).end(named(users))
  }
  return {
    issuer,
    asked,
    signsIn: (user) => {
      chosen = user
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
