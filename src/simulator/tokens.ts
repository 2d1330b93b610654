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

function claimsOf(token: string): { exp: number; aud: string } {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

/** Access tokens in the shape of Entra's, signed by the simulator itself. */
export class Tokens {
  readonly #expiries = new Map<string, number>()
  readonly #tenantId: string

  constructor(tenantId: string) {
    this.#tenantId = tenantId
  }

  issue(audience: string, lifetimeSeconds: number, now: number): { token: string; expiresOn: number } {
    const issued = Math.floor(now / 1000)
    const expiresOn = issued + lifetimeSeconds
    const claims = {
      aud: audience,
      iss: `https://sts.windows.net/${this.#tenantId}/`,
      iat: issued,
      nbf: issued,
      exp: expiresOn,
      appid: 'a5510000-0000-4000-8000-000000000001',
      oid: 'a5510000-0000-4000-8000-000000000002',
      idtyp: 'app',
      tid: this.#tenantId,
    }
    const text = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}`
    return { token: `${text}.${signature(text)}`, expiresOn }
  }

  /** Throws Azure's own refusal when the header is missing, forged, out of date or meant for another service. */
  check(authorization: string | undefined, now: number, audience?: RegExp): void {
    if (!authorization) {
      throw this.#refusal(
        'AuthenticationFailed',
        "Authentication failed. The 'Authorization' header is missing.",
      )
    }
    const token = /^Bearer (.+)$/i.exec(authorization)?.[1]
    const expiry = token === undefined ? undefined : this.#expiryOf(token)
    if (expiry === undefined) throw this.invalid()
    if (expiry * 1000 <= now) throw this.expired(expiry * 1000, now)
    if (audience && !audience.test(claimsOf(token ?? '').aud)) {
      throw this.#refusal('InvalidAuthenticationToken', 'Access token validation failure. Invalid audience.')
    }
  }

  invalid(): ArmError {
    return this.#refusal('InvalidAuthenticationToken', 'The access token is invalid.')
  }

  expired(expiry: number, now: number): ArmError {
    const [then, current] = [new Date(expiry).toUTCString(), new Date(now).toUTCString()]
    return this.#refusal(
      'ExpiredAuthenticationToken',
      `The access token expiry UTC time '${then}' is earlier than current UTC time '${current}'.`,
    )
  }

  #expiryOf(token: string): number | undefined {
    const known = this.#expiries.get(token)
    if (known !== undefined) return known
    const [header, claims, signed] = token.split('.')
    if (header === undefined || claims === undefined || signed !== signature(`${header}.${claims}`))
      return undefined
    const { exp } = claimsOf(token)
    if (this.#expiries.size >= mostKnown) this.#expiries.clear()
    this.#expiries.set(token, exp)
    return exp
  }

  #refusal(code: string, message: string): ArmError {
    const challenge = `Bearer authorization_uri="https://login.microsoftonline.com/${this.#tenantId}", error="invalid_token", error_description="${message.replaceAll('"', "'")}"`
    return new ArmError(401, code, message, { headers: { 'WWW-Authenticate': challenge } })
  }
}
