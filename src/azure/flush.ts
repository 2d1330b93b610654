import { isDeepStrictEqual } from 'node:util'
import type { FlushAnswer } from '../core/flush.ts'
import type { Flusher } from '../ports.ts'
import { azureError, type Shape, shapeOf, shapesOf, textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { type Answer, faultOf, isBusy } from './faults.ts'
import { readList } from './pages.ts'
import { expectType, nsgType } from './resource-id.ts'

/** The whole group as Azure’s own JSON: a model of an SDK would lose what it does not know. */
const api = '2026-01-01'

interface Group {
  readonly etag: string
  readonly body: Shape
  readonly properties: Shape
}

/** Why the group must not be written now; nothing has been sent so far. */
class Unsure extends Error {}

const without = (shape: Shape, ...names: readonly string[]): Shape =>
  Object.fromEntries(Object.entries(shape).filter(([name]) => !names.includes(name)))

/** A rule without what Azure itself writes anew with every change of the group. */
const ruleContent = (rule: Shape): Shape => ({
  ...without(rule, 'etag'),
  properties: without(shapeOf(rule['properties']), 'provisioningState'),
})

const nameOf = (rule: Shape) => textOf(rule['name'])

function compareRules(kind: string, before: unknown, after: unknown): string[] {
  const [old, now] = [shapesOf(before), shapesOf(after)]
  const at = new Map(now.map((rule) => [nameOf(rule), rule]))
  const names = new Set(old.map(nameOf))
  return [
    ...old.flatMap((rule) => {
      const other = at.get(nameOf(rule))
      if (!other) return [`${kind} ${nameOf(rule)} is gone`]
      return isDeepStrictEqual(ruleContent(rule), ruleContent(other))
        ? []
        : [`${kind} ${nameOf(rule)} differs`]
    }),
    ...now.filter((rule) => !names.has(nameOf(rule))).map((rule) => `${kind} ${nameOf(rule)} is new`),
  ]
}

const ruleLists = ['securityRules', 'defaultSecurityRules']
const unstable = ['provisioningState', 'flushConnection', ...ruleLists]

function compareFields(place: string, before: Shape, after: Shape): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].flatMap((name) =>
    isDeepStrictEqual(before[name], after[name]) ? [] : [`its ${place}${name} differs`],
  )
}

/** Everything in which the two differ, but for the flag itself and what every write changes. */
const compareGroups = (before: Group, after: Group): string[] => [
  ...compareRules('the rule', before.properties['securityRules'], after.properties['securityRules']),
  ...compareRules(
    'the default rule',
    before.properties['defaultSecurityRules'],
    after.properties['defaultSecurityRules'],
  ),
  ...compareFields('', without(before.body, 'etag', 'properties'), without(after.body, 'etag', 'properties')),
  ...compareFields(
    'property ',
    without(before.properties, ...unstable),
    without(after.properties, ...unstable),
  ),
]

const settled = (shape: Shape): boolean =>
  textOf(shapeOf(shape['properties'])['provisioningState']) === 'Succeeded'

const pauseMs = 500
const lastLookMs = 5_000

const changedNothing = (answer: Answer): boolean => [409, 412, 429].includes(answer.status) || isBusy(answer)
const refuses = ({ status }: Answer): boolean => status >= 400 && status < 500 && status !== 408

class Flush {
  readonly #arm: Arm
  readonly #nsgId: string
  readonly #subscriptionId: string
  readonly #signal: AbortSignal

  constructor(arm: Arm, nsgId: string, signal: AbortSignal) {
    this.#arm = arm
    this.#nsgId = nsgId
    this.#subscriptionId = expectType(nsgId, nsgType).subscriptionId
    this.#signal = signal
  }

  /** `busy` means that Azure took nothing, and may do so later. */
  async once(): Promise<FlushAnswer | { readonly kind: 'busy'; readonly why: string }> {
    let before: Group
    try {
      before = await this.#readTwice()
    } catch (error) {
      if (error instanceof Unsure) return { kind: 'busy', why: error.message }
      const { kind, code, message } = faultOf(error, null)
      return kind === 'permanent'
        ? { kind: 'refused', code, why: message }
        : { kind: 'not done', why: message }
    }
    if (before.properties['flushConnection'] === true) return { kind: 'on already' }
    let operationUrl: string | null = null
    let met: string | null = null
    try {
      operationUrl = await this.#put(before)
    } catch (error) {
      const { answer, code, message: why } = faultOf(error, null)
      if (answer && changedNothing(answer)) return { kind: 'busy', why }
      if (answer && refuses(answer)) return { kind: 'refused', code, why }
      // It may have been done all the same, so the group is looked at as if it had been.
      met = why
    }
    const refusal = operationUrl === null ? null : await this.#wait(operationUrl)
    return this.#verify(before, refusal, met)
  }

