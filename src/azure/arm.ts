import { Agent } from 'node:https'
import { NetworkManagementClient, type NetworkManagementClientOptionalParams } from '@azure/arm-network'
// oxlint-disable-next-line no-restricted-imports -- An Azure SDK like the others; the pattern's star stops at the slash.
import { createNetworkManagement } from '@azure/arm-network/api'
import { ResourceGraphClient } from '@azure/arm-resourcegraph'
import { SecurityCenter } from '@azure/arm-security'
import type { TokenCredential } from '@azure/identity'
import type { Clock } from '../ports.ts'
import { type RawResponse, readAnswer, readSeen, type Seen } from './answer.ts'
import { type CloudName, clouds } from './clouds.ts'
import { chooseCredential, type IdentitySettings, inTenant, timely } from './credential.ts'
import { type Answer, faultOf } from './faults.ts'
import { Pace } from './pace.ts'
import { createTenants, type Tenants } from './tenants.ts'

export interface ArmSettings {
  readonly clock: Clock
  readonly cloud?: CloudName
  /** Replaces the cloud's endpoint; tokens stay the cloud's. */
  readonly endpoint?: string | undefined
  /** Replaces the cloud's Microsoft Graph; tokens stay the cloud's. */
  readonly entraEndpoint?: string | undefined
  /** Null or absent: everything that the identity can read. */
  readonly subscriptionIds?: readonly string[] | null
  /** Other tenants than the identity's own, that let it in. */
  readonly otherTenants?: readonly string[] | undefined
  readonly identity?: IdentitySettings
  /** Replaces the credential that `identity` would choose. */
  readonly credential?: TokenCredential
  /** The most that one call may take, token included. */
  readonly callTimeoutMs?: number
  /** Told of every answer, for logs and metrics. */
  readonly onAnswer?: (seen: Seen) => void
}

export interface CallOptions {
  readonly abortSignal: AbortSignal
  readonly onResponse: (raw: RawResponse) => void
}

interface Reply<T> {
  readonly value: T
  /** The last answer of the call; null when the SDK asked nothing. */
  readonly answer: Answer | null
}

/** In place of an etag: a write that is meant only where nothing stands yet. */
export const onlyNew = Symbol('only new')
type OnlyIf = string | null | typeof onlyNew

const conditionOf = (only: OnlyIf): Record<string, string> => {
  if (only === null) return {}
  return only === onlyNew ? { 'If-None-Match': '*' } : { 'If-Match': only }
}

/** One connection to Azure Resource Manager, for all subscriptions. */
export interface Arm {
  readonly clock: Clock
  readonly pace: Pace
  readonly subscriptionIds: readonly string[] | null
  readonly graph: ResourceGraphClient
  readonly tenants: Tenants
  /** The same once for each tenant, with that tenant's token and, of the named subscriptions, those that it opens. */
  perTenant(): Promise<readonly TenantArm[]>
  network(subscriptionId: string): NetworkManagementClient
  security(subscriptionId: string): SecurityCenter
  /** Reads a path that no installed SDK knows. The path carries its own api-version. */
  get(path: string, signal?: AbortSignal): Promise<Reply<unknown>>
  /** Asks by a POST that changes nothing. */
  post(path: string, body: unknown, signal?: AbortSignal): Promise<Reply<unknown>>
  /** Writes what a path names as a whole, only if it still has that etag, if any. Nothing of the body is left out or added. */
  put(path: string, body: unknown, only: OnlyIf, signal?: AbortSignal): Promise<Reply<unknown>>
  /** Microsoft Graph, with the same identity. The path carries its own version. */
  readonly entra: PlainCalls
  /** Runs one SDK call within the time limit; whatever it throws comes out as an `ArmFault`. */
  call<T>(signal: AbortSignal | undefined, run: (options: CallOptions) => PromiseLike<T>): Promise<Reply<T>>
  /** What the latest answer told about Azure's clock and our quota. */
  readonly seen: () => Seen | null
}

/** What is read of one tenant as a whole. */
export interface TenantArm extends Pick<Arm, 'clock' | 'graph' | 'get' | 'call' | 'subscriptionIds'> {
  /** Null is the identity's own. */
  readonly tenantId: string | null
}

type ClientOptions = NetworkManagementClientOptionalParams
type Policy = NonNullable<ClientOptions['additionalPolicies']>[number]['policy']

const lostConnections = new Set(['ECONNRESET', 'EPIPE'])

/** A kept connection that Azure closed meanwhile fails at once; a read is simply sent again, one time. */
const resendReads: Policy = {
  name: 'jitneyResendReads',
  async sendRequest(request, next) {
    try {
      return await next(request)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      if (request.method !== 'GET' || !lostConnections.has(code) || request.abortSignal?.aborted) throw error
      return next(request)
    }
  },
}

