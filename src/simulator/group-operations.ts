import type { Answer, ArmCall } from './arm-call.ts'
import { header } from './arm-call.ts'
import { ArmError, anotherOperationInProgress, retryableError } from './errors.ts'
import type { Fault } from './faults.ts'
import { canceled, type Ending, type Operation, succeeded, superseded } from './operations.ts'
import type { SecurityGroup } from './security-groups.ts'

const apiVersion = '2026-01-01'

/** Azure runs one write per security group at a time. */
export function refuseWhileBusy(call: ArmCall, group: SecurityGroup): void {
  const { running } = group
  if (!running) return
  switch (call.sim.settings.whileBusy) {
    case 'retryable':
      throw retryableError(running.kind, running.id, running.target)
    case 'conflict':
      throw anotherOperationInProgress(operationUrl(call, running))
    case 'supersede':
      call.sim.operations.end(running, superseded(running, 'of a later call'), call.sim.now())
  }
}

export function checkIfMatch(call: ArmCall, group: SecurityGroup | undefined): void {
  const wanted = header(call, 'if-match')
  if (wanted === undefined || (group && (wanted === '*' || wanted === group.etag))) return
  throw preconditionFailed(call.path.full)
}

export function preconditionFailed(id: string): ArmError {
  return new ArmError(412, 'PreconditionFailed', `Precondition failed for resource ${id}.`)
}

export interface GroupWrite {
  kind: string
  target: string
  /** An ending that the write itself brings about, such as a conflict that is found late. */
  ending?: Ending
  effect: (at: number) => void
  /** Puts back what the acceptance of the write had shown. */
  undo: (ending: Ending) => void
}

/** Starts the operation of a write, bent by the faults that strike it. */
export function startOperation(
  call: ArmCall,
  group: SecurityGroup,
  write: GroupWrite,
  faults: Fault[],
): Operation {
  const { sim } = call
  let { ending = succeeded } = write
  let duration = sim.duration()
  let retryAfterSeconds: number | undefined
  for (const fault of faults) {
    if (fault.kind === 'slow-operation') {
      const { ms, polls, hold } = fault
      duration = {
        ...(ms !== undefined && { ms }),
        ...(polls !== undefined && { polls }),
        ...(hold && { hold }),
      }
      retryAfterSeconds = fault.retryAfterSeconds
    } else if (fault.kind === 'operation-failed') {
      ending = failed(fault.code, fault.message ?? 'The operation failed.', fault.effect ?? false)
    } else if (fault.kind === 'operation-canceled') {
      const message = `Operation ${write.kind} (a) was canceled and superseded by operation PutSecurityRuleOperation (b).`
      ending = canceled(message, fault.effect ?? false)
    }
  }
  const operation = sim.operations.start(
    {
      kind: write.kind,
      target: write.target,
      subscription: call.path.subscription ?? '',
      location: group.resource.location,
      duration,
      ending,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      finish: (end, at) => {
        group.running = undefined
        if (end.effect) write.effect(at)
        else write.undo(end)
      },
    },
    sim.now(),
  )
  if (operation.status === 'InProgress') group.running = operation
  return operation
}

export function failed(code: string, message: string, effect: boolean): Ending {
  return { status: 'Failed', effect, error: { code, message, details: [] } }
}

export function operationUrl(call: ArmCall, operation: Operation, kind = 'operations'): string {
  const place = `/subscriptions/${operation.subscription}/providers/Microsoft.Network/locations/${operation.location}`
  return `${call.base}${place}/${kind}/${operation.id}?api-version=${apiVersion}`
}

/** `…/locations/{location}/operations/{id}`: where a client asks how its write is getting on. */
export function operationStatus(call: ArmCall): Answer {
  const operation = findOperation(call)
  const { status, error, retryAfterSeconds } = operation
  const headers =
    status === 'InProgress' && retryAfterSeconds !== undefined
      ? { 'Retry-After': String(retryAfterSeconds) }
      : {}
  return { status: 200, headers, body: error ? { status, error } : { status } }
}

/** `…/operationResults/{id}`: the older form, which answers by its status code alone. */
export function operationResult(call: ArmCall): Answer {
  const operation = findOperation(call)
  if (operation.status === 'InProgress') {
    return { status: 202, headers: { Location: operationUrl(call, operation, 'operationResults') } }
  }
  if (operation.result) return { status: 200, body: operation.result() }
  if (!operation.error) return { status: 204 }
  throw new ArmError(409, operation.error.code, operation.error.message, { details: operation.error.details })
}

function findOperation(call: ArmCall): Operation {
  const id = call.path.names.at(-1) ?? ''
  const operation = call.sim.operations.get(id)
  if (!operation) throw operationNotFound(id)
  call.sim.operations.poll(operation, call.sim.now())
  return operation
}

export function operationNotFound(id: string): ArmError {
  return new ArmError(404, 'OperationNotFound', `The operation '${id}' was not found.`)
}
