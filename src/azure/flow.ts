import type { VerificationIPFlowParameters } from '@azure/arm-network'
import type { FlowAnswer, FlowQuestion } from '../core/proof.ts'
import type { Flow } from '../ports.ts'
import { type RawResponse, readAnswer, shapeOf, textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { ArmFault, isGone } from './faults.ts'
import { expectType } from './resource-id.ts'
import { pathOf } from './rule-calls.ts'

const watcherType = 'microsoft.network/networkwatchers'
/** Watchers hardly ever come or go; one that is missing is looked for again after this long. */
const keptMs = 5 * 60_000
/** Azure may take its time; the engine comes back when it takes longer. */
const patienceMs = 20_000
const pauses = { firstMs: 250, growth: 1.5, mostMs: 1_000 }

/** The watcher of each region, by the region’s name as Azure writes it in ids. */
type Watchers = ReadonlyMap<string, string>

const cannot = (why: string): FlowAnswer => ({ kind: 'unverifiable', why })

/** `West Europe` and `westeurope` are one region. */
const regionOf = (location: string): string => location.toLowerCase().replaceAll(' ', '')

async function listWatchers(arm: Arm, subscriptionId: string, signal: AbortSignal): Promise<Watchers> {
  const found = new Map<string, string>()
  await arm.pace.read(subscriptionId, signal, () =>
    arm.call(signal, async (options) => {
      for await (const { id, location } of arm.network(subscriptionId).networkWatchers.listAll(options))
        if (id !== undefined && location !== undefined) found.set(regionOf(location), id)
    }),
  )
  return found
}

/** Lists them once a while for each subscription, and once for all who ask at the same time. */
class KnownWatchers {
  readonly #arm: Arm
  readonly #known = new Map<string, { readonly at: number; readonly watchers: Promise<Watchers> }>()

  constructor(arm: Arm) {
    this.#arm = arm
  }

  async in(subscriptionId: string, location: string, signal: AbortSignal): Promise<string | null> {
    const now = this.#arm.clock.now()
    let known = this.#known.get(subscriptionId)
    if (!known || now - known.at > keptMs) {
      known = { at: now, watchers: listWatchers(this.#arm, subscriptionId, signal) }
      this.#known.set(subscriptionId, known)
      known.watchers.catch(() => this.forget(subscriptionId))
    }
    return (await known.watchers).get(regionOf(location)) ?? null
  }

  forget(subscriptionId: string): void {
    this.#known.delete(subscriptionId)
  }
}

const parametersOf = ({ vm, endpoint, port, source }: FlowQuestion): VerificationIPFlowParameters => ({
  targetResourceId: vm.id,
  direction: 'Inbound',
  protocol: port.protocol === 'udp' ? 'UDP' : 'TCP',
  localIPAddress: endpoint.address,
  localPort: String(port.number),
  remoteIPAddress: source,
  // Nobody knows which port a client will use.
  remotePort: '*',
  ...(endpoint.networkInterface !== '' && { targetNicResourceId: endpoint.networkInterface }),
})

function verdictIn(body: unknown): FlowAnswer | null {
  const { access, ruleName } = shapeOf(body)
  return access === 'Allow' || access === 'Deny' ? { kind: 'seen', access, rule: textOf(ruleName) } : null
}

/** What Azure said at first: the verdict, or where to ask for it. */
interface Begun {
  readonly verdict: FlowAnswer | null
  readonly resultPath: string | null
}

async function begin(
  arm: Arm,
  watcherId: string,
  question: FlowQuestion,
  signal: AbortSignal,
): Promise<Begun> {
  const { subscriptionId, resourceGroup, name } = expectType(watcherId, watcherType)
  const { networkWatchers } = arm.network(subscriptionId)
  let begun: Begun = { verdict: null, resultPath: null }
  await arm.pace.ask(subscriptionId, signal, () =>
    arm.call(signal, (options) => {
      const onResponse = (raw: RawResponse) => {
        options.onResponse(raw)
        const { operationUrl } = readAnswer(raw, arm.clock.now())
        const url = raw.headers.get('location') ?? operationUrl
        begun = {
          verdict: raw.status === 200 ? verdictIn(parsed(raw.bodyAsText)) : null,
          resultPath: url === null ? null : pathOf(url),
        }
      }
      // The poller sends at once and is asked for nothing else: its own polling obeys any Retry-After.
      return networkWatchers
        .verifyIPFlow(resourceGroup, name, parametersOf(question), { ...options, onResponse })
        .submitted()
    }),
  )
  return begun
}

function parsed(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return null
  }
}

const comeAgain = (why: string, cause: unknown = null) =>
  new ArmFault('no answer', why, { kind: 'try again', answer: null, cause })

async function askedAfter(arm: Arm, path: string, signal: AbortSignal) {
  try {
    return await arm.get(path, signal)
  } catch (error) {
    throw isGone(error) ? comeAgain('Azure no longer knows of the question', error) : error
  }
}

/** Asks for the result until it is there: 202 means not yet. */
async function resultAt(arm: Arm, path: string, signal: AbortSignal): Promise<FlowAnswer> {
  let pauseMs = pauses.firstMs
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += pauseMs, pauseMs = grown(pauseMs)) {
    await arm.clock.sleep(pauseMs, signal)
    const { value, answer } = await askedAfter(arm, path, signal)
    const verdict = verdictIn(value)
    if (verdict) return verdict
    if (answer?.status !== 202) return cannot('Azure answered without saying whether traffic passes')
  }
  throw comeAgain(`Azure has not said after ${patienceMs / 1000} s whether traffic passes`)
}

const grown = (ms: number): number => Math.min(pauses.mostMs, ms * pauses.growth)

const rights: Readonly<Record<'list' | 'ask', string>> = {
  list: 'Microsoft.Network/networkWatchers/read',
  ask: 'Microsoft.Network/networkWatchers/ipFlowVerify/action',
}

/** How Azure says that a VM is stopped, or that it only knows about running ones, is not documented. */
const stopped = /\bnot (?:in (?:a |the )?)?running\b|\bdeallocated\b|\bstopped\b/i

/** Azure’s own words are passed on: which refusal means what is not documented for all of them. */
function refusal(error: unknown, doing: 'list' | 'ask', { vm }: FlowQuestion): FlowAnswer {
  if (!(error instanceof ArmFault)) throw error
  if (error.answer && stopped.test(error.message)) return cannot(`the VM does not run: ${error.message}`)
  if (error.kind !== 'permanent') throw error
  if (error.code === 'AuthorizationFailed') return cannot(`Jitney lacks the right ${rights[doing]}`)
  if (doing === 'ask' && isGone(error)) return cannot(`Azure does not find ${vm.name}: ${error.message}`)
  return cannot(`Azure refuses to check it: ${error.message}`)
}

/** IP flow verify of Azure Network Watcher. */
export function armFlow({ arm }: { readonly arm: Arm }): Flow {
  const watchers = new KnownWatchers(arm)
  const watcherOf = async (question: FlowQuestion, signal: AbortSignal): Promise<string | FlowAnswer> => {
    const { vm } = question
    try {
      const watcher = await watchers.in(vm.subscriptionId, vm.location, signal)
      return (
        watcher ?? cannot(`there is no Network Watcher in ${vm.location}, in the subscription of this VM`)
      )
    } catch (error) {
      return refusal(error, 'list', question)
    }
  }
  const ask = async (
    watcher: string,
    question: FlowQuestion,
    signal: AbortSignal,
    isFresh: boolean,
  ): Promise<FlowAnswer> => {
    try {
      const { verdict, resultPath } = await begin(arm, watcher, question, signal)
      if (verdict) return verdict
      if (resultPath === null) return cannot('Azure answered without saying whether traffic passes')
      return await resultAt(arm, resultPath, signal)
    } catch (error) {
      if (!isGone(error) || isFresh) return refusal(error, 'ask', question)
      // The VM may be gone, or the watcher, which somebody may have made anew under another name.
      watchers.forget(question.vm.subscriptionId)
      const now = await watcherOf(question, signal)
      return typeof now === 'string' ? ask(now, question, signal, true) : now
    }
  }
  return {
    async verify(question, signal) {
      if (`${question.source}${question.endpoint.address}`.includes(':'))
        return cannot('IP flow verify knows IPv4 only')
      const watcher = await watcherOf(question, signal)
      return typeof watcher === 'string' ? ask(watcher, question, signal, false) : watcher
    },
  }
}