const mostConnections = 64

/** A thousand closes in one second share some connections: a new one each would cost more than the calls. */
function keepConnections(): Policy {
  const agent = new Agent({ keepAlive: true, maxSockets: mostConnections })
  return {
    name: 'jitneyKeepConnections',
    sendRequest(request, next) {
      // A proxy brings an agent of its own, which an earlier policy has set by now.
      request.agent ??= agent
      return next(request)
    },
  }
}

const watchAnswers = (clock: Clock, tell: (seen: Seen) => void): Policy => ({
  name: 'jitneyWatchAnswers',
  async sendRequest(request, next) {
    const response = await next(request)
    tell(readSeen(request.method, response, clock.now()))
    return response
  },
})

/**
 * Runs the work until it settles, the time is over or the caller's signal aborts, whichever is first: not every
 * SDK listens to a signal. Timer and listener end with the work, where `AbortSignal.timeout` and `any` would pile
 * up on a signal that lives as long as the process.
 */
async function within<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => PromiseLike<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const limit = new AbortController()
  const cut = Promise.withResolvers<never>()
  const stop = (reason: unknown) => {
    limit.abort(reason)
    cut.reject(reason)
  }
  const follow = () => stop(signal?.reason)
  const timer = setTimeout(() => stop(new DOMException('Azure did not answer', 'TimeoutError')), timeoutMs)
  signal?.addEventListener('abort', follow)
  try {
    return await Promise.race([cut.promise, run(limit.signal)])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', follow)
  }
}

const callTimeoutMs = 10_000
/** Whoever clicks waits for Graph, and a click may be the one that closes. */
const graphTimeoutMs = 5_000

function caller(clock: Clock, timeoutMs: number): Arm['call'] {
  return async (signal, run) => {
    let answer: Answer | null = null
    const onResponse = (raw: RawResponse) => {
      answer = readAnswer(raw, clock.now())
    }
    try {
      const value = await within(timeoutMs, signal, (abortSignal) => run({ abortSignal, onResponse }))
      return { value, answer }
    } catch (error) {
      throw faultOf(error, answer)
    }
  }
}

/** Calls without an SDK that knows them: a path with its query, and what came of it. */
export interface PlainCalls {
  get(path: string, signal?: AbortSignal): Promise<Reply<unknown>>
  post(path: string, body: unknown, signal?: AbortSignal): Promise<Reply<unknown>>
}

function bodyOf({ status, body }: { readonly status: string; readonly body: unknown }): unknown {
  if (!status.startsWith('2')) throw new Error(`Azure answered ${status}`)
  return body
}

type AllCalls = PlainCalls & Pick<Arm, 'put'>

function plainCalls(credential: TokenCredential, options: ClientOptions, call: Arm['call']): AllCalls {
  const client = createNetworkManagement(credential, '', { ...options })
  return {
    get: (path, signal) =>
      call(signal, async (callOptions) => bodyOf(await client.pathUnchecked(path).get(callOptions))),
    post: (path, body, signal) =>
      call(signal, async (callOptions) =>
        bodyOf(await client.pathUnchecked(path).post({ body, ...callOptions })),
      ),
    put: (path, body, only, signal) =>
      call(signal, async (callOptions) =>
        bodyOf(await client.pathUnchecked(path).put({ body, headers: conditionOf(only), ...callOptions })),
      ),
  }
}

const optionsFor = (endpoint: string, scope: string, watch: Policy | null): ClientOptions => ({
  endpoint,
  credentials: { scopes: [scope] },
  // The SDKs would sleep as long as a Retry-After says; trying again is the engine's business.
  retryOptions: { maxRetries: 0 },
  redirectOptions: { maxRetries: 0 },
  additionalPolicies: [
    ...(watch ? [{ policy: watch, position: 'perRetry' as const }] : []),
    { policy: resendReads, position: 'perRetry' },
    { policy: keepConnections(), position: 'perRetry' },
  ],
})

const subscriptionOf = (path: string): string | null => /^\/subscriptions\/([^/?]+)/i.exec(path)?.[1] ?? null

const remembered = <Key, Value>(make: (key: Key) => Value): ((key: Key) => Value) => {
  const known = new Map<Key, Value>()
  return (key) => {
    const value = known.has(key) ? known.get(key) : undefined
    if (value !== undefined) return value
    const made = make(key)
    known.set(key, made)
    return made
  }
}

interface Connection {
  readonly credential: TokenCredential
  readonly options: ClientOptions
  readonly call: Arm['call']
}

/** The clients by tenant: each of them keeps one token, so one must never serve two tenants. */
function clientsOf({ credential, options, call }: Connection) {
  const graph = remembered(
    (tenant: string | null) => new ResourceGraphClient(inTenant(credential, tenant), { ...options }),
  )
  const plain = remembered((tenant: string | null) => plainCalls(inTenant(credential, tenant), options, call))
  return { graph, plain }
}

