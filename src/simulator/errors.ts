export interface ErrorDetail {
  code: string
  message: string
}

/** An answer that Azure refuses with; the server turns it into Azure's error body. */
export class ArmError extends Error {
  override readonly name = 'ArmError'
  readonly status: number
  readonly code: string
  readonly details: ErrorDetail[]
  readonly headers: Record<string, string>

  constructor(
    status: number,
    code: string,
    message: string,
    more: { details?: ErrorDetail[]; headers?: Record<string, string> } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.details = more.details ?? []
    this.headers = more.headers ?? {}
  }
}

export function resourceNotFound(type: string, names: string, group: string): ArmError {
  return new ArmError(
    404,
    'ResourceNotFound',
    `The Resource '${type}/${names}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  )
}

export function parentNotFound(verb: string, type: string, parentId: string): ArmError {
  return new ArmError(
    404,
    'ParentResourceNotFound',
    `Failed to perform '${verb}' on resource(s) of type '${type}', because the parent resource '${parentId}' could not be found.`,
  )
}

/** What the network resource provider itself says of a child that ARM does not know. */
export function childNotFound(id: string): ArmError {
  return new ArmError(404, 'NotFound', `Resource ${id} not found.`)
}

export function badRequest(code: string, message: string): ArmError {
  return new ArmError(400, code, message)
}

export function retryableError(runningOperation: string, runningId: string, resourceId: string): ArmError {
  const message = `Operation ${runningOperation} (${runningId}) is updating resource ${resourceId}. The call can be retried in a few seconds.`
  return new ArmError(429, 'RetryableError', 'A retryable error occurred.', {
    details: [{ code: 'RetryableErrorDueToAnotherOperation', message }],
  })
}

export function anotherOperationInProgress(operationUrl: string): ArmError {
  return new ArmError(
    409,
    'AnotherOperationInProgress',
    `Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: ${operationUrl}.`,
  )
}
