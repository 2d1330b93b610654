import ipaddr from 'ipaddr.js'
import { type ArmError, badRequest } from './errors.ts'
import { isServiceTag } from './service-tags.ts'
import type { NamedRule, RuleProperties } from './world.ts'

export const mostRules = 1_000
const namePattern = /^\w(?:[\w.-]{0,78}\w)?$/
const choices = {
  access: ['Allow', 'Deny'],
  direction: ['Inbound', 'Outbound'],
  protocol: ['Tcp', 'Udp', 'Icmp', 'Esp', 'Ah', '*'],
} as const

/** A rule as it came over the wire, checked in Azure's order and with Azure's codes. */
export function validRule(id: string, name: string, body: unknown): NamedRule {
  if (!namePattern.test(name)) {
    throw badRequest(
      'InvalidResourceName',
      `Resource name ${name} is invalid. The name can be up to 80 characters long. It must begin with a word character, and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'.`,
    )
  }
  const given = isRecord(body) ? body['properties'] : undefined
  if (!isRecord(given)) throw missing(id, 'properties')
  const properties = readProperties(id, given)
  if ((properties.description ?? '').length > 140) {
    throw badRequest(
      'SecurityRuleDescriptionTooLong',
      `Security rule ${id} has a description that is too long. Maximum length is 140 characters.`,
    )
  }
  for (const side of ['source', 'destination'] as const) {
    checkAddresses(id, side, properties)
    checkPorts(id, side, properties)
  }
  return { name, properties }
}

const textFields = [
  'description',
  'sourceAddressPrefix',
  'sourcePortRange',
  'destinationAddressPrefix',
  'destinationPortRange',
] as const
const listFields = [
  'sourceAddressPrefixes',
  'sourcePortRanges',
  'destinationAddressPrefixes',
  'destinationPortRanges',
] as const
const groupFields = ['sourceApplicationSecurityGroups', 'destinationApplicationSecurityGroups'] as const

/** Keeps the fields that Azure knows and drops the rest, as Azure does. */
function readProperties(id: string, given: Record<string, unknown>): RuleProperties {
  const properties: RuleProperties = {
    access: choice(id, given, 'access'),
    direction: choice(id, given, 'direction'),
    protocol: choice(id, given, 'protocol'),
    priority: priorityOf(id, given['priority']),
  }
  for (const field of textFields) {
    const value = given[field] ?? undefined
    if (value === undefined || value === '') continue
    if (typeof value !== 'string') throw unreadable(field, value)
    properties[field] = value
  }
  for (const field of listFields) {
    const list = listOf(field, given[field])
    if (list.length > 0) properties[field] = list.map((each) => textOf(field, each))
  }
  for (const field of groupFields) {
    const list = listOf(field, given[field])
    if (list.length > 0)
      properties[field] = list.map((each) => ({ id: textOf(field, isRecord(each) && each['id']) }))
  }
  return properties
}

function choice(id: string, given: Record<string, unknown>, field: keyof typeof choices): string {
  const value = given[field]
  if (value === undefined || value === null || value === '') throw missing(id, field)
  const wanted = textOf(field, value).toLowerCase()
  const match = choices[field].find((each) => each.toLowerCase() === wanted)
  if (match === undefined) throw unreadable(field, value)
  return match
}

function listOf(field: string, value: unknown): unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw unreadable(field, value)
  return value
}

function textOf(field: string, value: unknown): string {
  if (typeof value !== 'string') throw unreadable(field, value)
  return value
}

function unreadable(field: string, value: unknown): ArmError {
  return badRequest(
    'InvalidRequestFormat',
    `Cannot parse the request. Error converting value ${JSON.stringify(value)} to type '${field}'.`,
  )
}

function priorityOf(id: string, value: unknown): number {
  const priority = value ?? 0
  if (typeof priority !== 'number') throw unreadable('priority', value)
  if (Number.isInteger(priority) && priority >= 100 && priority <= 4096) return priority
  throw badRequest(
    'SecurityRuleInvalidPriority',
    `Security rule has invalid Priority. Value provided: ${priority} Allowed range 100-4096. Security rule: ${id}`,
  )
}

