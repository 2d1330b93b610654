import {
  ClientSecretCredential,
  DefaultAzureCredential,
  ManagedIdentityCredential,
  type TokenCredential,
  WorkloadIdentityCredential,
} from '@azure/identity'
import type { Cloud } from './clouds.ts'

/** What the environment says about the bot's own identity, under the names that @azure/identity defines. */
export interface IdentitySettings {
  /** `AZURE_TOKEN_CREDENTIALS`: `prod`, `dev`, or the name of one credential. */
  readonly tokenCredentials?: string | undefined
  readonly tenantId?: string | undefined
  /** Other tenants that the identity may ask tokens for. */
  readonly otherTenants?: readonly string[] | undefined
  readonly clientId?: string | undefined
  readonly clientSecret?: string | undefined
  readonly federatedTokenFile?: string | undefined
  /** `IDENTITY_ENDPOINT`: the host offers a managed identity. */
  readonly identityEndpoint?: string | undefined
}

/**
 * One credential, chosen in the order of DefaultAzureCredential's chain but without walking it: a chain hides
 * which link failed and waits for each. `AZURE_TOKEN_CREDENTIALS` hands the choice to the chain itself.
 */
export function chooseCredential(settings: IdentitySettings, cloud: Cloud): TokenCredential {
  const { tenantId, clientId, clientSecret, federatedTokenFile } = settings
  const options = {
    authorityHost: cloud.authorityHost,
    ...(settings.otherTenants?.length && { additionallyAllowedTenants: [...settings.otherTenants] }),
  }
  if (settings.tokenCredentials) return new DefaultAzureCredential(options)
  if (tenantId && clientId && clientSecret) {
    return new ClientSecretCredential(tenantId, clientId, clientSecret, options)
  }
  if (tenantId && clientId && federatedTokenFile) {
    return new WorkloadIdentityCredential({
      ...options,
      tenantId,
      clientId,
      tokenFilePath: federatedTokenFile,
    })
  }
  if (settings.identityEndpoint) {
    return new ManagedIdentityCredential({ ...options, ...(clientId ? { clientId } : {}) })
  }
  return new DefaultAzureCredential(options)
}

/** The same identity in one of its tenants; null is its own. */
export const inTenant = (credential: TokenCredential, tenantId: string | null): TokenCredential =>
  tenantId === null
    ? credential
    : { getToken: (scopes, options) => credential.getToken(scopes, { ...options, tenantId }) }

/**
 * Gives up on a token that does not come. The SDK asks only once at a time and listens to no signal while it waits,
 * so one question that a dead endpoint never answered would keep every later call waiting, even when the endpoint
 * is back.
 */
export const timely = (credential: TokenCredential, timeoutMs: number): TokenCredential => ({
  getToken: async (scopes, options) => {
    const late = Promise.withResolvers<never>()
    const giveUp = () => late.reject(new DOMException('There was no Azure token in time', 'TimeoutError'))
    const timer = setTimeout(giveUp, timeoutMs)
    try {
      return await Promise.race([credential.getToken(scopes, options), late.promise])
    } finally {
      clearTimeout(timer)
    }
  },
})
