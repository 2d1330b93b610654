import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { NetworkManagementClient } from '@azure/arm-network'
import { ResourceGraphClient } from '@azure/arm-resourcegraph'
import type { AccessToken, TokenCredential } from '@azure/identity'
import { type Certificate, makeCertificate } from '../../src/simulator/certificate.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/server.ts'

export const production = '11111111-1111-4111-8111-111111111111'
export const staging = '22222222-2222-4222-8222-222222222222'

const trusted = new Set<string>()
let shared: Promise<Certificate> | undefined

/** Makes every TLS connection of this process trust the simulator; NODE_EXTRA_CA_CERTS is read only at start. */
export function trustSimulator(caPem: string): void {
  if (trusted.has(caPem)) return
  trusted.add(caPem)
  setDefaultCACertificates([...getCACertificates('default'), caPem])
}

export async function startTestSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  shared ??= makeCertificate()
  const simulator = await startSimulator({ certificate: await shared, ...options })
  trustSimulator(simulator.caPem)
  return simulator
}

/** A credential that asks the simulator itself, without the token endpoint. */
export function simulatorCredential({ sim }: Simulator, lifetimeSeconds = 3_600): TokenCredential {
  return {
    getToken: (scopes, options): Promise<AccessToken> => {
      const audience = [scopes].flat().join(' ').replace('/.default', '')
      const { token, expiresOn } = sim.tokens.issue(audience, lifetimeSeconds, sim.now(), options?.tenantId)
      return Promise.resolve({ token, expiresOnTimestamp: expiresOn * 1000 })
    },
  }
}

/** A client's token for one tenant, from the simulated Entra. */
async function signInto(simulator: Simulator, tenantId: string, scope: string): Promise<AccessToken> {
  const body = new URLSearchParams({ client_id: 'a', client_secret: 'b', scope }).toString()
  const answer = await wireCall(simulator, 'POST', `/${tenantId}/oauth2/v2.0/token`, { body })
  const read: { access_token?: unknown; expires_in?: unknown; error_description?: unknown } =
    typeof answer.body === 'object' && answer.body !== null ? answer.body : {}
  if (answer.status !== 200)
    throw Object.assign(new Error(String(read.error_description)), { name: 'AuthenticationError' })
  const lifetimeMs = Number(read.expires_in) * 1000
  return { token: String(read.access_token), expiresOnTimestamp: simulator.sim.now() + lifetimeMs }
}

/** A credential that asks the token endpoint once for each token, where the SDK's own would try for seconds. */
export function signingIn(simulator: Simulator): TokenCredential {
  return {
    getToken: async (scopes, options) => {
      if (options?.tenantId) return signInto(simulator, options.tenantId, [scopes].flat().join(' '))
      const resource = [scopes].flat().join(' ').replace('/.default', '')
      const query = `api-version=2019-08-01&resource=${encodeURIComponent(resource)}`
      const headers = { 'X-IDENTITY-HEADER': simulator.environment['IDENTITY_HEADER'] ?? '' }
      const { status, body } = await wireCall(simulator, 'GET', `/msi/token?${query}`, { headers })
      if (status !== 200) {
        throw Object.assign(new Error(`The token endpoint answered ${status}`), {
          name: 'CredentialUnavailableError',
        })
      }
      const answer: { access_token?: unknown; expires_on?: unknown } =
        typeof body === 'object' && body !== null ? body : {}
      return { token: String(answer.access_token), expiresOnTimestamp: Number(answer.expires_on) * 1000 }
    },
  }
}

/** The real network client; it does not retry unless told to, so that a test sees each answer. */
export function networkClient(
  simulator: Simulator,
  { subscription = production, maxRetries = 0 }: { subscription?: string; maxRetries?: number } = {},
): NetworkManagementClient {
  return new NetworkManagementClient(simulatorCredential(simulator), subscription, {
    endpoint: simulator.url,
    retryOptions: { maxRetries, retryDelayInMs: 1 },
  })
}

export function graphClient(simulator: Simulator): ResourceGraphClient {
  return new ResourceGraphClient(simulatorCredential(simulator), {
    endpoint: simulator.url,
    retryOptions: { maxRetries: 0 },
  })
}

export interface WireAnswer {
  status: number
  headers: Headers
  body: unknown
}

/** Calls ARM with a good token and no SDK in between, to see status, headers and body as they are. */
export async function armCall(
  simulator: Simulator,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
): Promise<WireAnswer> {
  const { sim } = simulator
  const { token } = sim.tokens.issue('https://management.azure.com', 3_600, sim.now())
  const separator = path.includes('?') ? '&' : '?'
  return wireCall(simulator, method, `${path}${separator}api-version=2026-01-01`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    body,
  })
}

export async function wireCall(
  simulator: Simulator,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
): Promise<WireAnswer> {
  const response = await fetch(`${simulator.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const parsed: unknown = text === '' ? undefined : JSON.parse(text)
  return { status: response.status, headers: response.headers, body: parsed }
}

/** A rule that lets one address in to RDP, as a grant would write it. */
export const rdpRule = {
  access: 'Allow',
  direction: 'Inbound',
  protocol: 'Tcp',
  priority: 200,
  sourceAddressPrefix: '203.0.113.7',
  sourcePortRange: '*',
  destinationAddressPrefix: '10.20.1.10',
  destinationPortRange: '3389',
}

/** Where that rule goes: resource group, security group and rule, as the SDK's calls take them. */
export const ruleAt = ['rg-ops', 'nsg-jump01-nic', 'jit-a-1'] as const
export const groupPath = `/subscriptions/${production}/resourceGroups/rg-ops/providers/Microsoft.Network/networkSecurityGroups/nsg-jump01-nic`
export const rulePath = `${groupPath}/securityRules/jit-a-1`

export async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
