import { Fault } from '../core/fault.ts'

/** What Azure answered to one call, as far as it matters for what to do next. */
export interface Answer {
  readonly status: number
  /** The error's code and, after it, the codes of its details: the reason often stands only there. */
  readonly codes: readonly string[]
  readonly message: string
  /** Azure's `Retry-After` in milliseconds. It is passed on and never slept here. */
  readonly afterMs: number | null
  /** Where an operation that Azure goes on with can be asked after. */
  readonly operationUrl: string | null
  readonly requestId: string | null
}

/** A `Fault` of an Azure call, with the answer when there was one. */
export class ArmFault extends Fault {
  readonly answer: Answer | null

  constructor(
    code: string,
    message: string,
    options: { kind: Fault['kind']; answer: Answer | null; cause: unknown },
  ) {
    super(code, message, {
      kind: options.kind,
      cause: options.cause,
      afterMs: options.answer?.afterMs ?? null,
    })
    this.name = 'ArmFault'
    this.answer = options.answer
  }
}

/** Codes that mean “busy, come again”, whatever the status that they arrive with. */
const busyForm =
  /^(Retryable|AnotherOperation|ReferencedResourceNotProvisioned|CanceledAndSuperseded)|^Canceled$/
/** Conflicts that somebody must resolve. */
const lastingConflicts = new Set(['ScopeLocked', 'ReadOnlyDisabledSubscription', 'DisabledSubscription'])

/** How an operation fails that would fail again: its code is all that there is to tell by. */
const lastingFailure = /^SecurityRule|Disallowed|AuthorizationFailed|LimitReached|^Invalid/

const worthTrying = (status: number): boolean =>
  status === 408 || status === 409 || status === 412 || status === 429 || status >= 500

/** Whether Azure is at work on the same group for somebody else. */
export const isBusy = (answer: Pick<Answer, 'codes'>): boolean =>
  answer.codes.some((code) => busyForm.test(code))

/** Whether the same call may succeed later, by itself. */
export function passes(answer: Pick<Answer, 'status' | 'codes'>): boolean {
  if (answer.codes.some((code) => lastingConflicts.has(code))) return false
  if (isBusy(answer)) return true
  if (answer.codes.includes('ExpiredAuthenticationToken')) return true
  // A 404 without Azure's own error body comes from something in between.
  if (answer.status === 404 && !isMissing(answer)) return true
  if (answer.status < 400) return !lastingFailure.test(answer.codes[0] ?? '')
  return worthTrying(answer.status)
}

/**
 * Whether Azure itself says that the thing or its group does not exist. A subscription that is not found proves
 * nothing: that is also what an identity hears that lost its access. A 404 that lacks Azure's
 * error body may come from a proxy or a wrong endpoint, and proves nothing.
 */
export const isMissing = (answer: Pick<Answer, 'status' | 'codes'>): boolean =>
  answer.status === 404 &&
  (answer.codes[0] ?? '').endsWith('NotFound') &&
  answer.codes[0] !== 'SubscriptionNotFound'

interface NamedError {
  readonly name?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly statusCode?: unknown
}

const named = (error: unknown): NamedError => (typeof error === 'object' && error !== null ? error : {})

/** Refusals of the sign-in itself that only a person can cure. */
const signInForm = /invalid_client|unauthorized_client|invalid_tenant|AADSTS7000215|AADSTS700016|AADSTS90002/

function signInFault(error: unknown, message: string): ArmFault {
  const kind = signInForm.test(message) ? 'permanent' : 'try again'
  return new ArmFault('no Azure token', `Azure gave no token: ${firstLine(message)}`, {
    kind,
    answer: null,
    cause: error,
  })
}

const wrongTenant =
  'The subscription belongs to another tenant than the identity. Name its tenant in AZURE_TENANT_IDS, or delegate it to the identity’s tenant (Azure Lighthouse); a managed identity lives in one tenant only. Azure said: '

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, 300)

/** The one place where what an Azure SDK throws becomes a `Fault`. */
export function faultOf(error: unknown, answer: Answer | null): ArmFault {
  if (error instanceof ArmFault) return error
  const { name, code, message } = named(error)
  const text = typeof message === 'string' ? message : String(error)
  if (answer && (answer.status >= 400 || answer.codes.length > 0)) {
    const main = answer.codes[0] ?? `HTTP ${answer.status}`
    const hint = main === 'InvalidAuthenticationTokenTenant' ? wrongTenant : ''
    return new ArmFault(main, hint + firstLine(answer.message || main), {
      kind: passes(answer) ? 'try again' : 'permanent',
      answer,
      cause: error,
    })
  }
  if (/Credential|Authentication/.test(String(name))) return signInFault(error, text)
  if (name === 'AbortError' || name === 'TimeoutError') {
    return new ArmFault('timeout', 'Azure did not answer in time', {
      kind: 'try again',
      answer,
      cause: error,
    })
  }
  const short = typeof code === 'string' ? code : 'connection'
  return new ArmFault(short, `Azure could not be reached: ${firstLine(text)}`, {
    kind: 'try again',
    answer,
    cause: error,
  })
}

/** Whether the call failed because Azure knows nothing by that id. */
export const isGone = (error: unknown): boolean =>
  error instanceof ArmFault && error.answer !== null && isMissing(error.answer)

export async function missingAsNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
}
