export type Fault = { method?: string; times?: number } & (
  | { kind: '429'; retryAfter?: number }
  | { kind: '500' }
  /** Does nothing and answers nothing until `heal`; then it serves the callers that still wait. */
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
  readonly #held = new Set<(end: 'healed' | 'cut') => void>()

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

  hold(): Promise<'healed' | 'cut'> {
    return new Promise((resolve) => this.#held.add(resolve))
  }

  /** Holds a call for a while, or until `heal`. */
  async linger(ms: number): Promise<'healed' | 'cut'> {
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<'healed'>((resolve) => {
      timer = setTimeout(() => resolve('healed'), ms)
    })
    const end = await Promise.race([over, this.hold()])
    clearTimeout(timer)
    return end
  }

  /** Disarms what is armed and ends the calls that hang. */
  heal(end: 'healed' | 'cut' = 'healed'): void {
    this.#armed = []
    for (const release of this.#held) release(end)
    this.#held.clear()
  }
}
