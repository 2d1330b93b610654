import { minute } from '../../src/core/duration.ts'
import type { Chance } from './chance.ts'

/** What can go wrong with one call or one moment, each with its own share in a run. */
const hazards = [
  'database refuses',
  'database loses an answer',
  'database is slow',
  'wake-up is lost',
  'azure fails',
  'azure loses an answer',
  'azure never answers',
  'azure throttles',
  'azure operation fails',
  'azure operation is slow',
  'write lands late',
  'list lags',
  'slack refuses',
  'slack throttles',
  'slack loses an answer',
  'directory fails',
  'somebody takes the priority',
  'death after an effect',
  'death at any moment',
  'freeze at any moment',
] as const
export type Hazard = (typeof hazards)[number]

const outages = ['slack', 'azure', 'database', 'directory'] as const
export type Outage = (typeof outages)[number]

interface Window {
  readonly what: Outage
  readonly from: number
  readonly to: number
}

/** How often an ordinary run meets each hazard; a call is one throw. */
const most: Readonly<Record<Hazard, number>> = {
  'database refuses': 0.02,
  'database loses an answer': 0.02,
  'database is slow': 0.03,
  'wake-up is lost': 0.5,
  'azure fails': 0.3,
  'azure loses an answer': 0.3,
  'azure never answers': 0.15,
  'azure throttles': 0.2,
  'azure operation fails': 0.3,
  'azure operation is slow': 0.6,
  'write lands late': 0.6,
  'list lags': 0.5,
  'slack refuses': 0.1,
  'slack throttles': 0.1,
  'slack loses an answer': 0.1,
  'directory fails': 0.1,
  'somebody takes the priority': 0.6,
  'death after an effect': 0.03,
  'death at any moment': 0.004,
  'freeze at any moment': 0.006,
}

const longest: Readonly<Record<Outage, number>> = {
  slack: 60 * minute,
  azure: 10 * minute,
  database: minute,
  directory: 5 * minute,
}

/** The fault plan of one run: nothing at all, a few kinds of fault, or many. */
export class Weather {
  readonly calm: boolean
  readonly shares: ReadonlyMap<Hazard, number>
  readonly windows: readonly Window[]
  /** Until when things go wrong. */
  readonly until: number
  /** When something that stands between a rule and its removal last went wrong. */
  lastTrouble = Number.NEGATIVE_INFINITY
  readonly #chance: Chance
  readonly #now: () => number

  constructor(chance: Chance, start: number, now: () => number) {
    this.#chance = chance
    this.#now = now
    this.calm = chance.often(0.2)
    this.until = start + chance.between(10, 25) * minute
    const kinds = this.calm ? 0 : chance.pick([0.1, 0.2, 0.4, 0.8])
    this.shares = new Map(
      hazards.flatMap((hazard) =>
        chance.often(kinds) ? [[hazard, most[hazard] * chance.next()] as const] : [],
      ),
    )
    this.windows = outages.flatMap((what) => {
      if (!chance.often(kinds / 2)) return []
      const from = start + chance.between(0, 10 * minute)
      return [{ what, from, to: Math.min(this.until, from + chance.skewed(1000, longest[what])) }]
    })
  }

  /** Whether it happens now; `aside` where nothing that must be prompt waits for it. */
  strikes(hazard: Hazard, aside = false): boolean {
    const share = this.shares.get(hazard)
    if (share === undefined || this.#now() >= this.until || !this.#chance.often(share)) return false
    if (!aside && !/^(slack|directory)/.test(hazard)) this.trouble()
    return true
  }

  /** Until when this is away; null while it is there. */
  away(what: Outage, aside = false): number | null {
    const now = this.#now()
    const window = this.windows.find((one) => one.what === what && one.from <= now && now < one.to)
    if (!window) return null
    if (!aside && (what === 'azure' || what === 'database')) this.trouble()
    return window.to
  }

  trouble(at = this.#now()): void {
    this.lastTrouble = Math.max(this.lastTrouble, at)
  }
}
