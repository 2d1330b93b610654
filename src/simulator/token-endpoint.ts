import type { IncomingHttpHeaders } from 'node:http'
import type { Answer } from './arm-call.ts'
import type { Simulation } from './simulation.ts'

export const tokenPath = '/msi/token'

/** `azure-cli` puts a slash after it. */
export const isTokenPath = (path: string): boolean => path === tokenPath || path === `${tokenPath}/`

/** The header that carries the secret, by version. */
const secretHeaders = new Map([
  ['2019-08-01', 'x-identity-header'],
  ['2017-09-01', 'secret'],
])

const timeText = (seconds: number): string => {
  const [year, month, day, time] = new Date(seconds * 1000).toISOString().split(/[-T.]/)
  return `${month}/${day}/${year} ${time} +00:00`
}

/**
 * The token endpoint of App Service: version 2019-08-01, which `ManagedIdentityCredential` uses when its two
 * variables are set, and 2017-09-01, which `azure-cli` still uses, with its own header and its own way to write a time.
 */
export function issueToken(sim: Simulation, query: URLSearchParams, headers: IncomingHttpHeaders): Answer {
  let lifetimeSeconds = sim.settings.tokenLifetimeSeconds
  for (const fault of sim.faults.take('token', 'GET', tokenPath)) {
    if (fault.kind === 'token-endpoint-down')
      return refused(fault.status ?? 500, 'The service is not available.')
    if (fault.kind === 'token-lifetime') lifetimeSeconds = fault.seconds
  }
  const version = query.get('api-version') ?? ''
  const header = secretHeaders.get(version)
  if (header === undefined) return refused(400, 'api-version must be 2019-08-01 or 2017-09-01.')
  const wanted = sim.settings.identityHeader
  if (!headers[header] || (wanted !== '' && headers[header] !== wanted)) {
    return refused(401, `${header.toUpperCase()} is missing or wrong.`)
  }
  const resource = query.get('resource')
  if (!resource) return refused(400, 'resource is missing.')
  const { token, expiresOn } = sim.tokens.issue(resource, lifetimeSeconds, sim.now())
  const body = {
    access_token: token,
    expires_on: version === '2017-09-01' ? timeText(expiresOn) : String(expiresOn),
    resource,
    token_type: 'Bearer',
    client_id: 'a5510000-0000-4000-8000-000000000001',
  }
  return { status: 200, body }
}

function refused(statusCode: number, message: string): Answer {
  return { status: statusCode, body: { statusCode, message, correlationId: crypto.randomUUID() } }
}
