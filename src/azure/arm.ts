import { Agent } from 'node:https'
import { NetworkManagementClient, type NetworkManagementClientOptionalParams } from '@azure/arm-network'
// oxlint-disable-next-line no-restricted-imports -- An Azure SDK like the others; the pattern's star stops at the slash.
import { createNetworkManagement } from '@azure/arm-network/api'
import { ResourceGraphClient } from '@azure/arm-resourcegraph'
import type { TokenCredential } from '@azure/identity'
import type { Clock } from '../ports.ts'
import { type RawResponse, readAnswer, readSeen, type Seen } from './answer.ts'
import { type CloudName, clouds } from './clouds.ts'
import { chooseCredential, type IdentitySettings, timely } from './credential.ts'
import { type Answer, faultOf } from './faults.ts'
import { Pace } from './pace.ts'

export interface ArmSettings {
  readonly clock: Clock
  readonly cloud?: CloudName
  /** Replaces the cloud's endpoint; tokens stay the cloud's. */
  readonly endpoint?: string | undefined
  /** Replaces the cloud's Microsoft Graph; tokens stay the cloud's. */
  readonly entraEndpoint?: string | undefined
  /** Null or absent: everything that the identity can read. */
  readonly subscriptionIds?: readonly string[] | null
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

/** One connection to Azure Resource Manager, for all subscriptions. */
export interface Arm {
  readonly clock: Clock
  readonly pace: Pace
  readonly subscriptionIds: readonly string[] | null
  readonly graph: ResourceGraphClient
  network(subscriptionId: string): NetworkManagementClient
  /** Reads a path that no installed SDK knows. The path carries its own api-version. */
  get(path: string, signal?: AbortSignal): Promise<Reply<unknown>>
  /** Writes what a path names as a whole, only if it still has that etag. Nothing of the body is left out or added. */
  put(path: string, body: unknown, etag: string, signal?: AbortSignal): Promise<Reply<unknown>>
  /** Microsoft Graph, with the same identity. The path carries its own version. */
  readonly entra: PlainCalls
  /** Runs one SDK call within the time limit; whatever it throws comes out as an `ArmFault`. */
  call<T>(signal: AbortSignal | undefined, run: (options: CallOptions) => PromiseLike<T>): Promise<Reply<T>>
  /** What the latest answer told about Azure's clock and our quota. */
  readonly seen: () => Seen | null
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
    put: (path, body, etag, signal) =>
      call(signal, async (callOptions) =>
        bodyOf(await client.pathUnchecked(path).put({ body, headers: { 'If-Match': etag }, ...callOptions })),
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

/** Prepares the clients. Nothing is sent before the first call. */
export function connectArm(settings: ArmSettings): Arm {
  const cloud = clouds[settings.cloud ?? 'public']
  const timeoutMs = settings.callTimeoutMs ?? callTimeoutMs
  const chosen = settings.credential ?? chooseCredential(settings.identity ?? {}, cloud)
  const credential = timely(chosen, timeoutMs)
  let latest: Seen | null = null
  const watch = watchAnswers(settings.clock, (seen) => {
    latest = seen
    settings.onAnswer?.(seen)
  })
  const options = optionsFor(settings.endpoint ?? cloud.endpoint, cloud.scope, watch)
  const networks = new Map<string, NetworkManagementClient>()
  const call = caller(settings.clock, timeoutMs)
  const plain = plainCalls(credential, options, call)
  return {
    clock: settings.clock,
    pace: new Pace(settings.clock),
    subscriptionIds: settings.subscriptionIds?.length ? settings.subscriptionIds : null,
    graph: new ResourceGraphClient(credential, { ...options }),
    network(subscriptionId) {
      const known = networks.get(subscriptionId)
      if (known) return known
      const client = new NetworkManagementClient(credential, subscriptionId, { ...options })
      networks.set(subscriptionId, client)
      return client
    },
    get: (path, signal) => plain.get(path, signal),
    put: (path, body, etag, signal) => plain.put(path, body, etag, signal),
    entra: plainCalls(
      credential,
      // Graph has a clock and quotas of its own, which say nothing about Resource Manager's.
      optionsFor(settings.entraEndpoint ?? cloud.graph, `${cloud.graph}/.default`, null),
      caller(settings.clock, Math.min(timeoutMs, graphTimeoutMs)),
    ),
    call,
    seen: () => latest,
  }
}
