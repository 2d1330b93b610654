import { throttled } from './arm.ts'
import type { Answer } from './arm-call.ts'
import { type ArmPath, actionOf } from './arm-paths.ts'
import { ArmError, anotherOperationInProgress, retryableError } from './errors.ts'
import type { Fault } from './faults.ts'
import { operationNotFound, preconditionFailed } from './group-operations.ts'
import type { Tokens } from './tokens.ts'

/** What the socket does instead of answering. */
export type Silence = 'drop' | 'black-hole'

export interface FaultContext {
  path: ArmPath
  method: string
  now: number
  tokens: Tokens
}

/** The refusal that a fault stands for; nothing for faults that bend something else. */
export function refusalOf(fault: Fault, { path, method, now, tokens }: FaultContext): ArmError | null {
  switch (fault.kind) {
    case 'throttle':
      return throttled(
        method === 'GET' ? 'reads' : method === 'DELETE' ? 'deletes' : 'writes',
        path.subscription ?? '',
        retryAfter(fault, now),
      )
    case 'busy':
      return fault.status === 429
        ? retryableError('PutSecurityRuleOperation', 'a', path.full)
        : anotherOperationInProgress(`https://management.azure.com${path.full}`)
    case 'precondition-failed':
      return preconditionFailed(path.full)
    case 'server-error':
      return new ArmError(fault.status ?? 500, fault.code ?? 'InternalServerError', 'An error occurred.', {
        headers: retryAfter(fault, now),
      })
    case 'unauthorized':
      return tokens.invalid()
    case 'expired-token':
      return tokens.expired(now - 1_000, now)
    case 'forbidden':
      return forbidden(fault.code ?? 'AuthorizationFailed', method, path)
    case 'lost-operation':
      return operationNotFound(path.names.at(-1) ?? '')
    case 'latency':
    case 'clock-skew':
    case 'drop':
    case 'black-hole':
    case 'token-endpoint-down':
    case 'token-lifetime':
    case 'slow-operation':
    case 'operation-failed':
    case 'operation-canceled':
    case 'late-conflict':
    case 'stale-reads':
    case 'late-opening':
    case 'no-opening':
    case 'accepted-as-200':
    case 'renumbering':
    case 'late-expiry':
    case 'no-expiry':
      break
  }
  return null
}

function retryAfter(
  fault: { retryAfterSeconds?: number; retryAfterDate?: number },
  now: number,
): Record<string, string> {
  if (fault.retryAfterSeconds !== undefined) return { 'Retry-After': String(fault.retryAfterSeconds) }
  if (fault.retryAfterDate === undefined) return {}
  return { 'Retry-After': new Date(now + fault.retryAfterDate * 1000).toUTCString() }
}

function forbidden(code: string, method: string, path: ArmPath): ArmError {
  const message =
    code === 'RequestDisallowedByPolicy'
      ? `Resource '${path.names.at(-1) ?? ''}' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"Deny management ports from the Internet"}}]'.`
      : `The client 'a5510000-0000-4000-8000-000000000001' with object id 'a5510000-0000-4000-8000-000000000002' does not have authorization to perform action '${actionOf(method, path)}' over scope '${path.full}' or the scope is invalid. If access was recently granted, please refresh your credentials.`
  return new ArmError(403, code, message)
}

export function silenceOf(fault: Fault): Silence | undefined {
  return fault.kind === 'drop' || fault.kind === 'black-hole' ? fault.kind : undefined
}

export function answerOf(error: ArmError): Answer {
  const { code, message, details } = error
  return { status: error.status, headers: error.headers, body: { error: { code, message, details } } }
}
