const unitMs = { D: 86_400_000, H: 3_600_000, M: 60_000, S: 1_000 }

/** `PT3H`, `P1D` or `PT1H30M` in milliseconds; not a number when it is none of these. */
export function lengthOf(text: string): number {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text)
  if (!match || text === 'P') return Number.NaN
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] = match
  return (
    Number(days) * unitMs.D +
    Number(hours) * unitMs.H +
    Number(minutes) * unitMs.M +
    Number(seconds) * unitMs.S
  )
}
