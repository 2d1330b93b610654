export type BucketKind = 'reads' | 'writes' | 'deletes'

const sizes: Record<BucketKind, { size: number; perSecond: number }> = {
  reads: { size: 250, perSecond: 25 },
  writes: { size: 200, perSecond: 10 },
  deletes: { size: 200, perSecond: 10 },
}

const graphQueries = 15
const graphWindowMs = 5_000

interface Bucket {
  tokens: number
  at: number
}

export interface Drawn {
  ok: boolean
  remaining: number
  retryAfterSeconds: number
}

/** ARM's token buckets, one per subscription and kind of call, and Resource Graph's window. */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>()
  #window = { from: 0, used: 0 }

  draw(subscription: string, kind: BucketKind, now: number): Drawn {
    const { size, perSecond } = sizes[kind]
    const key = `${subscription}/${kind}`.toLowerCase()
    const bucket = this.#buckets.get(key) ?? { tokens: size, at: now }
    this.#buckets.set(key, bucket)
    bucket.tokens = Math.min(size, bucket.tokens + ((now - bucket.at) / 1000) * perSecond)
    bucket.at = now
    if (bucket.tokens < 1) {
      return {
        ok: false,
        remaining: 0,
        retryAfterSeconds: Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond)),
      }
    }
    bucket.tokens--
    return { ok: true, remaining: Math.floor(bucket.tokens), retryAfterSeconds: 0 }
  }

  drawGraphQuery(now: number): Drawn {
    if (now - this.#window.from >= graphWindowMs) this.#window = { from: now, used: 0 }
    const retryAfterSeconds = Math.max(1, Math.ceil((this.#window.from + graphWindowMs - now) / 1000))
    if (this.#window.used >= graphQueries) return { ok: false, remaining: 0, retryAfterSeconds }
    this.#window.used++
    return { ok: true, remaining: graphQueries - this.#window.used, retryAfterSeconds }
  }

  static full(kind: BucketKind): Drawn {
    return { ok: true, remaining: sizes[kind].size - 1, retryAfterSeconds: 0 }
  }

  static fullGraph(): Drawn {
    return { ok: true, remaining: graphQueries - 1, retryAfterSeconds: graphWindowMs / 1000 }
  }
}
