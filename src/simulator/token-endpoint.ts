import type { Answer } from './arm-call.ts'
import type { Simulation } from './simulation.ts'

export const tokenPath = '/msi/token'

/** The token endpoint of App Service, which `ManagedIdentityCredential` uses when its two variables are set. */
export function issueToken(
  sim: Simulation,
  query: URLSearchParams,
  identityHeader: string | undefined,
): Answer {
  let lifetimeSeconds = sim.settings.tokenLifetimeSeconds
  for (const fault of sim.faults.take('token', 'GET', tokenPath)) {
    if (fault.kind === 'token-endpoint-down')
      return refused(fault.status ?? 500, 'The service is not available.')
    if (fault.kind === 'token-lifetime') lifetimeSeconds = fault.seconds
  }
  const wanted = sim.settings.identityHeader
  if (!identityHeader || (wanted !== '' && identityHeader !== wanted)) {
    return refused(401, 'X-IDENTITY-HEADER is missing or wrong.')
  }
  const resource = query.get('resource')
  if (query.get('api-version') !== '2019-08-01') return refused(400, 'api-version must be 2019-08-01.')
  if (!resource) return refused(400, 'resource is missing.')
  const { token, expiresOn } = sim.tokens.issue(resource, lifetimeSeconds, sim.now())
  const body = {
    access_token: token,
    expires_on: String(expiresOn),
    resource,
    token_type: 'Bearer',
    client_id: 'a5510000-0000-4000-8000-000000000001',
  }
  return { status: 200, body }
}

function refused(statusCode: number, message: string): Answer {
  return { status: statusCode, body: { statusCode, message, correlationId: crypto.randomUUID() } }
}
