import ipaddr from 'ipaddr.js'
import type { Answer, ArmCall } from './arm-call.ts'
import { ArmError, badRequest, resourceNotFound } from './errors.ts'
import type { Packet } from './flow.ts'
import { operationUrl } from './group-operations.ts'
import { isRecord } from './rule-validation.ts'
import { type Endpoint, endpointsOf, judge } from './topology.ts'
import type { ArmResource } from './world.ts'

/** IP flow verify: what the security groups would do to one packet. It knows no IPv6. */
export function verifyFlow(call: ArmCall): Answer {
  const { sim } = call
  const watcher = watcherOf(call)
  const question = readQuestion(call.body)
  const machine = sim.resources.get(question.machine)
  if (machine?.type.toLowerCase() !== 'microsoft.compute/virtualmachines') {
    throw resourceNotFound(
      'Microsoft.Compute/virtualMachines',
      question.machine,
      call.path.resourceGroup ?? '',
    )
  }
  if (machine.location.toLowerCase() !== watcher.location.toLowerCase()) {
    throw badRequest(
      'InvalidTargetResourceLocation',
      `The target resource is in ${machine.location} and the network watcher is in ${watcher.location}.`,
    )
  }
  const endpoint = endpointsOf(sim, machine).find(
    (each) =>
      each.address.properties.privateIPAddress === question.local &&
      (question.nicId === undefined || each.nic.id.toLowerCase() === question.nicId.toLowerCase()),
  )
  if (!endpoint) {
    throw badRequest(
      'InvalidLocalIPAddress',
      `The local IP address ${question.local} does not belong to ${machine.id}.`,
    )
  }
  const faults = sim.faults.take('operation', call.method, call.path.full)
  const stopped = (machine.powerState ?? running) !== running
  const needs = faults.find((fault) => fault.kind === 'needs-running-vm')
  if (stopped && needs?.kind === 'needs-running-vm') throw notRunning(machine, needs)
  const slow = faults.find((fault) => fault.kind === 'slow-operation')
  const behind = faults.find((fault) => fault.kind === 'slow-propagation')
  const lagMs = behind?.kind === 'slow-propagation' ? behind.ms : 0
  const body = () => verdictBody(call, endpoint, question.packet, lagMs)
  if (!slow) return { status: 200, body: body() }
  return later(call, watcher, slow, body)
}

function watcherOf({ sim, path }: ArmCall): ArmResource {
  const name = path.names[0] ?? ''
  const watcher = sim.resources.get(`${path.scope}/providers/Microsoft.Network/networkWatchers/${name}`)
  if (!watcher) throw resourceNotFound('Microsoft.Network/networkWatchers', name, path.resourceGroup ?? '')
  return watcher
}

const running = 'PowerState/running'

function notRunning({ id }: ArmResource, { status = 400, code = 'VMNotRunning' }): ArmError {
  return new ArmError(status, code, `The virtual machine ${id} is not running.`)
}

function verdictBody({ sim }: ArmCall, endpoint: Endpoint, packet: Packet, lagMs: number): object {
  const { access, ruleName } = judge(sim, endpoint, packet, lagMs > 0 ? sim.now() - lagMs : undefined)
  return { access, ruleName }
}

function later(
  call: ArmCall,
  { id, location }: ArmResource,
  duration: { ms?: number; polls?: number; hold?: boolean },
  result: () => object,
): Answer {
  const operation = call.sim.operations.start(
    {
      kind: 'IpFlowVerifyOperation',
      target: id,
      subscription: call.path.subscription ?? '',
      location,
      duration,
      ending: { status: 'Succeeded', effect: true },
      result,
      finish: () => undefined,
    },
    call.sim.now(),
  )
  return { status: 202, headers: { Location: operationUrl(call, operation, 'operationResults') } }
}

interface Question {
  machine: string
  nicId?: string
  local: string
  packet: Packet
}

function readQuestion(body: unknown): Question {
  const fields = isRecord(body) ? body : {}
  const text = (name: string): string => {
    const value = fields[name]
    if (typeof value !== 'string' || value === '') {
      throw badRequest('InvalidRequestFormat', `Required property '${name}' not found in JSON.`)
    }
    return value
  }
  const [local, remote] = [text('localIPAddress'), text('remoteIPAddress')]
  for (const address of [local, remote]) {
    if (!ipaddr.IPv4.isValidFourPartDecimal(address)) {
      throw badRequest('InvalidIPAddress', `${address} is not a valid IPv4 address.`)
    }
  }
  const direction = text('direction')
  if (direction !== 'Inbound' && direction !== 'Outbound') {
    throw badRequest('InvalidRequestFormat', `Direction ${direction} is not valid.`)
  }
  const protocol = text('protocol').toUpperCase()
  if (protocol !== 'TCP' && protocol !== 'UDP') {
    throw badRequest('InvalidRequestFormat', `Protocol ${protocol} is not valid.`)
  }
  const [localPort, remotePort] = [text('localPort'), text('remotePort')]
  const inbound = direction === 'Inbound'
  const packet: Packet = {
    direction,
    protocol,
    source: inbound ? remote : local,
    sourcePort: inbound ? remotePort : localPort,
    destination: inbound ? local : remote,
    destinationPort: inbound ? localPort : remotePort,
  }
  const nic = fields['targetNicResourceId']
  return { machine: text('targetResourceId'), local, packet, ...(typeof nic === 'string' && { nicId: nic }) }
}
