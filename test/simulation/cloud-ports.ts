import { faultOf, missingAsNull } from '../../src/azure/faults.ts'
import type { RuleCalls } from '../../src/azure/rule-calls.ts'
import { blockRule, closeRule, openRule, type Write } from '../../src/azure/rule-write.ts'
import { toLiveRule, toSecurityRule } from '../../src/azure/security-rule.ts'
import type { Rule } from '../../src/core/grant.ts'
import { type FlowAnswer, type FlowQuestion } from '../../src/core/proof.ts'
import { holds } from '../../src/core/source.ts'
import type { Firewall, Flow, Inventory, LiveRule, Survey, Topology } from '../../src/ports.ts'
import { answerOf, armFault, type Cloud, places, type Started, subscription } from './cloud.ts'
import type { Line } from './store-line.ts'

export interface CloudLine extends Line {
  readonly cloud: Cloud
  /** Lets the schedule end an operation. */
  readonly later: (ms: number, run: () => void) => void
  readonly sent: {
    readonly put: (nsgId: string, rule: Rule, access: LiveRule['access']) => void
    readonly remove: (nsgId: string, name: string) => void
    /** A write that nobody waits for any more lands; the bot cannot tell it from somebody else’s. */
    readonly late: (nsgId: string, name: string) => void
  }
  /** Azure's clock came with an answer. */
  readonly answered: () => void
}

const callTimeoutMs = 10_000
const patienceMs = 60_000
const timedOut = () => faultOf(new DOMException('Azure did not answer', 'TimeoutError'), null)
const broken = () => faultOf(new Error('the connection was reset'), null)

/** One request to Azure: what may go wrong with any of them goes wrong here. */
async function ask<T>(
  line: CloudLine,
  what: string,
  signal: AbortSignal | undefined,
  serve: () => T,
): Promise<T> {
  const { life, chance, weather } = line
  line.moment()
  const aside = what.startsWith('flow')
  const away = weather.away('azure', aside) !== null
  const never = weather.strikes('azure never answers', aside)
  const fails = away || weather.strikes('azure fails', aside)
  const throttled = weather.strikes('azure throttles', aside)
  const loses = weather.strikes('azure loses an answer', aside)
  const trouble = fails
    ? 'fails'
    : throttled
      ? 'throttled'
      : never
        ? 'never answered'
        : loses
          ? 'answer lost'
          : ''
  line.tell(`${what}${trouble === '' ? '' : `: ${trouble}`}`)
  const answer = await life.call({
    outMs: chance.skewed(1, 40),
    backMs: never ? chance.between(callTimeoutMs, 600_000) : chance.skewed(1, 40),
    lost: away ? 'request' : loses ? 'answer' : null,
    serve: () => {
      if (fails) throw armFault(answerOf(503, 'ServiceUnavailable'))
      if (throttled) throw armFault(answerOf(429, 'TooManyRequests', chance.pick([1_000, 17_000, 600_000])))
      return serve()
    },
    fault: never ? timedOut : broken,
    signal,
    // A call of one request has the SDK's own time-out; what reads page after page has only the engine's.
    ...(/^(PUT|DELETE|GET)/.test(what) ? { patienceMs: callTimeoutMs } : {}),
  })
  line.answered()
  return answer
}

/** A group that does not exist is no fault of its own: what is asked of it is told so. */
const lagOf = ({ weather, chance }: CloudLine, mostMs: number, aside = false): number =>
  weather.strikes('list lags', aside) ? chance.between(0, mostMs) : 0

/** An operation takes its time, and may end badly. */
function proceed(line: CloudLine, started: Started | null): string | null {
  if (!started) return null
  const { weather, chance } = line
  const slow = weather.strikes('azure operation is slow')
  const ending = weather.strikes('azure operation fails')
    ? chance.pick(['Failed', 'Canceled'] as const)
    : 'Succeeded'
  line.later(slow ? chance.between(1_000, 90_000) : chance.skewed(10, 300), () => started.end(ending))
  return started.url
}

function ruleCalls(line: CloudLine, nsgId: string, name: string): RuleCalls {
  const { cloud, weather, chance, life } = line
  const short = `${nsgId.split('/').at(-1)}/${name}`
  return {
    put: async (rule, access, signal) => {
      line.sent.put(nsgId, rule, access)
      const wanted = {
        ...toLiveRule({ ...toSecurityRule(rule, access), name }),
        description: rule.description,
      }
      const write = () => {
        if (weather.strikes('somebody takes the priority')) cloud.take(nsgId, rule.priority)
        const url = proceed(line, cloud.put(nsgId, rule, wanted))
        line.effect(`PUT ${short}`)
        return url
      }
      if (!weather.strikes('write lands late')) return ask(line, `PUT ${short}`, signal, write)
      line.tell(`PUT ${short}: lands late`)
      line.later(chance.between(1_000, 90_000), () => {
        weather.trouble()
        line.sent.late(nsgId, name)
        try {
          write()
        } catch {
          line.tell(`PUT ${short}: came late and was refused`)
        }
      })
      return life.call({
        outMs: 0,
        backMs: chance.between(10, callTimeoutMs),
        lost: 'answer',
        serve: () => null,
        fault: broken,
        signal,
      })
    },
    remove: async (signal) => {
      line.sent.remove(nsgId, name)
      return ask(line, `DELETE ${short}`, signal, () => {
        const url = proceed(line, cloud.delete(nsgId, name))
        line.effect(`DELETE ${short}`)
        return url
      })
    },
    read: (signal) =>
      missingAsNull(
        ask(line, `GET ${short}`, signal, () => {
          const found = cloud.shown(nsgId, lagOf(line, 200)).find((rule) => rule.name === name)
          if (!found) throw armFault(answerOf(404, 'NotFound'))
          return found
        }),
      ),
    operation: (url, signal) =>
      ask(line, `GET ${url}`, signal, () => {
        const status = cloud.operation(url)
        if (status === 'Succeeded') return { kind: 'succeeded' }
        if (status === 'InProgress') return { kind: 'running' }
        return {
          kind: 'failed',
          answer: answerOf(200, status === 'Canceled' ? 'Canceled' : 'InternalServerError'),
        }
      }),
  }
}

