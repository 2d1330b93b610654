import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AdapterPayload, errors, Provider } from 'oidc-provider'

export interface SlackUser {
  readonly userId: string
  readonly teamId: string
  readonly name: string
}

export interface OpenIdOptions {
  /** 0: any that is free. */
  readonly port: number
  readonly client: { readonly id: string; readonly secret: string }
  readonly users: readonly SlackUser[]
  readonly redirectUris: readonly string[]
  /** The page that asks who it is: a form that posts the id of one of them as `user`. */
  readonly page: (users: readonly SlackUser[]) => string | Promise<string>
  /** What is said to somebody whose sign-in was begun too long ago, or in another browser. */
  readonly over: string | Promise<string>
  /** Who signs in without being asked; null: the page asks. */
  readonly chosen?: () => SlackUser | null
  /** Told what a browser was sent here with. */
  readonly onAsked?: (query: URLSearchParams) => void
}

export interface OpenIdProvider {
  readonly issuer: string
  close(): Promise<void>
}

const mostBytes = 4096

/** Without its session the provider asks at every sign-in, so one browser can act as one person after another. */
function forgetSession({ headers }: IncomingMessage): void {
  const kept = (headers.cookie ?? '').split('; ').filter((each) => !each.startsWith('_session'))
  headers.cookie = kept.join('; ')
}

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

function settings({ client, users, redirectUris }: OpenIdOptions) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
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
    jwks: {
      keys: [{ ...privateKey.export({ format: 'jwk' }), kty: 'RSA', use: 'sig', alg: 'RS256' }],
    },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    cookies: { keys: [randomUUID()] },
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
  }
}

async function bodyOf(request: IncomingMessage): Promise<URLSearchParams> {
  let body = ''
  for await (const chunk of request) {
    body += String(chunk)
    if (body.length > mostBytes) return new URLSearchParams()
  }
  return new URLSearchParams(body)
}

const show = (response: ServerResponse, status: number, page: string) =>
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(page)

/** A real OpenID provider that says what Slack says: who signed in, and in which team. */
export async function startProvider(options: OpenIdOptions): Promise<OpenIdProvider> {
  const { port, users, page, over, chosen, onAsked } = options
  const server = createServer((request, response) => {
    forgetSession(request)
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/auth') onAsked?.(url.searchParams)
    if (url.pathname.startsWith('/interaction/')) void interact(request, response)
    else void callback(request, response)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const issuer = `http://localhost:${typeof address === 'object' && address ? address.port : port}`
  const provider = new Provider(issuer, {
    ...settings(options),
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
    try {
      const named = (await bodyOf(request)).get('user')
      const accountId = (chosen?.() ?? users.find(({ userId }) => userId === named))?.userId
      if (accountId) await provider.interactionFinished(request, response, { login: { accountId } })
      else show(response, 200, await page(users))
    } catch (error) {
      if (error instanceof errors.OIDCProviderError) show(response, 400, await over)
      else response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error))
    }
  }
  return {
    issuer,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