/** Asks for the tenant of a subscription only when a token is needed. */
const tokenFor = (
  credential: TokenCredential,
  tenants: Tenants,
  subscriptionId: string,
): TokenCredential => ({
  getToken: async (scopes, more) =>
    inTenant(credential, await tenants.of(subscriptionId)).getToken(scopes, more),
})

/** A client for each subscription. */
function networksOf({ credential, options }: Connection, tenants: Tenants): Arm['network'] {
  const client = remembered((key: string) => {
    const [subscriptionId = ''] = key.split(' ')
    return new NetworkManagementClient(tokenFor(credential, tenants, subscriptionId), subscriptionId, {
      ...options,
    })
  })
  return (subscriptionId) => client(`${subscriptionId} ${tenants.mark(subscriptionId)}`)
}

function securitiesOf({ credential, options }: Connection, tenants: Tenants, scope: string): Arm['security'] {
  const client = remembered((key: string) => {
    const [subscriptionId = ''] = key.split(' ')
    return new SecurityCenter(tokenFor(credential, tenants, subscriptionId), subscriptionId, {
      ...options,
      credentialScopes: scope,
    })
  })
  return (subscriptionId) => client(`${subscriptionId} ${tenants.mark(subscriptionId)}`)
}

/** With one tenant alone, nothing is asked to find out what belongs where. */
async function tenantArms(
  tenants: Tenants,
  ids: readonly string[] | null,
  armOf: (tenantId: string | null, ids: readonly string[] | null) => TenantArm,
): Promise<readonly TenantArm[]> {
  if (tenants.others.length === 0) return [armOf(null, ids)]
  const all = [null, ...tenants.others]
  if (!ids) return all.map((tenantId) => armOf(tenantId, null))
  const owners = await Promise.all(ids.map((id) => tenants.of(id)))
  return all
    .map((tenantId) =>
      armOf(
        tenantId,
        ids.filter((_, at) => owners[at] === tenantId),
      ),
    )
    .filter(({ subscriptionIds }) => subscriptionIds?.length)
}

/** Prepares the clients. Nothing is sent before the first call. */
export function connectArm(settings: ArmSettings): Arm {
  const cloud = clouds[settings.cloud ?? 'public']
  const timeoutMs = settings.callTimeoutMs ?? callTimeoutMs
  const { clock, identity = {} } = settings
  const home = identity.tenantId?.toLowerCase() ?? null
  const others = [...new Set(settings.otherTenants?.map((each) => each.toLowerCase()))].filter(
    (each) => each !== home,
  )
  const chosen = settings.credential ?? chooseCredential({ ...identity, otherTenants: others }, cloud)
  const credential = timely(chosen, timeoutMs)
  let latest: Seen | null = null
  const watch = watchAnswers(clock, (seen) => {
    latest = seen
    settings.onAnswer?.(seen)
  })
  const options = optionsFor(settings.endpoint ?? cloud.endpoint, cloud.scope, watch)
  const call = caller(clock, timeoutMs)
  const connection = { credential, options, call }
  const { graph, plain } = clientsOf(connection)
  const tenants = createTenants({ home, others, clock, callsOf: plain })
  const subscriptionIds = settings.subscriptionIds?.length ? settings.subscriptionIds : null
  const tenantArm = (tenantId: string | null, ids: readonly string[] | null): TenantArm => ({
    clock,
    call,
    tenantId,
    subscriptionIds: ids,
    graph: graph(tenantId),
    get: (path, signal) => plain(tenantId).get(path, signal),
  })
  const tenantOf = async (path: string): Promise<string | null> => {
    const subscriptionId = subscriptionOf(path)
    return subscriptionId === null ? null : tenants.of(subscriptionId)
  }
  return {
    clock,
    pace: new Pace(clock),
    subscriptionIds,
    graph: graph(null),
    tenants,
    perTenant: () => tenantArms(tenants, subscriptionIds, tenantArm),
    network: networksOf(connection, tenants),
    async get(path, signal) {
      return plain(await tenantOf(path)).get(path, signal)
    },
    async post(path, body, signal) {
      return plain(await tenantOf(path)).post(path, body, signal)
    },
    async put(path, body, only, signal) {
      return plain(await tenantOf(path)).put(path, body, only, signal)
    },
    security: securitiesOf(connection, tenants, cloud.scope),
    entra: plainCalls(
      credential,
      // Graph has a clock and quotas of its own, which say nothing about Resource Manager's.
      optionsFor(settings.entraEndpoint ?? cloud.graph, `${cloud.graph}/.default`, null),
      caller(clock, Math.min(timeoutMs, graphTimeoutMs)),
    ),
    call,
    seen: () => latest,
  }
}
