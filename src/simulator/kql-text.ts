/** What Resource Graph answers to a query that it cannot read. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
  readonly token: string
  readonly at: number

  constructor(message: string, token: string, at: number) {
    super(message)
    this.token = token
    this.at = at
  }
}

export interface Token {
  kind: 'name' | 'text' | 'number' | 'sign' | 'end'
  value: string
  at: number
}

const pattern =
  /\s+|\/\/[^\n]*|(?<name>[A-Za-z_][\w-]*(?<=\w)~?)|(?<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?<number>\d+(?:\.\d+)?)|(?<sign>!in~|!in\b|!contains\b|!has\b|==|!=|=~|!~|<=|>=|[|,()[\].<>=])/gy

function tokens(query: string): Token[] {
  const found: Token[] = []
  pattern.lastIndex = 0
  while (pattern.lastIndex < query.length) {
    const at = pattern.lastIndex
    const match = pattern.exec(query)
    if (!match) throw new QueryError('Unreadable text', query.charAt(at), at)
    const { name, text, number, sign } = match.groups ?? {}
    if (name !== undefined) found.push({ kind: 'name', value: name, at })
    else if (text !== undefined) found.push({ kind: 'text', value: unquoted(text), at })
    else if (number !== undefined) found.push({ kind: 'number', value: number, at })
    else if (sign !== undefined) found.push({ kind: 'sign', value: sign, at })
  }
  found.push({ kind: 'end', value: '', at: query.length })
  return found
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, '$1')
}

/** Reads tokens one after the other; every complaint names the token that it stumbled over. */
export class Reader {
  readonly #tokens: Token[]
  #next = 0

  constructor(query: string) {
    this.#tokens = tokens(query)
  }

  peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', value: '', at: 0 }
  }

  take(): Token {
    const token = this.peek()
    this.#next++
    return token
  }

  /** Takes the next token when it is this word or sign. */
  accept(...values: string[]): string | undefined {
    const { kind, value } = this.peek()
    if (kind !== 'name' && kind !== 'sign') return undefined
    const found = values.find((each) => each === value.toLowerCase())
    if (found !== undefined) this.#next++
    return found
  }

  expect(value: string): void {
    if (this.accept(value) === undefined) this.fail(`expected ${value}`)
  }

  name(): string {
    const token = this.take()
    if (token.kind !== 'name') throw new QueryError('expected a name', token.value, token.at)
    return token.value
  }

  fail(message: string): never {
    const { value, at } = this.peek()
    throw new QueryError(message, value, at)
  }
}
