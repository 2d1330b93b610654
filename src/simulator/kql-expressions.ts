import type { Reader } from './kql-text.ts'

/** A value of one row; rows are whatever the columns read from. */
export type Expression<Row> = (row: Row) => unknown
export type Columns<Row> = ReadonlyMap<string, Expression<Row>>

/** `or` binds weakest, then `and`, then one comparison between two operands. */
export function expression<Row>(reader: Reader, columns: Columns<Row>): Expression<Row> {
  let left = conjunction(reader, columns)
  while (reader.accept('or')) {
    const [one, other] = [left, conjunction(reader, columns)]
    left = (row) => truthy(one(row)) || truthy(other(row))
  }
  return left
}

function conjunction<Row>(reader: Reader, columns: Columns<Row>): Expression<Row> {
  let left = comparison(reader, columns)
  while (reader.accept('and')) {
    const [one, other] = [left, comparison(reader, columns)]
    left = (row) => truthy(one(row)) && truthy(other(row))
  }
  return left
}

type Test = (a: unknown, b: unknown) => boolean

const comparisons: Record<string, Test> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '=~': (a, b) => folded(a) === folded(b),
  '!~': (a, b) => folded(a) !== folded(b),
  '<': (a, b) => order(a, b) < 0,
  '<=': (a, b) => order(a, b) <= 0,
  '>': (a, b) => order(a, b) > 0,
  '>=': (a, b) => order(a, b) >= 0,
  contains: (a, b) => folded(a).includes(folded(b)),
  '!contains': (a, b) => !folded(a).includes(folded(b)),
  has: (a, b) =>
    folded(a)
      .split(/[^\w]+/)
      .includes(folded(b)),
  '!has': (a, b) =>
    !folded(a)
      .split(/[^\w]+/)
      .includes(folded(b)),
  startswith: (a, b) => folded(a).startsWith(folded(b)),
  endswith: (a, b) => folded(a).endsWith(folded(b)),
}

const memberships: Record<string, { fold: boolean; wanted: boolean }> = {
  in: { fold: false, wanted: true },
  'in~': { fold: true, wanted: true },
  '!in': { fold: false, wanted: false },
  '!in~': { fold: true, wanted: false },
}

function comparison<Row>(reader: Reader, columns: Columns<Row>): Expression<Row> {
  const left = operand(reader, columns)
  const membership = memberships[reader.accept(...Object.keys(memberships)) ?? '']
  if (membership) {
    const { fold, wanted } = membership
    const list = operands(reader, columns)
    const key = (value: unknown) => (fold ? folded(value) : value)
    return (row) => list.some((each) => key(each(row)) === key(left(row))) === wanted
  }
  const test = comparisons[reader.accept(...Object.keys(comparisons)) ?? '']
  if (!test) return left
  const right = operand(reader, columns)
  return (row) => test(left(row), right(row))
}

function operands<Row>(reader: Reader, columns: Columns<Row>): Expression<Row>[] {
  reader.expect('(')
  const list: Expression<Row>[] = []
  if (reader.accept(')')) return list
  do list.push(expression(reader, columns))
  while (reader.accept(','))
  reader.expect(')')
  return list
}

function operand<Row>(reader: Reader, columns: Columns<Row>): Expression<Row> {
  if (reader.accept('(')) {
    const inner = expression(reader, columns)
    reader.expect(')')
    return inner
  }
  const { kind, value } = reader.peek()
  if (kind === 'text') return constant(reader, value)
  if (kind === 'number') return constant(reader, Number(value))
  if (kind !== 'name') return reader.fail('expected an operand')
  if (value === 'true' || value === 'false') return constant(reader, value === 'true')
  if (value === 'dynamic') return dynamicNull(reader)
  const name = reader.name()
  const called = functions[name.toLowerCase()]
  if (called && reader.peek().value === '(') return call(called, operands(reader, columns), reader)
  const column = columns.get(name.toLowerCase())
  if (!column) return reader.fail(`no column or function ${name}`)
  return path(reader, column)
}

function constant<Row>(reader: Reader, value: unknown): Expression<Row> {
  reader.take()
  return () => value
}

function dynamicNull<Row>(reader: Reader): Expression<Row> {
  reader.expect('dynamic')
  reader.expect('(')
  if (!reader.accept('null')) reader.fail('only dynamic(null) is understood')
  reader.expect(')')
  return () => null
}

/** `.field`, `['field']` and `[0]`, any number of them. */
function path<Row>(reader: Reader, start: Expression<Row>): Expression<Row> {
  let value = start
  for (;;) {
    const inner = value
    if (reader.accept('.')) {
      const field = reader.name()
      value = (row) => member(inner(row), field)
    } else if (reader.accept('[')) {
      const key = reader.take()
      if (key.kind !== 'text' && key.kind !== 'number') reader.fail('expected an index')
      reader.expect(']')
      value = (row) => member(inner(row), key.value)
    } else return value
  }
}

function member(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) return null
  const found: unknown = Reflect.get(value, field)
  return found ?? null
}

interface Called {
  arity: [number, number]
  run: (values: unknown[]) => unknown
}

function unary(run: (value: unknown) => unknown): Called {
  return { arity: [1, 1], run: ([value]) => run(value) }
}

const functions: Record<string, Called> = {
  tolower: unary((value) => text(value).toLowerCase()),
  toupper: unary((value) => text(value).toUpperCase()),
  tostring: unary(text),
  toint: unary((value) => (value === null ? null : Number(value))),
  tobool: unary((value) => (value === null ? null : truthy(value))),
  isnull: unary((value) => value === null),
  isnotnull: unary((value) => value !== null),
  isempty: unary((value) => text(value) === ''),
  isnotempty: unary((value) => text(value) !== ''),
  not: unary((value) => !truthy(value)),
  array_length: unary((value) => (Array.isArray(value) ? value.length : null)),
  strcat: { arity: [1, 64], run: (values) => values.map(text).join('') },
  coalesce: {
    arity: [2, 64],
    run: (values) => values.find((value) => value !== null && value !== '') ?? null,
  },
  iff: { arity: [3, 3], run: ([when, yes, no]) => (truthy(when) ? yes : no) },
  iif: { arity: [3, 3], run: ([when, yes, no]) => (truthy(when) ? yes : no) },
}

function call<Row>({ arity, run }: Called, list: Expression<Row>[], reader: Reader): Expression<Row> {
  if (list.length < arity[0] || list.length > arity[1])
    reader.fail(`wrong number of arguments: ${list.length}`)
  return (row) => run(list.map((each) => each(row)))
}

export function truthy(value: unknown): boolean {
  return value === true || value === 'true'
}

function text(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function folded(value: unknown): string {
  return text(value).toLowerCase()
}

/** Numbers by size, everything else by its text. */
export function order(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [one, other] = [text(a), text(b)]
  return one < other ? -1 : one > other ? 1 : 0
}
