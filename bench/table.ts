/** One line of the table: what was measured, and the same thing done by the simplest means in the same run. */
export interface Row {
  readonly name: string
  readonly figure: number
  readonly unit: 'ms' | 's' | 'calls' | 'times' | 'a second' | 'MB'
  readonly baseline: { readonly name: string; readonly figure: number }
  /** The figure as a multiple of the baseline. */
  readonly ratio: number
  /** Empty where nothing was promised. */
  readonly goal: string
  readonly met: boolean | null
}

type Judge = (figure: number, ratio: number) => boolean

/** What a row has to keep, in words and as a test. */
export interface Goal {
  readonly text: string
  readonly judge: Judge
}

export const atMost = (limit: number, unit: string): Goal => ({
  text: `≤ ${limit} ${unit}`,
  judge: (figure) => figure <= limit,
})

export const atLeast = (limit: number, unit: string): Goal => ({
  text: `≥ ${limit} ${unit}`,
  judge: (figure) => figure >= limit,
})

export const atMostTimes = (limit: number): Goal => ({
  text: `≤ ${limit}x`,
  judge: (_figure, ratio) => ratio <= limit,
})

export function row(
  name: string,
  unit: Row['unit'],
  figure: number,
  baseline: Row['baseline'],
  goal?: Goal,
): Row {
  const ratio = figure / baseline.figure
  return {
    name,
    figure,
    unit,
    baseline,
    ratio,
    goal: goal?.text ?? '',
    met: goal?.judge(figure, ratio) ?? null,
  }
}

const rounded = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

const metText = (met: boolean | null): string => (met === null ? '' : met ? 'yes' : 'NO')

const headings = ['name', 'figure', 'unit', 'baseline', '', 'ratio', 'goal', 'met'] as const

const cellsOf = ({ name, figure, unit, baseline, ratio, goal, met }: Row): readonly string[] => [
  name,
  rounded(figure),
  unit,
  baseline.name,
  rounded(baseline.figure),
  `${rounded(ratio)}x`,
  goal,
  metText(met),
]

/** Numbers stand right, words stand left. */
const numeric = new Set([1, 4, 5])

export function table(rows: readonly Row[]): string {
  const lines: (readonly string[])[] = [headings, ...rows.map(cellsOf)]
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const width = widths[column] ?? 0
          return numeric.has(column) ? cell.padStart(width) : cell.padEnd(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .toSpliced(1, 0, widths.map((width) => '-'.repeat(width)).join('  '))
    .join('\n')
}
