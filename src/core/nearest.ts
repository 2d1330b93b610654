/** How many letters must be changed, added, dropped or swapped to make one word of the other. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const [above, left, corner] = [rows[i - 1]?.[j] ?? 0, row[j - 1] ?? 0, rows[i - 1]?.[j - 1] ?? 0]
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (rows[i - 2]?.[j - 2] ?? 99) + 1 : 99
      row.push(Math.min(above + 1, left + 1, corner + same, swapped))
    }
    rows.push(row)
  }
  return rows[a.length]?.[b.length] ?? 99
}

/** The candidate most like a word, or null when none is close enough to be what was meant. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const typed = word.toLowerCase().slice(0, 32)
  const ranked = candidates
    .map((name) => ({ name, far: distance(typed, name) }))
    .toSorted((a, b) => a.far - b.far)
  const best = ranked[0]
  return best && best.far <= (Math.min(typed.length, best.name.length) > 4 ? 2 : 1) ? best.name : null
}
