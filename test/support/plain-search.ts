/** Azure's names have at most 64 letters. */
const longest = 100
type Row = Uint8Array
const newRow = (): Row => new Uint8Array(longest + 2)
let rows: readonly [Row, Row, Row] = [newRow(), newRow(), newRow()]

/** One row of the table of distances, of which only what can still be within `most` is worked out. */
function fillRow(a: string, b: string, i: number, most: number): number {
  const [before, last, next] = rows
  const [from, to] = [Math.max(1, i - most), Math.min(b.length, i + most)]
  const letter = a.charCodeAt(i - 1)
  next[from - 1] = from === 1 ? i : most + 1
  let least = next[from - 1] ?? 0
  for (let j = from; j <= to; j++) {
    const other = b.charCodeAt(j - 1)
    let cost = Math.min(last[j] ?? 0, next[j - 1] ?? 0) + 1
    cost = Math.min(cost, (last[j - 1] ?? 0) + (letter === other ? 0 : 1))
    if (i > 1 && j > 1 && letter === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === other) {
      cost = Math.min(cost, (before[j - 2] ?? 0) + 1)
    }
    next[j] = cost
    least = Math.min(least, cost)
  }
  next[to + 1] = most + 1
  return least
}

/**
 * How many letters must be changed, added, removed or swapped with their neighbour to make one word of the other;
 * anything above `most` is `most + 1`. It runs over every name there is, so it allocates nothing.
 */
export function slips(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most || Math.max(a.length, b.length) > longest) return most + 1
  const [, first] = rows
  for (let j = 0; j <= b.length; j++) first[j] = j
  for (let i = 1; i <= a.length; i++) {
    if (fillRow(a, b, i, most) > most) return most + 1
    rows = [rows[1], rows[2], rows[0]]
  }
  return Math.min(rows[1][b.length] ?? 0, most + 1)
}

/** What the search must give, by a look at every single name. The names are in lower case, sorted, each once. */
export function plainNearest(names: readonly string[], wanted: string, most: number): readonly string[] {
  if (wanted === '') return []
  const allowed = wanted.length < 5 ? 1 : 2
  const meant = names
    .map((name) => ({ name, distance: slips(wanted, name, allowed) }))
    .filter(({ distance }) => distance <= allowed)
    .toSorted((a, b) => a.distance - b.distance)
    .map(({ name }) => name)
  const beginning = names.filter((name) => name.startsWith(wanted))
  const holding = names.filter((name) => name.includes(wanted))
  return [...new Set([...beginning, ...holding, ...meant])].slice(0, most)
}
