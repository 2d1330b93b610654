import { Fault } from '../core/fault.ts'
import { type RawResponse, type Shape, shapesOf } from './answer.ts'
import type { TenantArm } from './arm.ts'
import { ArmFault } from './faults.ts'
import { malformed } from './pages.ts'

/** Resource Graph gives at most this many rows at a time. */
const pageRows = 1000
const mostPages = 2000
/** When Resource Graph says “too many” all the same: others may share its quota with us. */
const throttle = { tries: 20, mostMs: 10_000 }
const longestPauseMs = 60_000

/** `00:00:05` in milliseconds; null when it is no such thing. */
function spanMs(text: string | undefined): number | null {
  const parts = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(text?.trim() ?? '')
  if (!parts) return null
  const [, hours, minutes, seconds] = parts.map(Number)
  return (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000
}

interface Page {
  readonly rows: readonly Shape[]
  readonly total: number
  readonly next: string | null
}

/** Asks Resource Graph, never faster than its own count of what is left lets it. */
export class GraphQueries {
  readonly #arm: TenantArm
  /** Nothing is asked before: the quota was used up. */
  #notBefore = 0

  constructor(arm: TenantArm) {
    this.#arm = arm
  }

  /** Hands out every row, page by page. A list that ends before its end is a fault, never a short list. */
  async *rows(query: string, signal?: AbortSignal): AsyncGenerator<readonly Shape[]> {
    let read = 0
    let skipToken: string | null = null
    for (let pages = 0; pages < mostPages; pages += 1) {
      const page: Page = await this.#patiently(query, skipToken, signal)
      read += page.rows.length
      yield page.rows
      if (page.next === null) {
        expectWhole(read, page.total)
        return
      }
      skipToken = page.next
    }
    throw new Fault('inventory too long', `Resource Graph sent more than ${mostPages} pages.`, {
      kind: 'permanent',
    })
  }

  async #patiently(query: string, skipToken: string | null, signal?: AbortSignal): Promise<Page> {
    const { clock } = this.#arm
    for (let tries = 1; ; tries += 1) {
      const pauseMs = Math.min(this.#notBefore - clock.now(), longestPauseMs)
      if (pauseMs > 0) await clock.sleep(pauseMs, signal)
      try {
        return await this.#page(query, skipToken, signal)
      } catch (error) {
        const throttled = error instanceof ArmFault && error.answer?.status === 429
        if (!throttled || tries >= throttle.tries) throw error
        this.#notBefore = 0
        await clock.sleep(Math.min(error.afterMs ?? 1000, throttle.mostMs), signal)
      }
    }
  }

  async #page(query: string, skipToken: string | null, signal?: AbortSignal): Promise<Page> {
    const arm = this.#arm
    const options = { top: pageRows, resultFormat: 'objectArray' as const, ...(skipToken && { skipToken }) }
    const scope = arm.subscriptionIds ? { subscriptions: [...arm.subscriptionIds] } : {}
    const { value } = await arm.call(signal, (call) =>
      arm.graph.resources(
        { query, options, ...scope },
        {
          abortSignal: call.abortSignal,
          onResponse: (raw) => {
            this.#heed(raw)
            call.onResponse(raw)
          },
        },
      ),
    )
    if (!Array.isArray(value.data)) throw malformed('is no list')
    if (value.resultTruncated === 'true' && !value.skipToken) throw cutShort()
    return { rows: shapesOf(value.data), total: value.totalRecords, next: value.skipToken ?? null }
  }

  #heed({ headers }: RawResponse): void {
    const left = headers.get('x-ms-user-quota-remaining')
    const afterMs = spanMs(headers.get('x-ms-user-quota-resets-after'))
    if (left === undefined || Number(left) > 0 || afterMs === null) this.#notBefore = 0
    else this.#notBefore = this.#arm.clock.now() + afterMs
  }
}

const cutShort = () =>
  new Fault('inventory cut short', 'Resource Graph cut its answer short.', { kind: 'try again' })

/** While a long list is read, some resources come and go; more than that has not been sent. */
function expectWhole(read: number, total: number): void {
  if (read < total - total / 100) throw cutShort()
}