/** The real judgement of what a write came to, over scripted calls. */
export function firewallOf(line: CloudLine): Firewall {
  const { life, cloud } = line
  const write = (nsgId: string, name: string, signal: AbortSignal): Write => ({
    calls: ruleCalls(line, nsgId, name),
    clock: life.busyClock,
    signal,
    patienceMs,
  })
  return {
    list: (nsgId, signal) =>
      missingAsNull(
        ask(line, `LIST ${nsgId.split('/').at(-1)}`, signal, () => cloud.shown(nsgId, lagOf(line, 2_000))),
      ),
    read: (nsgId, name, signal) => ruleCalls(line, nsgId, name).read(signal ?? new AbortController().signal),
    open: (rule, signal) => openRule(rule, write(rule.nsgId, rule.name, signal)),
    block: (rule, signal) => blockRule(rule, write(rule.nsgId, rule.name, signal)),
    close: ({ nsgId, name }, signal) => closeRule(write(nsgId, name, signal)),
  }
}

export const surveyOf = (line: CloudLine): Survey => ({
  subscriptions: (signal) => ask(line, 'subscriptions', signal, () => [subscription]),
  hasVm: (vmId, signal) => ask(line, `has ${vmId}`, signal, () => places.some(({ vm }) => vm.id === vmId)),
  groups: (_, signal) =>
    ask(line, 'survey', signal, () => {
      const lagMs = lagOf(line, 60_000)
      return line.cloud.groups().map(({ id }) => ({ nsgId: id, rules: line.cloud.shown(id, lagMs) }))
    }),
})

export const topologyOf = (line: CloudLine): Topology => ({
  path: (vm, _, signal) =>
    ask(line, `path of ${vm.name}`, signal, () => {
      const standing = new Set(line.cloud.groups().map(({ id }) => id))
      const hops = places.find((one) => one.vm.id === vm.id)?.hops.filter(({ nsgId }) => standing.has(nsgId))
      if (!hops || hops.length === 0) return { kind: 'unguarded', networkInterface: 'nic-1' }
      const addresses = new Set(hops.flatMap(({ destinations }) => destinations))
      const endpoints = [...addresses].map((address) => ({ networkInterface: 'nic-1', address }))
      return { kind: 'guarded', hops, connectTo: '20.1.2.3', endpoints }
    }),
  tags: (vm, signal) => ask(line, `tags of ${vm.name}`, signal, () => vm.tags),
})

const meets = (live: LiveRule, { source, endpoint, port }: FlowQuestion): boolean =>
  live.direction === 'Inbound' &&
  live.sources.some((one) => one === '*' || holds(one, source)) &&
  live.destinations.some((one) => one === '*' || holds(one, endpoint.address)) &&
  live.ports.some((one) => one === '*' || one === String(port.number))

/** The longest that a rule takes to have an effect on packets. */
export const propagationMs = 90_000

/** What the groups on the way do to one packet; each may be behind what stands in it. */
export const flowOf = (line: CloudLine): Flow => ({
  verify: (question, signal) =>
    ask(line, `flow to ${question.vm.name}`, signal, (): FlowAnswer => {
      const standing = new Set(line.cloud.groups().map(({ id }) => id))
      const hops = places.find(({ vm }) => vm.id === question.vm.id)?.hops ?? []
      let rule = ''
      for (const { nsgId } of hops.filter((hop) => standing.has(hop.nsgId))) {
        const [first] = line.cloud
          .shown(nsgId, lagOf(line, propagationMs, true))
          .filter((live) => meets(live, question))
          .toSorted((a, b) => a.priority - b.priority)
        if (first?.access !== 'Allow')
          return { kind: 'seen', access: 'Deny', rule: `securityRules/${first?.name ?? 'DenyAllInBound'}` }
        rule = `securityRules/${first.name}`
      }
      return { kind: 'seen', access: 'Allow', rule }
    }),
})

export const inventoryOf = (line: CloudLine): Inventory => ({
  find: (name) => places.flatMap(({ vm }) => (vm.name === name.toLowerCase() ? [vm] : [])),
  has: (vmId) => places.some(({ vm }) => vm.id === vmId),
  subscription: (name) => (name === 'Main' ? subscription : null),
  details: () => null,
  all: () => [],
  nearest: () => places.slice(0, 2).map(({ vm }) => vm.name),
  refresh: (signal) => ask(line, 'inventory', signal, () => undefined),
  readAt: () => line.now() - 60_000,
})
