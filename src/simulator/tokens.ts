import { createHmac } from 'node:crypto'
import { ArmError } from './errors.ts'

// The key is no secret: it only lets a token outlive a restart of the simulator, as real tokens would.
const key = 'simulated-azure'
const mostKnown = 1_000

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function signature(text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url')
}

/** What a token says, as far as anything here asks. */
export interface Claims {
  exp: number
  aud: string
  /** The tenant that it was made for. */
  tid: string
}

function claimsOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

const bearer = (authorization: string | undefined): string | undefined =>
  /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]

/** Access tokens in the shape of Entra's, signed by the simulator itself. */
export class Tokens {
  readonly #known = new Map<string, Claims>()
  readonly #tenantId: string

  constructor(tenantId: string) {
    this.#tenantId = tenantId
  }

  issue(
    audience: string,
    lifetimeSeconds: number,
    now: number,
    tenantId = this.#tenantId,
  ): { token: string; expiresOn: number } {
    const issued = Math.floor(now / 1000)
    const expiresOn = issued + lifetimeSeconds
    const claims = {
      aud: audience,
      iss: `https://sts.windows.net/${tenantId}/`,
      iat: issued,
      nbf: issued,
      exp: expiresOn,
      appid: 'a5510000-0000-4000-8000-000000000001',
      oid: 'a5510000-0000-4000-8000-000000000002',
      idtyp: 'app',
      tid: tenantId,
    }
    const text = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}`
    return { token: `${text}.${signature(text)}`, expiresOn }
  }

  /** Throws Azure's own refusal when the header is missing, forged, out of date or meant for another service. */
  check(authorization: string | undefined, now: number, audience?: RegExp): Claims {
    if (!authorization) {
      throw this.refusal(
        'AuthenticationFailed',
        "Authentication failed. The 'Authorization' header is missing.",
      )
    }
    const claims = this.claims(authorization)
    if (claims === undefined) throw this.invalid()
    if (claims.exp * 1000 <= now) throw this.expired(claims.exp * 1000, now)
    if (audience && !audience.test(claims.aud)) {
      throw this.refusal('InvalidAuthenticationToken', 'Access token validation failure. Invalid audience.')
    }
    return claims
  }

  /** What a good token says, were it out of date; undefined for one that is forged or missing. */
  claims(authorization: string | undefined): Claims | undefined {
    const token = bearer(authorization)
    if (token === undefined) return undefined
    const known = this.#known.get(token)
    if (known !== undefined) return known
    const [header, body, signed] = token.split('.')
    if (header === undefined || body === undefined || signed !== signature(`${header}.${body}`))
      return undefined
    const claims = claimsOf(token)
    if (this.#known.size >= mostKnown) this.#known.clear()
    this.#known.set(token, claims)
    return claims
  }

  invalid(): ArmError {
    return this.refusal('InvalidAuthenticationToken', 'The access token is invalid.')
  }

  expired(expiry: number, now: number): ArmError {
    const [then, current] = [new Date(expiry).toUTCString(), new Date(now).toUTCString()]
    return this.refusal(
      'ExpiredAuthenticationToken',
      `The access token expiry UTC time '${then}' is earlier than current UTC time '${current}'.`,
    )
  }

  refusal(code: string, message: string): ArmError {
    const challenge = `Bearer authorization_uri="https://login.microsoftonline.com/${this.#tenantId}", error="invalid_token", error_description="${message.replaceAll('"', "'")}"`
    return new ArmError(401, code, message, { headers: { 'WWW-Authenticate': challenge } })
  }
}
