import { createSign, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'

export interface FalseIssuer {
  readonly issuer: string
  /** What its ID tokens say from now on, for the nonce that was asked with; `forge` signs with a key of somebody else. */
  says(claims: (nonce: string) => object, how?: { readonly forge?: boolean }): void
  /** What it answers when it is asked who somebody is. */
  knows(claims: object): void
  /** The body of every request for a token. */
  readonly asked: URLSearchParams[]
  close(): Promise<void>
}

const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const jsonTo = (response: ServerResponse) => (value: object) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

/** An OpenID provider that can be made to lie: it hands out a code at once and says what it is told to. */
export async function startFalseIssuer(port = 0): Promise<FalseIssuer> {
  const [own, foreign] = [pair(), pair()]
  const asked: URLSearchParams[] = []
  let idToken = (nonce: string): string => asked.join(nonce)
  let known: object = {}
  let nonce = ''
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', issuer)
      const json = jsonTo(response)
      if (url.pathname === '/auth') {
        nonce = url.searchParams.get('nonce') ?? ''
        const back = new URL(url.searchParams.get('redirect_uri') ?? '')
        back.search = new URLSearchParams({
          code: 'the code',
          state: url.searchParams.get('state') ?? '',
        }).toString()
        response.writeHead(303, { location: back.href }).end()
      } else if (url.pathname === '/token') {
        let body = ''
        for await (const chunk of request) body += String(chunk)
        asked.push(new URLSearchParams(body))
        json({ ok: true, access_token: 'at', token_type: 'Bearer', id_token: idToken(nonce) })
      } else if (url.pathname === '/userinfo') json(known)
      else if (url.pathname === '/keys')
        json({ keys: [{ ...own.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' }] })
      else
        json({
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          userinfo_endpoint: `${issuer}/userinfo`,
          jwks_uri: `${issuer}/keys`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
        })
    })()
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const issuer = `http://localhost:${typeof address === 'object' && address ? address.port : 0}`
  return {
    issuer,
    asked,
    says: (claims, { forge = false } = {}) => {
      idToken = (given) => {
        const signed = `${encoded({ alg: 'RS256', kid: 'k' })}.${encoded(claims(given))}`
        const key = forge ? foreign.privateKey : own.privateKey
        return `${signed}.${createSign('sha256').update(signed).sign(key, 'base64url')}`
      }
    },
    knows: (claims) => {
      known = claims
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
