/** What Azure's `Date` header said, and our clock when it came; epoch milliseconds. */
interface AzureTime {
  readonly azureTime: number | null
  readonly at: number
}

export interface Clocks {
  readonly database: () => number
  readonly wall: () => number
  readonly azure: () => AzureTime | null
}

const toleratedMs = 5_000
/** The header counts whole seconds, and an answer is under way for a moment. */
const headerMs = 1_000

const apart = (ms: number) => `${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? 'ahead of' : 'behind'}`

/** Answers what is wrong with the clocks, in words, or null: an end is only worth something when they agree on it. */
export const watchClocks = (clocks: Clocks) => (): string | null => clockTrouble(clocks)

function clockTrouble({ database, wall, azure }: Clocks): string | null {
  const local = wall() - database()
  if (Math.abs(local) > toleratedMs)
    return `this machine’s clock is ${apart(local)} the database’s, so nothing is opened`
  const seen = azure()
  if (!seen || seen.azureTime === null) return null
  const early = seen.azureTime - seen.at
  const late = seen.at - (seen.azureTime + headerMs)
  const off = early > 0 ? early : late > 0 ? -late : 0
  return Math.abs(off) > toleratedMs
    ? `Azure’s clock is ${apart(off)} the database’s, so nothing is opened`
    : null
}
