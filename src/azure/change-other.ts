import { isDeepStrictEqual } from 'node:util'
import type { SecurityRule } from '@azure/arm-network'
import { isNobodysToChange, ruleAfter } from '../core/conversion.ts'
import type { RuleChange } from '../core/convert.ts'
import { groupMark } from '../core/priority.ts'
import type { LiveRule, Written } from '../ports.ts'
import { type Shape, shapeOf, shapesOf, textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { missingAsNull } from './faults.ts'
import { expectType, nsgType } from './resource-id.ts'
import { ruleCalls } from './rule-calls.ts'
import { closeRule, isMoving, lookAgain, verdictOfFault, type Write, watchWrite } from './rule-write.ts'
import { sameRule, showsLive, toLiveRule } from './security-rule.ts'
import { followSent } from './sent-before.ts'

/** The rule as Azure’s own JSON: a model of an SDK would lose what it does not know. */
const api = 'api-version=2026-01-01'

interface Found {
  readonly body: Shape
  readonly properties: Shape
  readonly live: LiveRule
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
const groupsOf = (value: unknown) => shapesOf(value).map(({ id }) => ({ id: textOf(id) }))

/** Azure’s JSON as the SDK would have it. */
const asSdk = (name: string, of: Shape): SecurityRule => ({
  name,
  description: textOf(of['description']),
  priority: typeof of['priority'] === 'number' ? of['priority'] : 0,
  direction: textOf(of['direction']),
  access: textOf(of['access']),
  protocol: textOf(of['protocol']) || '*',
  provisioningState: textOf(of['provisioningState']),
  sourceAddressPrefix: textOf(of['sourceAddressPrefix']),
  sourceAddressPrefixes: textsOf(of['sourceAddressPrefixes']),
  sourceApplicationSecurityGroups: groupsOf(of['sourceApplicationSecurityGroups']),
  sourcePortRange: textOf(of['sourcePortRange']),
  sourcePortRanges: textsOf(of['sourcePortRanges']),
  destinationAddressPrefix: textOf(of['destinationAddressPrefix']),
  destinationAddressPrefixes: textsOf(of['destinationAddressPrefixes']),
  destinationApplicationSecurityGroups: groupsOf(of['destinationApplicationSecurityGroups']),
  destinationPortRange: textOf(of['destinationPortRange']),
  destinationPortRanges: textsOf(of['destinationPortRanges']),
})

const without = (shape: Shape, names: readonly string[]): Shape =>
  Object.fromEntries(Object.entries(shape).filter(([name]) => !names.includes(name)))

const fields = {
  sources: { one: 'sourceAddressPrefix', many: 'sourceAddressPrefixes' },
  ports: { one: 'destinationPortRange', many: 'destinationPortRanges' },
} as const
const sourceGroups = 'sourceApplicationSecurityGroups'

/** Azure takes one value in the one field and several in the other, and a tag in the first alone. */
function changedProperties(properties: Shape, kind: 'sources' | 'ports', to: readonly string[]): Shape {
  const { one, many } = fields[kind]
  const values = to.filter((word) => !word.startsWith(groupMark))
  const groups = shapesOf(properties[sourceGroups]).filter(({ id }) =>
    to.includes(groupMark + textOf(id).toLowerCase()),
  )
  const list = values.length > 1 ? values : []
  return {
    ...without(properties, ['provisioningState', one, many]),
    ...(values.length === 1 && { [one]: values[0] }),
    ...((list.length > 0 || many in properties) && { [many]: list }),
    ...(kind === 'sources' && sourceGroups in properties && { [sourceGroups]: groups }),
  }
}

const differing = (before: Shape, after: Shape, passed: readonly string[]): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => !passed.includes(name) && !isDeepStrictEqual(before[name], after[name]),
  )

/** What differs although nobody wanted it to. */
function lost(before: Found, after: Found, kind: 'sources' | 'ports'): readonly string[] {
  const { one, many } = fields[kind]
  const own = ['provisioningState', one, many, ...(kind === 'sources' ? [sourceGroups] : [])]
  return [
    ...differing(before.body, after.body, ['etag', 'properties']),
    ...differing(before.properties, after.properties, own),
  ]
}

const etagOf = ({ body }: Found): string | null => textOf(body['etag']) || null

const refused = (code: string, why: string): Written => ({ kind: 'refused', code, why })

class OtherRule {
  readonly #arm: Arm
  readonly #change: RuleChange
  readonly #write: Write
  readonly #path: string
  #last: Found | null = null

  constructor(arm: Arm, change: RuleChange, signal: AbortSignal, patienceMs: number) {
    const { nsgId, rule } = change
    this.#arm = arm
    this.#change = change
    this.#path = `${nsgId}/securityRules/${encodeURIComponent(rule.name)}?${api}`
    const calls = {
      ...ruleCalls(arm, nsgId, rule.name),
      read: async (each: AbortSignal) => (await this.#read(each))?.live ?? null,
    }
    this.#write = { calls, clock: arm.clock, signal, patienceMs, theirs: true }
  }

  async #read(signal: AbortSignal): Promise<Found | null> {
    const { nsgId, rule } = this.#change
    const { subscriptionId } = expectType(nsgId, nsgType)
    const reply = await missingAsNull(
      this.#arm.pace.read(subscriptionId, signal, () => this.#arm.get(this.#path, signal)),
    )
    const body = shapeOf(reply?.value)
    const properties = shapeOf(body['properties'])
    this.#last = reply && {
      body,
      properties,
      live: toLiveRule(asSdk(textOf(body['name']) || rule.name, properties)),
    }
    return this.#last
  }

  /** An earlier try was taken by Azure. */
  follow(): Promise<Written> {
    const { rule } = this.#change
    const wanted = ruleAfter(this.#change)
    return followSent({
      name: rule.name,
      read: () => this.#write.calls.read(this.#write.signal),
      isAsBefore: (live) => sameRule(live, rule),
      reached: (live) => {
        if (live === null) return wanted === null ? { kind: 'absent' } : null
        return wanted !== null && showsLive(live, wanted) ? { kind: 'present' } : null
      },
    })
  }

  async run(): Promise<Written> {
    const { rule } = this.#change
    const { signal } = this.#write
    // One answer may come from a copy that lags behind.
    const before = (await this.#read(signal)) ?? (await this.#read(signal))
    const wanted = ruleAfter(this.#change)
    if (!before)
      return wanted === null
        ? { kind: 'absent', already: true }
        : refused('gone', `The rule ${rule.name} does not stand there any more.`)
    const isDone = wanted !== null && showsLive(before.live, wanted)
    const objection = this.#objection(before.live, isDone)
    if (objection) return objection
    if (isDone && before.live.provisioning === 'Succeeded') return { kind: 'present', already: true }
    if (wanted !== null) return this.#put(before, wanted)
    const read = async () => {
      const found = await this.#read(signal)
      return found && { live: found.live, etag: etagOf(found) }
    }
    return closeRule(
      this.#write,
      lookAgain(read, (live) => this.#objection(live, false)),
    )
  }

  /** Why what stands there must be left alone; null when nothing is against the change. */
  #objection(live: LiveRule, isDone: boolean): Written | null {
    const { rule } = this.#change
    if (isNobodysToChange(live))
      return refused('not theirs', `The rule ${rule.name} comes and goes by itself, so it is left alone.`)
    return isDone || sameRule(live, rule)
      ? null
      : refused(
          'not as agreed',
          `The rule ${rule.name} is not as it was shown any more, so it is left alone.`,
        )
  }

  async #put(before: Found, wanted: LiveRule): Promise<Written> {
    const change = this.#change
    if (change.kind === 'delete') throw new TypeError('A rule that is to go is not written')
    const { signal } = this.#write
    const properties = changedProperties(before.properties, change.kind, change.to)
    const etag = etagOf(before)
    if (etag === null)
      return refused(
        'no etag',
        `Azure shows no etag of the rule ${change.rule.name}, without which a change that somebody else makes at the same moment would be lost, so it is left alone.`,
      )
    const sending = this.#arm
      .put(this.#path, { ...before.body, properties }, etag, signal)
      .then(({ answer }) => answer?.operationUrl ?? null)
    const written = await watchWrite(sending, this.#write, (live) => {
      if (live && isMoving(live)) return 'moving'
      return live && live.provisioning === 'Succeeded' && showsLive(live, wanted) ? 'there' : 'elsewhere'
    })
    const differs = this.#last && written.kind === 'present' ? lost(before, this.#last, change.kind) : []
    return differs.length === 0
      ? written
      : refused(
          'not as wanted',
          `The rule ${change.rule.name} was written, and Azure shows more of it changed than that: ${differs.join(', ')}. Compare it with what should stand there.`,
        )
  }
}

/** Makes one change of a rule of somebody else's, and only while the rule is exactly what two operators saw. */
export async function changeOther(
  arm: Arm,
  change: RuleChange,
  signal: AbortSignal,
  { patienceMs, taken }: { readonly patienceMs: number; readonly taken: boolean },
): Promise<Written> {
  try {
    const other = new OtherRule(arm, change, signal, patienceMs)
    return await (taken ? other.follow() : other.run())
  } catch (error) {
    return verdictOfFault(error)
  }
}
