import type { Answer } from './arm-call.ts'
import type { Simulation } from './simulation.ts'

/** Entra's own paths: `/{tenant}/oauth2/v2.0/token`, and what clients look up before they use it. */
const signInForm =
  /^\/[^/]+\/(oauth2\/v2\.0\/token|v2\.0\/\.well-known\/openid-configuration|discovery\/instance)$/

export const isSignIn = (path: string): boolean => signInForm.test(path)

interface SignIn {
  sim: Simulation
  path: string
  /** The authority, as the caller named it. */
  base: string
  body: unknown
}

const refused = (status: number, error: string, description: string): Answer => ({
  status,
  body: {
    error,
    error_description: `${description} Trace ID: ${crypto.randomUUID()}`,
    error_codes: [Number(/\d+/.exec(description)?.[0] ?? 0)],
    correlation_id: crypto.randomUUID(),
  },
})

function metadata(base: string, tenant: string): Answer {
  const body = {
    token_endpoint: `${base}/${tenant}/oauth2/v2.0/token`,
    authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/authorize`,
    issuer: `${base}/${tenant}/v2.0`,
    jwks_uri: `${base}/${tenant}/discovery/v2.0/keys`,
    end_session_endpoint: `${base}/${tenant}/oauth2/v2.0/logout`,
  }
  return { status: 200, body }
}

function discovery(base: string): Answer {
  const host = new URL(base).hostname
  return {
    status: 200,
    body: {
      tenant_discovery_endpoint: `${base}/common/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    },
  }
}

/** A client's token by its secret or assertion, for one tenant: the one in the path. */
export function signIn({ sim, path, base, body }: SignIn): Answer {
  const [, tenant = '', ...rest] = path.split('/')
  if (rest[0] === 'v2.0') return metadata(base, tenant)
  if (rest[0] === 'discovery') return discovery(base)
  const form = new URLSearchParams(typeof body === 'string' ? body : '')
  const client = form.get('client_id') ?? ''
  const scope = (form.get('scope') ?? '').split(' ').find((each) => each.endsWith('/.default'))
  if (sim.closedTenants.has(tenant.toLowerCase())) {
    return refused(
      400,
      'unauthorized_client',
      `AADSTS700016: Application with identifier '${client}' was not found in the directory '${tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`,
    )
  }
  if (!form.get('client_secret') && !form.get('client_assertion'))
    return refused(
      401,
      'invalid_client',
      "AADSTS7000218: The request body must contain 'client_assertion' or 'client_secret'.",
    )
  if (scope === undefined)
    return refused(400, 'invalid_scope', 'AADSTS1002012: The provided value for scope is not valid.')
  const audience = scope.slice(0, -'/.default'.length)
  const seconds = sim.settings.tokenLifetimeSeconds
  const { token } = sim.tokens.issue(audience, seconds, sim.now(), tenant)
  return {
    status: 200,
    body: { token_type: 'Bearer', expires_in: seconds, ext_expires_in: seconds, access_token: token },
  }
}
