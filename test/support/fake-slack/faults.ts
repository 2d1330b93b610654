export type Fault = { method?: string; times?: number } & (
  | { kind: '429'; retryAfter?: number }
  | { kind: '500' }
  /** Never answers, until `heal`. */
  | { kind: 'black-hole' }
  /** Does what was asked, then cuts the line before the answer. */
  | { kind: 'lost-reply' }
  /** Cuts the line before anything happens. */
  | { kind: 'drop' }
  | { kind: 'slow'; ms: number }
  | { kind: 'error'; error: string }
)

interface Armed {
  readonly fault: Fault
  left: number
}

export class Faults {
  #armed: Armed[] = []
  readonly #held = new Set<() => void>()

  add(fault: Fault): void {
    this.#armed.push({ fault, left: fault.times ?? 1 })
  }

  /** The fault that strikes this call, used up by it. Faults without a method strike every method. */
  strike(method: string): Fault | undefined {
    const armed = this.#armed.find(({ fault }) => fault.method === undefined || fault.method === method)
    if (armed === undefined) return undefined
    armed.left -= 1
    if (armed.left <= 0) this.#armed = this.#armed.filter((each) => each !== armed)
    return armed.fault
  }

  hold(release: () => void): void {
    this.#held.add(release)
  }

  /** Disarms what is armed and cuts the calls that hang, as a load balancer coming back would. */
  heal(): void {
    this.#armed = []
    for (const release of this.#held) release()
    this.#held.clear()
  }
}
