import type { AuditRecord, Json } from '../../src/core/audit.ts'
import type { Call } from '../../src/simulator/calls.ts'
import type { NamedRule, World } from '../../src/simulator/world.ts'

/** One change of a rule of somebody else's that a second operator agreed to, by the audit trail. */
interface Agreed {
  readonly nsg: string
  readonly rule: string
  readonly at: number
  /** Whether it goes; otherwise only its sources or ports become others. */
  readonly goes: boolean
}

const textOf = (value: Json | undefined) => (typeof value === 'string' ? value.toLowerCase() : '')
type Shape = { readonly [key: string]: Json }
const isShape = (value: Json | undefined): value is Shape =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const shapeOf = (value: Json | undefined): Shape => (isShape(value) ? value : {})

export const agreedIn = (audit: readonly AuditRecord[]): readonly Agreed[] =>
  audit.flatMap(({ type, at, details }) => {
    if (type === 'removal.agreed')
      return [{ nsg: textOf(details['nsg']), rule: textOf(details['rule']), at, goes: true }]
    const { changes } = details
    if (type !== 'conversion.agreed' || !Array.isArray(changes)) return []
    return changes.map(shapeOf).map((change) => ({
      nsg: textOf(change['nsg']),
      rule: textOf(shapeOf(change['before'])['name']),
      at,
      goes: change['after'] === null,
    }))
  })

/** Two processes on one machine read its clock a little apart. */
const apartMs = 100

/** Whether a write is what was agreed, and no earlier than that. */
export const isAgreed = (agreed: readonly Agreed[], { method, path, time }: Call): boolean =>
  agreed.some(
    ({ nsg, rule, at, goes }) =>
      path.toLowerCase() === `${nsg}/securityrules/${rule}` &&
      method === (goes ? 'DELETE' : 'PUT') &&
      time >= at - apartMs,
  )

const own = [
  ['sourceAddressPrefix', 'sourceAddressPrefixes', 'sourceApplicationSecurityGroups'],
  ['destinationPortRange', 'destinationPortRanges'],
]

const without = ({ properties }: NamedRule, names: readonly string[]): string =>
  JSON.stringify(
    Object.entries(properties)
      .filter(([name]) => !names.includes(name))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )

const mayBecome = (before: NamedRule, after: NamedRule | undefined, { goes }: Agreed): boolean => {
  if (!after) return goes
  return own.some((names) => without(before, names) === without(after, names))
}

const rulesOf = (world: World, nsg: string) =>
  world.resources.find(({ id }) => id.toLowerCase() === nsg)?.properties.securityRules ?? []

/** Both worlds without the rules that became what was agreed. */
export function besideAgreed(
  worlds: { readonly before: string; readonly after: string },
  agreed: readonly Agreed[],
): { readonly before: string; readonly after: string } {
  if (agreed.length === 0) return worlds
  const [before, after]: World[] = [JSON.parse(worlds.before), JSON.parse(worlds.after)]
  if (!before || !after) return worlds
  const settled = new Set<string>()
  for (const one of agreed) {
    const named = ({ name }: NamedRule) => name.toLowerCase() === one.rule
    const was = rulesOf(before, one.nsg).find(named)
    if (was && mayBecome(was, rulesOf(after, one.nsg).find(named), one)) settled.add(`${one.nsg}/${one.rule}`)
  }
  const rest = (world: World): string => {
    const resources = world.resources.map((resource) => {
      const { securityRules, ...properties } = resource.properties
      const kept = (securityRules ?? []).filter(
        ({ name }) => !settled.has(`${resource.id}/${name}`.toLowerCase()),
      )
      return { ...resource, properties: { ...properties, securityRules: kept } }
    })
    return JSON.stringify({ ...world, resources }, null, 1)
  }
  return { before: rest(before), after: rest(after) }
}
