import { badRequest } from './errors.ts'
import { lengthOf } from './iso-length.ts'
import { isRecord } from './rule-validation.ts'
import type { ArmResource, ResourceProperties } from './world.ts'

export interface JitPortTerms {
  number: number
  protocol: string
  allowedSourceAddressPrefix?: string
  allowedSourceAddressPrefixes?: string[]
  maxRequestAccessDuration: string
}

export interface JitMachine {
  id: string
  ports: JitPortTerms[]
}

type JitStatus = 'Initiating' | 'Initiated' | 'Revoked'
type JitReason = 'Expired' | 'UserRequested' | 'NewerRequestInitiated'

export interface JitRequestPort {
  number: number
  allowedSourceAddressPrefix?: string
  allowedSourceAddressPrefixes?: string[]
  endTimeUtc: string
  status: JitStatus
  statusReason: JitReason
}

export interface JitRequest {
  virtualMachines: { id: string; ports: JitRequestPort[] }[]
  startTimeUtc: string
  requestor: string
  justification?: string
}

export type JitPolicy = ArmResource & {
  properties: ResourceProperties & { virtualMachines: JitMachine[]; requests: JitRequest[] }
}

export const jitPolicyType = 'Microsoft.Security/locations/jitNetworkAccessPolicies'

export function isJitPolicy(resource: ArmResource | undefined): resource is JitPolicy {
  return resource !== undefined && resource.type.toLowerCase() === jitPolicyType.toLowerCase()
}

/** Times in Defender's answers have seven digits after the second. */
export const jitTime = (at: number): string => new Date(at).toISOString().replace('Z', '0000Z')

const shortestMs = lengthOf('PT5M')
const longestMs = lengthOf('P1D')

/** The machines of a policy as a PUT gives them: all of them, and no others. */
export function readMachines(body: unknown): JitMachine[] {
  const properties = isRecord(body) && isRecord(body['properties']) ? body['properties'] : {}
  const given: unknown = properties['virtualMachines']
  if (!Array.isArray(given)) throw invalid('The policy has no virtualMachines.')
  return given.filter(isRecord).map((machine) => {
    const ports: unknown = machine['ports']
    if (typeof machine['id'] !== 'string' || !Array.isArray(ports))
      throw invalid('A virtual machine needs an id and ports.')
    return { ...machine, id: machine['id'], ports: ports.filter(isRecord).map(readTerms) }
  })
}

function readTerms(port: Record<string, unknown>): JitPortTerms {
  const { number, protocol, allowedSourceAddressPrefix: one, allowedSourceAddressPrefixes: many } = port
  const length = textOr(port['maxRequestAccessDuration'], '')
  const ms = lengthOf(length)
  if (!(ms >= shortestMs && ms <= longestMs))
    throw invalid('maxRequestAccessDuration must be from PT5M to P1D.')
  if ((one === undefined) === (many === undefined))
    throw invalid('Give either allowedSourceAddressPrefix or allowedSourceAddressPrefixes.')
  return {
    number: Number(number),
    protocol: textOr(protocol, '*'),
    ...(typeof one === 'string' && { allowedSourceAddressPrefix: one }),
    ...(Array.isArray(many) && { allowedSourceAddressPrefixes: many.map(String) }),
    maxRequestAccessDuration: length,
  }
}

export const textOr = (value: unknown, other: string): string => (typeof value === 'string' ? value : other)

const invalid = (message: string) => badRequest('InvalidPolicyInput', message)
