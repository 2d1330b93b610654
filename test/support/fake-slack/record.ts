import type { Json } from './json.ts'

/** One Web API call, or one POST to a response_url (then `method` is `response_url`). */
export interface Call {
  readonly method: string
  readonly args: Json
  readonly at: number
  /** Undefined until answered, and for ever when a fault swallows the answer. */
  answer?: Json
  status?: number
  fault?: string
  /** The caller hung up before it was answered. */
  abandoned?: boolean
}

interface Watcher {
  check: () => void
}

export class Recorder {
  readonly calls: Call[] = []
  readonly #now: () => number
  readonly #watchers = new Set<Watcher>()
  readonly #notes: string[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  began(method: string, args: Json): Call {
    const call: Call = { method, args, at: this.#now() }
    this.calls.push(call)
    this.changed()
    return call
  }

  answered(call: Call, status: number, answer: Json): void {
    call.status = status
    call.answer = answer
    this.changed()
  }

  note(line: string): void {
    this.#notes.push(line)
    this.changed()
  }

  of(filter: { method?: string }): Call[] {
    return this.calls.filter((call) => filter.method === undefined || call.method === filter.method)
  }

  changed(): void {
    for (const watcher of this.#watchers) watcher.check()
  }

  /** Resolves with the first value of `predicate` that is not false, null or undefined. */
  until<T>(
    predicate: () => T | false | null | undefined,
    options: { within?: number; what?: string } = {},
  ): Promise<T> {
    const within = options.within ?? 10_000
    return new Promise<T>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(cap)
        this.#watchers.delete(watcher)
        finish()
      }
      const check = (): void => {
        try {
          const value = predicate()
          if (value !== false && value !== null && value !== undefined) settle(() => resolve(value))
        } catch (error) {
          settle(() => reject(error))
        }
      }
      const watcher: Watcher = { check }
      const cap = setTimeout(
        () => settle(() => reject(new Error(this.#summary(within, options.what)))),
        within,
      )
      this.#watchers.add(watcher)
      check()
    })
  }

  #summary(within: number, what = 'what the test waits for'): string {
    const calls = this.calls.slice(-15).map((call) => {
      const outcome = call.answer === undefined ? 'not answered' : JSON.stringify(call.answer).slice(0, 160)
      return `  ${call.method} ${JSON.stringify(call.args).slice(0, 240)} → ${call.fault ?? ''} ${outcome}`
    })
    return [
      `Slack never saw ${what} within ${within} ms.`,
      `Last calls (${this.calls.length} in all):`,
      ...calls,
      'Last gestures and connections:',
      ...this.#notes.slice(-10).map((line) => `  ${line}`),
    ].join('\n')
  }
}
