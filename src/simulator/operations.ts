import type { ErrorDetail } from './errors.ts'

/** How long an operation runs: by the clock, by the number of times that somebody asks, or until it is let go. */
export interface Duration {
  ms?: number
  polls?: number
  hold?: boolean
}

export interface Ending {
  status: 'Succeeded' | 'Failed' | 'Canceled'
  error?: { code: string; message: string; details: ErrorDetail[] }
  /** Whether the write took place all the same. */
  effect: boolean
}

export const succeeded: Ending = { status: 'Succeeded', effect: true }

export interface Operation {
  id: string
  /** As the network resource provider names it, for example `PutSecurityRuleOperation`. */
  kind: string
  subscription: string
  location: string
  /** The resource that is being written. */
  target: string
  status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled'
  error?: Ending['error']
  /** What the operation was for, when it was no write. */
  result?: () => object
  retryAfterSeconds?: number
  endsAt?: number
  pollsLeft?: number
  held: boolean
  ending: Ending
  /** Makes the write real, or puts everything back. */
  finish: (ending: Ending, at: number) => void
}

export interface OperationPlan {
  kind: string
  subscription: string
  location: string
  target: string
  duration: Duration
  ending: Ending
  retryAfterSeconds?: number
  result?: () => object
  finish: Operation['finish']
}

const keptOperations = 50_000

export class Operations {
  readonly #byId = new Map<string, Operation>()
  #started = 0

  start(plan: OperationPlan, now: number): Operation {
    const { duration, ...rest } = plan
    const operation: Operation = {
      ...rest,
      id: operationId(++this.#started),
      status: 'InProgress',
      held: duration.hold === true,
    }
    if (duration.ms !== undefined) operation.endsAt = now + duration.ms
    if (duration.polls !== undefined) operation.pollsLeft = duration.polls
    this.#byId.set(operation.id, operation)
    if (this.#byId.size > keptOperations) this.#forgetOldest()
    this.settle(operation, now)
    return operation
  }

  get(id: string): Operation | undefined {
    return this.#byId.get(id)
  }

  running(): Operation[] {
    return [...this.#byId.values()].filter((each) => each.status === 'InProgress')
  }

  /** Somebody looked at the operation or at what it writes. */
  poll(operation: Operation, now: number): void {
    if (operation.pollsLeft !== undefined && operation.pollsLeft > 0) operation.pollsLeft--
    this.settle(operation, now)
  }

  /** Ends the operation when its time has come; nothing runs in the background. */
  settle(operation: Operation, now: number): void {
    if (operation.status !== 'InProgress' || operation.held) return
    if (operation.pollsLeft !== undefined && operation.pollsLeft > 0) return
    if (operation.endsAt !== undefined && operation.endsAt > now) return
    this.end(operation, operation.ending, operation.endsAt ?? now)
  }

  end(operation: Operation, ending: Ending, at: number): void {
    operation.status = ending.status
    if (ending.error) operation.error = ending.error
    operation.finish(ending, at)
  }

  release(match: (operation: Operation) => boolean, now: number): Operation[] {
    const released = this.running().filter((each) => each.held && match(each))
    for (const each of released) {
      each.held = false
      this.settle(each, now)
    }
    return released
  }

  /** As after a failover of the resource provider: what ran goes on, but nobody can ask about it. */
  forget(): void {
    this.#byId.clear()
  }

  #forgetOldest(): void {
    for (const [id, operation] of this.#byId) {
      if (operation.status !== 'InProgress') {
        this.#byId.delete(id)
        return
      }
    }
  }
}

function operationId(count: number): string {
  return `0be7a710-0000-4000-8000-${count.toString(16).padStart(12, '0')}`
}

export function superseded(operation: Operation, by: string): Ending {
  return canceled(
    `Operation ${operation.kind} (${operation.id}) was canceled and superseded by operation ${by}.`,
    false,
  )
}

export function canceled(message: string, effect: boolean): Ending {
  return {
    status: 'Canceled',
    effect,
    error: {
      code: 'Canceled',
      message: 'Operation was canceled.',
      details: [{ code: 'CanceledAndSupersededDueToAnotherOperation', message }],
    },
  }
}