  async #read(): Promise<Group> {
    // The time may be over, but what became of a write must not stay unknown.
    const signal = this.#signal.aborted ? AbortSignal.timeout(lastLookMs) : this.#signal
    const { value } = await this.#arm.pace.read(this.#subscriptionId, signal, () =>
      this.#arm.get(`${this.#nsgId}?api-version=${api}`, signal),
    )
    const body = shapeOf(value)
    const properties = shapeOf(body['properties'])
    const etag = textOf(body['etag'])
    if (
      textOf(body['id']).toLowerCase() !== this.#nsgId ||
      etag === '' ||
      !Array.isArray(properties['securityRules'])
    )
      throw new Unsure('Azure did not show the security group as it usually does.')
    return { etag, body, properties }
  }

  /** Two ways to read the rules must agree: one answer may come from a copy that lags behind. */
  async #readTwice(): Promise<Group> {
    const group = await this.#read()
    const rules = await readList(this.#arm, `${this.#nsgId}/securityRules?api-version=${api}`, this.#signal)
    if (!settled(group.body) || !rules.every(settled))
      throw new Unsure('The security group is being changed.')
    if (compareRules('the rule', group.properties['securityRules'], rules).length > 0)
      throw new Unsure('Two readings of the security group differ.')
    return group
  }

  /** Exactly what was read, and the flag; Azure refuses it when anything was written since. */
  async #put({ body, properties, etag }: Group): Promise<string | null> {
    const written = { ...body, properties: { ...properties, flushConnection: true } }
    const { answer } = await this.#arm.put(`${this.#nsgId}?api-version=${api}`, written, etag, this.#signal)
    return answer?.operationUrl ?? null
  }

  /** How Azure refused in the end; null when it did not, or when it cannot be asked: the group itself tells more. */
  async #wait(operationUrl: string): Promise<FlushAnswer | null> {
    const { pathname, search } = new URL(operationUrl, 'https://management.azure.com')
    try {
      for (;;) {
        const operation = shapeOf((await this.#arm.get(pathname + search, this.#signal)).value)
        const status = textOf(operation['status'])
        if (status === 'Succeeded') return null
        if (status === 'Failed' || status === 'Canceled') {
          const { codes, message } = azureError(operation)
          return { kind: 'refused', code: codes[0] ?? status, why: message || status }
        }
        await this.#pause()
      }
    } catch {
      return null
    }
  }

  async #verify(before: Group, refusal: FlushAnswer | null, met: string | null): Promise<FlushAnswer> {
    try {
      let after = await this.#read()
      while (!settled(after.body) && !this.#signal.aborted) {
        await this.#arm.clock.sleep(pauseMs, this.#signal)
        after = await this.#read()
      }
      const changes = compareGroups(before, after)
      if (changes.length > 0) return { kind: 'doubtful', changes }
      if (refusal) return refusal
      if (!settled(after.body)) return { kind: 'not done', why: 'Azure did not finish it in time.' }
      if (after.properties['flushConnection'] === true) return { kind: 'flushed' }
      return { kind: 'not done', why: met ?? 'Azure took the change, and does not show it.' }
    } catch (error) {
      const why = error instanceof Unsure ? error.message : faultOf(error, null).message
      return { kind: 'doubtful', changes: [`it could not be read again: ${why}`] }
    }
  }

  async #pause(): Promise<void> {
    this.#signal.throwIfAborted()
    await this.#arm.clock.sleep(pauseMs, this.#signal)
    this.#signal.throwIfAborted()
  }
}

/** Only where Azure surely took nothing. */
const mostTries = 3

/** Writes a whole group, which nothing else here does: with all that stood there, or not at all. */
export function nsgFlusher({ arm }: { readonly arm: Arm }): Flusher {
  return {
    async flush(nsgId, signal) {
      for (let tries = 1; ; tries += 1) {
        const answer = await new Flush(arm, nsgId, signal).once()
        if (answer.kind !== 'busy') return answer
        if (tries >= mostTries || signal.aborted) return { kind: 'not done', why: answer.why }
        await arm.clock.sleep(tries * 1_000, signal)
      }
    },
  }
}
