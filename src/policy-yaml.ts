import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml'
import type { z } from 'zod'

export type Place = readonly (string | number)[]

/** One thing that is wrong, at its place in the file. */
export interface Flaw {
  readonly path: Place
  readonly message: string
  /** The path ends in a key that should not be there: its place is the key's own. */
  readonly ofKey?: boolean
}

/** One thing that is wrong with a file, and where. */
export interface FileProblem {
  /** Another file, where it is not the one that was read. */
  readonly file?: string
  readonly line: number
  readonly column: number
  /** Such as `rules[0].maxDuration`. */
  readonly path: string
  readonly message: string
}

export type YamlAnswer =
  | { readonly ok: true; readonly raw: unknown; readonly problemOf: (flaw: Flaw) => FileProblem }
  | { readonly ok: false; readonly problems: readonly FileProblem[] }

const pathText = (path: Place): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${part}` : part),
    '',
  )

export const at = (value: unknown, path: Place): unknown =>
  path.reduce<unknown>(
    (inner, part) =>
      inner !== null && typeof inner === 'object' && Object.hasOwn(inner, part)
        ? Reflect.get(inner, part)
        : undefined,
    value,
  )

/** The beginning of a bad value. YAML can tie a value into a ring, which has no text. */
function shown(input: unknown): string {
  if (typeof input === 'object' && input !== null) return Array.isArray(input) ? 'a list' : 'a mapping'
  return (typeof input === 'string' ? JSON.stringify(input) : String(input)).slice(0, 80)
}

/** The keys that are right in each place; `*` stands for any one part of a path. */
export type KeysAt = Readonly<Record<string, object>>

function unknownKey(path: Place, key: string, keysAt: KeysAt): Flaw {
  const exact = path.map((part) => (typeof part === 'number' ? '*' : part))
  const shape = keysAt[exact.join('.')] ?? keysAt[[...exact.slice(0, -1), '*'].join('.')] ?? {}
  const allowed = Object.keys(shape).join(', ')
  return { path: [...path, key], message: `unknown key; allowed are ${allowed}`, ofKey: true }
}

/** What a schema says about a value, with its path, the bad value and what is allowed. */
export function flawsOf(issue: z.core.$ZodIssue, raw: unknown, keysAt: KeysAt): Flaw[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol')
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, keysAt))
  if (issue.code === 'invalid_key')
    return [{ path, message: issue.issues[0]?.message ?? issue.message, ofKey: true }]
  const found = at(raw, path)
  if (found !== undefined) return [{ path, message: `${issue.message} (found ${shown(found)})` }]
  const expected = issue.message.replace(/^(Invalid input: )?(expected )?/, '').replace(/, received.*$/, '')
  return [{ path, message: `is missing; expected ${expected}` }]
}

/** Far more than any policy needs; it bounds what a mistaken or hostile file can cost. */
const longestText = 500_000
const mostProblems = 50

export const fewer = (problems: readonly FileProblem[]): readonly FileProblem[] =>
  problems.slice(0, mostProblems)

const syntaxText = (error: YAMLError): string =>
  error.code === 'MULTIPLE_DOCS' ? 'there is more than one document in the file (---)' : error.message

/** Names that JavaScript gives a meaning of its own: the schema would overlook them, and a rule would lose a condition. */
function protoKeys(document: Document): number[] {
  const offsets: number[] = []
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key) && String(key.value) === '__proto__') offsets.push(key.range?.[0] ?? 0)
    },
  })
  return offsets
}

/** Where a flaw stands: at the wrong key, at the wrong value, or at the nearest thing around what is missing. */
function offsetOf(document: Document, { path, ofKey }: Flaw): number {
  const around = ofKey ? document.getIn(path.slice(0, -1), true) : null
  if (isMap(around)) {
    const pair = around.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)))
    if (isNode(pair?.key) && pair.key.range) return pair.key.range[0]
  }
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return document.contents?.range?.[0] ?? 0
}

const bad = (problems: readonly FileProblem[]): YamlAnswer => ({ ok: false, problems: fewer(problems) })

/** Reads one YAML document, and can say of every place in it on which line it stands. */
export function readYaml(text: string): YamlAnswer {
  const lines = new LineCounter()
  const problem = (offset: number, path: Place, message: string): FileProblem => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col), path: pathText(path), message }
  }
  if (text.length > longestText)
    return bad([problem(0, [], `the file is longer than ${longestText} characters`)])
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const { errors } = document
  if (errors.length > 0) return bad(errors.map((error) => problem(error.pos[0], [], syntaxText(error))))
  const forbidden = protoKeys(document)
  if (forbidden.length > 0)
    return bad(forbidden.map((offset) => problem(offset, [], '“__proto__” cannot be a name here')))
  try {
    const raw: unknown = document.toJS()
    return {
      ok: true,
      raw,
      problemOf: (flaw) => problem(offsetOf(document, flaw), flaw.path, flaw.message),
    }
  } catch (error) {
    // An alias without its anchor, or aliases of aliases that would grow without end.
    return bad([problem(0, [], error instanceof Error ? error.message : String(error))])
  }
}
