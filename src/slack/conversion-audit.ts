import type { AuditRecord, Json } from '../core/audit.ts'
import { shownWord } from '../core/shown-rule.ts'
import { list } from './facts.ts'
import { count, words } from './words.ts'

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const textsOf = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
const said = (value: Json | undefined, most: number): string =>
  typeof value === 'string' || typeof value === 'number' ? words(String(value), most) : '–'
const listed = (value: Json | undefined): string =>
  list(
    textsOf(value).map((one) => words(shownWord(one), 60)),
    6,
  )

/** `Allow Tcp from any to any on 3389, priority 310`. */
function ruleText(rule: Json | undefined): string {
  if (!isObject(rule)) return 'gone'
  const { access, protocol, sources, destinations, ports, priority } = rule
  return `${said(access, 10)} ${said(protocol, 10)} from ${listed(sources)} to ${listed(destinations)} on ${listed(ports)}, priority ${said(priority, 10)}`
}

function changeText(change: Json): string[] {
  if (!isObject(change) || !isObject(change['before'])) return []
  const { before, after, nsg } = change
  const where = typeof nsg === 'string' ? nsg.split('/').at(-1) : undefined
  return [
    `${said(before['name'], 80)} in ${said(where, 80)} before: ${ruleText(before)}; after: ${ruleText(after)}`,
  ]
}

const mostTold = 4

/** Each rule as it was and as it is to be; the trail itself has all of them, and everything of each. */
export function conversionFacts({ type, details }: AuditRecord): string[] {
  if (!type.startsWith('conversion.')) return []
  const { changes, done, void: given, already } = details
  if (type === 'conversion.ended')
    return [
      `${Number(done)} done, ${Number(given)} not done as agreed${already === undefined ? '' : `, ${Number(already)} so already`}`,
    ]
  const all = (Array.isArray(changes) ? changes : [details]).flatMap(changeText)
  const more = all.length - mostTold
  return [...all.slice(0, mostTold), ...(more > 0 ? [`and ${count(more, 'rule')} more`] : [])]
}