type Side = 'source' | 'destination'

function checkAddresses(id: string, side: Side, rule: RuleProperties): void {
  const one = rule[`${side}AddressPrefix`]
  const several = rule[`${side}AddressPrefixes`] ?? []
  const groups = rule[`${side}ApplicationSecurityGroups`] ?? []
  if (!one && several.length === 0 && groups.length === 0) throw missing(id, `${side}AddressPrefix`)
  if (one && (several.length > 0 || groups.length > 0)) throw exclusive(id, `${side}AddressPrefix`)
  if (one && one !== '*' && !isServiceTag(one) && !isPrefix(one)) throw invalidPrefix(id, one)
  for (const prefix of several) {
    if (prefix === '*' || isServiceTag(prefix)) {
      const parameter = side === 'source' ? 'SourceAddressPrefixes' : 'DestinationAddressPrefixes'
      throw badRequest(
        'SecurityRuleParameterContainsUnsupportedValue',
        `Security rule parameter ${parameter} for rule with Id ${id} cannot specify existing VIRTUALNETWORK, INTERNET, AZURELOADBALANCER, '*' or system tags. Unsupported value used: ${prefix}.`,
      )
    }
    if (!isPrefix(prefix)) throw invalidPrefix(id, prefix)
  }
}

function checkPorts(id: string, side: Side, rule: RuleProperties): void {
  const one = rule[`${side}PortRange`]
  const several = rule[`${side}PortRanges`] ?? []
  if (!one && several.length === 0) throw missing(id, `${side}PortRange`)
  if (one && several.length > 0) throw exclusive(id, `${side}PortRange`)
  const bad = [...(one === undefined || one === '*' ? [] : [one]), ...several].find(
    (each) => !isPortRange(each),
  )
  if (bad === undefined) return
  throw badRequest(
    'SecurityRuleInvalidPortRange',
    `Security rule has invalid Port range. Value provided: ${bad}. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535. Security rule: ${id}`,
  )
}

function isPortRange(text: string): boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (!match) return false
  const from = Number(match[1])
  const to = Number(match[2] ?? match[1])
  return from <= to && to <= 65_535
}

/** A network must have no host bits set: Azure refuses 20.20.20.20/16. */
function isPrefix(text: string): boolean {
  if (!text.includes('/')) return isAddress(text)
  if (!ipaddr.isValidCIDR(text)) return false
  const [address, bits] = ipaddr.parseCIDR(text)
  if (!isAddress(text.slice(0, text.indexOf('/')))) return false
  const [network] = ipaddr.parseCIDR(`${networkOf(address, bits)}/${bits}`)
  return network.toNormalizedString() === address.toNormalizedString()
}

function networkOf(address: ipaddr.IPv4 | ipaddr.IPv6, bits: number): string {
  const cidr = `${address.toString()}/${bits}`
  return address.kind() === 'ipv4'
    ? ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()
    : ipaddr.IPv6.networkAddressFromCIDR(cidr).toString()
}

function isAddress(text: string): boolean {
  return text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text)
}

function invalidPrefix(id: string, value: string): ArmError {
  return badRequest(
    'SecurityRuleInvalidAddressPrefix',
    `Security rule ${id} has invalid Address prefix. Value provided: ${value}`,
  )
}

function missing(id: string, field: string): ArmError {
  return badRequest(
    'MissingJsonProperty',
    `Required property '${field}' not found in JSON of security rule ${id}.`,
  )
}

function exclusive(id: string, field: string): ArmError {
  return badRequest(
    'SecurityRuleParameterCombinationNotAllowed',
    `Security rule ${id} cannot specify both ${field} and its plural form.`,
  )
}

export function tooManyRules(groupId: string): ArmError {
  return badRequest(
    'SecurityRuleCountLimitReached',
    `A security group cannot have more than ${mostRules} security rules. Security group: ${groupId}`,
  )
}

export function conflict(one: string, other: string): ArmError {
  return badRequest('SecurityRuleConflict', conflictMessage(one, other))
}

export function conflictMessage(one: string, other: string): string {
  return `Security rule ${one} conflicts with rule ${other}. Rules cannot have the same Priority and Direction.`
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
