import { type Columns, type Expression, expression, order, truthy } from './kql-expressions.ts'
import { QueryError, Reader } from './kql-text.ts'

/** A query that is understood: which rows it keeps, in which order, and what it shows of each. */
export interface Query<Row> {
  rows: (all: readonly Row[]) => Row[]
  columns: Columns<Row>
  /** Set by `count`: the answer is one row with the number. */
  counts: boolean
}

interface Sorting<Row> {
  key: Expression<Row>
  descending: boolean
}

/**
 * Understands the plain part of KQL: one table, then where, extend, project, project-away, order by,
 * limit and count. Anything else is a QueryError, as it would be a wrong answer otherwise.
 */
export function parseQuery<Row>(text: string, table: string, base: Columns<Row>): Query<Row> {
  const reader = new Reader(text)
  const named = reader.name()
  if (named.toLowerCase() !== table) throw new QueryError(`no table ${named}`, named, 0)
  const query = new Draft(reader, base)
  while (reader.accept('|')) query.operator()
  if (reader.peek().kind !== 'end') reader.fail('expected |')
  return query.finished()
}

class Draft<Row> {
  readonly #reader: Reader
  #columns: Map<string, Expression<Row>>
  /** As written, because names in an answer keep their case. */
  #shown: Map<string, string>
  readonly #steps: ((rows: Row[]) => Row[])[] = []
  #counts = false

  constructor(reader: Reader, base: Columns<Row>) {
    this.#reader = reader
    this.#columns = new Map([...base].map(([name, value]) => [name.toLowerCase(), value]))
    this.#shown = new Map([...base.keys()].map((name) => [name.toLowerCase(), name]))
  }

  operator(): void {
    const reader = this.#reader
    const word = reader.accept(
      'where',
      'extend',
      'project',
      'project-away',
      'order',
      'sort',
      'limit',
      'take',
      'count',
    )
    switch (word) {
      case 'where': {
        const keep = expression(reader, this.#columns)
        this.#steps.push((rows) => rows.filter((row) => truthy(keep(row))))
        return
      }
      case 'extend':
        for (const [name, value] of this.#assignments()) this.#set(name, value)
        return
      case 'project':
        this.#project()
        return
      case 'project-away':
        this.#projectAway()
        return
      case 'order':
      case 'sort':
        this.#sort()
        return
      case 'limit':
      case 'take': {
        const most = Number(reader.take().value)
        if (!Number.isInteger(most)) reader.fail('expected a number')
        this.#steps.push((rows) => rows.slice(0, most))
        return
      }
      case 'count':
        this.#counts = true
        return
      case undefined:
        reader.fail('this operator is not understood')
    }
  }

  finished(): Query<Row> {
    const columns = new Map<string, Expression<Row>>()
    for (const [key, value] of this.#columns) columns.set(this.#shown.get(key) ?? key, value)
    return {
      counts: this.#counts,
      columns,
      rows: (all) => {
        let rows = [...all]
        for (const step of this.#steps) rows = step(rows)
        return rows
      },
    }
  }

  #set(name: string, value: Expression<Row>): void {
    this.#columns.set(name.toLowerCase(), value)
    this.#shown.set(name.toLowerCase(), name)
  }

  #assignments(): [string, Expression<Row>][] {
    const found: [string, Expression<Row>][] = []
    do found.push(this.#assignment())
    while (this.#reader.accept(','))
    return found
  }

  #assignment(): [string, Expression<Row>] {
    const name = this.#reader.name()
    if (this.#reader.accept('=')) return [name, expression(this.#reader, this.#columns)]
    const column = this.#columns.get(name.toLowerCase())
    if (!column) return this.#reader.fail(`no column ${name}`)
    if (this.#reader.peek().value === '.') return this.#reader.fail('a path needs a name: name = path')
    return [name, column]
  }

  #project(): void {
    const chosen = this.#assignments()
    this.#columns = new Map()
    this.#shown = new Map()
    for (const [name, value] of chosen) this.#set(name, value)
  }

  #projectAway(): void {
    do this.#columns.delete(this.#reader.name().toLowerCase())
    while (this.#reader.accept(','))
  }

  #sort(): void {
    this.#reader.expect('by')
    const sortings: Sorting<Row>[] = []
    do {
      const key = expression(this.#reader, this.#columns)
      // KQL sorts downwards when nothing is said.
      const descending = (this.#reader.accept('asc', 'desc') ?? 'desc') === 'desc'
      sortings.push({ key, descending })
    } while (this.#reader.accept(','))
    this.#steps.push((rows) => sorted(rows, sortings))
  }
}

function sorted<Row>(rows: Row[], sortings: Sorting<Row>[]): Row[] {
  const keyed = rows.map((row) => ({ row, keys: sortings.map(({ key }) => key(row)) }))
  keyed.sort((a, b) => {
    for (const [index, { descending }] of sortings.entries()) {
      const difference = order(a.keys[index], b.keys[index])
      if (difference !== 0) return descending ? -difference : difference
    }
    return 0
  })
  return keyed.map(({ row }) => row)
}
