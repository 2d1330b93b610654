import ipaddr from 'ipaddr.js'
import { ArmError, badRequest } from './errors.ts'
import { lengthOf } from './iso-length.ts'
import { type JitPolicy, type JitPortTerms, textOr } from './jit-policies.ts'
import { isRecord } from './rule-validation.ts'

/** One port of one machine that somebody asked Defender for Cloud to open. */
export interface AskedPort {
  vmId: string
  number: number
  sources: string[]
  endsAt: number
}

export interface JitOrder {
  justification: string | undefined
  ports: AskedPort[]
}

/** What Defender sees of the caller when a request names no source: for a bot, its own way out. */
export const callersAddress = '20.50.0.1'

/** Reads the body of an initiate call and refuses what Defender for Cloud refuses. */
export function readOrder(policy: JitPolicy, body: unknown, now: number): JitOrder {
  const given = isRecord(body) ? body : {}
  const machines = listOf(given['virtualMachines'])
  if (machines.length === 0) throw invalid('The request names no virtual machine.')
  const ports = machines.flatMap((machine) =>
    listOf(machine['ports']).map((port) => readPort(policy, textOr(machine['id'], ''), port, now)),
  )
  if (ports.length === 0) throw invalid('The request names no port.')
  const { justification } = given
  return { justification: typeof justification === 'string' ? justification : undefined, ports }
}

function readPort(policy: JitPolicy, vmId: string, port: Record<string, unknown>, now: number): AskedPort {
  const sources = sourcesOf(port)
  if (sources.some((source) => source.includes(':'))) {
    throw badRequest(
      'UnsupportedSourceAddress',
      'The provided access request contains a source IP address in IPv6 format, which is unsupported by Just-In-Time Network Access.',
    )
  }
  const asked = { vmId, number: Number(port['number']), sources, endsAt: endOf(port, now) }
  const terms = policy.properties.virtualMachines
    .find(({ id }) => id.toLowerCase() === vmId.toLowerCase())
    ?.ports.find(({ number }) => number === asked.number)
  if (!terms || !isWithin(asked, terms, now)) throw notASubset(policy.name)
  return asked
}

/** The portal sends a length and lists of sources; the documented form has an end and one source. */
function endOf(port: Record<string, unknown>, now: number): number {
  const { endTimeUtc, duration } = port
  if ((endTimeUtc === undefined) === (duration === undefined))
    throw invalid("Only one of fields 'EndTimeUtc' and 'Duration' can be set.")
  const endsAt =
    duration === undefined ? Date.parse(textOr(endTimeUtc, '')) : now + lengthOf(textOr(duration, ''))
  if (Number.isNaN(endsAt)) throw invalid('The end of the request could not be read.')
  return endsAt
}

function sourcesOf({
  allowedSourceAddressPrefix: one,
  allowedSourceAddressPrefixes: many,
}: Record<string, unknown>) {
  const sources = [
    ...(typeof one === 'string' ? [one] : []),
    ...(Array.isArray(many) ? many.map(String) : []),
  ]
  return sources.length > 0 ? sources : [callersAddress]
}

function isWithin({ sources, endsAt }: AskedPort, terms: JitPortTerms, now: number): boolean {
  const allowed = [
    ...(terms.allowedSourceAddressPrefix === undefined ? [] : [terms.allowedSourceAddressPrefix]),
    ...(terms.allowedSourceAddressPrefixes ?? []),
  ]
  return (
    endsAt > now &&
    endsAt - now <= lengthOf(terms.maxRequestAccessDuration) &&
    sources.every((source) => allowed.some((prefix) => holds(prefix, source)))
  )
}

function holds(prefix: string, source: string): boolean {
  if (prefix === '*' || prefix === source) return true
  const [outer, inner] = [rangeOf(prefix), rangeOf(source)]
  return outer !== null && inner !== null && inner[1] >= outer[1] && inner[0].match(outer[0], outer[1])
}

function rangeOf(text: string): [ipaddr.IPv4, number] | null {
  if (ipaddr.IPv4.isValidCIDR(text)) return ipaddr.IPv4.parseCIDR(text)
  return ipaddr.IPv4.isValidFourPartDecimal(text) ? [ipaddr.IPv4.parse(text), 32] : null
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

const invalid = (message: string) => badRequest('InvalidInitiateInput', message)

const notASubset = (policy: string) =>
  badRequest(
    'AccessRequestNotSubsetOfPolicy',
    `The given access request is not a subset of policy '${policy}'. Please make sure that the access request is within the allowed policy properties.`,
  )

export const policyNotFound = (name: string) =>
  new ArmError(404, 'PolicyNotFound', `The policy '${name}' was not found.`)
