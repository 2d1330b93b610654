export interface Call {
  seq: number
  /** Milliseconds since 1970, when the call came in. */
  time: number
  method: string
  path: string
  /** The action of Azure's role system, for example `Microsoft.Network/networkInterfaces/read`. */
  action: string
  /** The host that the caller named, and the tenant that its token was made for. */
  host?: string
  tenant?: string
  /** Null while the call waits, when it was dropped, or when it never gets an answer. */
  status: number | null
  /** What a write carried. */
  body?: unknown
}

const kept = 100_000

/** The calls that the simulator took, oldest first; only the last hundred thousand are kept. */
export class Calls {
  #ring: Call[] = []
  #next = 0
  #seq = 0

  add(call: Omit<Call, 'seq' | 'status'>): Call {
    const entry: Call = { seq: ++this.#seq, status: null, ...call }
    this.#ring[this.#next] = entry
    this.#next = (this.#next + 1) % kept
    return entry
  }

  list(since = 0): Call[] {
    const ordered = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
    return ordered.filter((call) => call.seq > since)
  }

  clear(): void {
    this.#ring = []
    this.#next = 0
  }
}
