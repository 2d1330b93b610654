import * as openid from 'openid-client'
import type { Kept } from './sealed.ts'

export interface SignInParts {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
}

export interface SignedIn {
  readonly userId: string
  readonly teamId: string
  readonly name: string | null
}

export interface SignIn {
  /** Where to send the browser, and what it has to keep until it comes back. */
  begin(
    redirectUri: string,
    teamId: string,
  ): Promise<{ readonly url: URL; readonly start: Omit<Kept['start'], 'token'> }>
  /** Who came back. Rejects when anything about the answer is not as it was begun. */
  finish(answer: URL, start: Kept['start']): Promise<SignedIn>
}

const timeoutSeconds = 10
const claim = (claims: object, name: string): string | null => {
  const value: unknown = Reflect.get(claims, name)
  return typeof value === 'string' && value !== '' ? value : null
}

const personIn = (claims: object): SignedIn | null => {
  const userId = claim(claims, 'https://slack.com/user_id')
  const teamId = claim(claims, 'https://slack.com/team_id')
  return userId && teamId ? { userId, teamId, name: claim(claims, 'name') } : null
}

async function discover({ issuer, clientId, clientSecret }: SignInParts): Promise<openid.Configuration> {
  // Without TLS only for a provider on this machine; the configuration was refused otherwise.
  const plain = issuer.startsWith('http:') ? [openid.allowInsecureRequests] : []
  const auth = openid.ClientSecretPost(clientSecret)
  return await openid.discovery(new URL(issuer), clientId, undefined, auth, {
    timeout: timeoutSeconds,
    // The signature is checked as well, not only the line that the token came by.
    execute: [...plain, openid.enableNonRepudiationChecks],
  })
}

/** Sign in with Slack: authorization code, state, nonce and PKCE. Nothing is kept here but what the issuer published. */
export function createSignIn(parts: SignInParts): SignIn {
  let found: Promise<openid.Configuration> | null = null
  const configuration = () => {
    found ??= discover(parts).catch((error: unknown) => {
      found = null
      throw error
    })
    return found
  }
  return {
    begin: async (redirectUri, teamId) => {
      const config = await configuration()
      const start = {
        state: openid.randomState(),
        nonce: openid.randomNonce(),
        verifier: openid.randomPKCECodeVerifier(),
      }
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: 'openid profile',
        state: start.state,
        nonce: start.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(start.verifier),
        code_challenge_method: 'S256',
        // Slack then offers the workspace that the link was made in.
        team: teamId,
      })
      return { url, start }
    },
    finish: async (answer, { state, nonce, verifier }) => {
      const config = await configuration()
      const tokens = await openid.authorizationCodeGrant(config, answer, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      })
      const claims = tokens.claims()
      if (!claims) throw new Error('no ID token came')
      const person =
        personIn(claims) ?? personIn(await openid.fetchUserInfo(config, tokens.access_token, claims.sub))
      if (!person) throw new Error('the ID token and the user info name no Slack user and team')
      return person
    },
  }
}
