import { z } from 'zod'
import { mayType } from './core/address-policy.ts'
import { parseInstant } from './core/duration.ts'
import type { Outcome, Policy } from './core/policy.ts'
import { waysLearnt } from './core/source.ts'
import { entraGroup, group, user } from './policy-match-shape.ts'
import { type Question, type Read, readAddress, readLength, readPorts } from './policy-question.ts'
import { at, type FileProblem, type Flaw, fewer, flawsOf, type Place, readYaml } from './policy-yaml.ts'

/** One row of an operator’s table: a request, and what the policy is expected to answer. */
export interface Row {
  readonly line: number
  /** Such as `robin: rdp to vm-jump01 for 30m`. */
  readonly title: string
  readonly question: Question
  readonly expect: Outcome
  readonly rule: string | null
  readonly approvals: number | null
  readonly because: string | null
}

export type TableAnswer =
  | { readonly ok: true; readonly rows: readonly Row[] }
  | { readonly ok: false; readonly problems: readonly FileProblem[] }

const text = z.string().min(1)
const word = z.union([z.string().min(1), z.number()]).transform(String)
const expectedTime = 'expected a time such as 2026-11-23T09:00+01:00; without a zone it is UTC'
const instant = z.string({ error: expectedTime }).transform((value, context) => {
  const found = parseInstant(value)
  if (found !== null) return found
  context.addIssue({ code: 'custom', message: expectedTime })
  return z.NEVER
})
const groups = z.array(group)
const entraGroups = z.array(entraGroup)
const azureRoles = z.array(text)
const count = z.int().min(0)
const outcomes = ['allow', 'needs approval', 'deny'] as const
const oneOf = (allowed: readonly string[]) => ({ error: `expected ${allowed.join(', ')}` })

const personShape = z.strictObject({
  id: user,
  groups: groups.optional(),
  entraGroups: entraGroups.optional(),
  azureRoles: azureRoles.optional(),
})
const vmShape = z.strictObject({
  name: text.optional(),
  resourceGroup: text.optional(),
  subscription: text.optional(),
  tenant: text.optional(),
  region: text.optional(),
  os: z.enum(['windows', 'linux'], oneOf(['windows', 'linux'])).optional(),
  tags: z.record(z.string(), z.string()).optional(),
})
const usedShape = z.strictObject({
  byPerson: count.optional(),
  ofVm: count.optional(),
  ofRule: count.optional(),
})
const rowShape = z.strictObject({
  who: text,
  vm: text,
  service: word,
  for: word,
  from: text.optional(),
  learnt: z.enum(waysLearnt, oneOf(waysLearnt)).optional(),
  at: instant.optional(),
  reason: text.optional(),
  breakGlass: z.boolean().optional(),
  groups: groups.optional(),
  entraGroups: entraGroups.optional(),
  azureRoles: azureRoles.optional(),
  used: usedShape.optional(),
  expect: z.enum(outcomes, oneOf(outcomes)),
  rule: text.optional(),
  approvals: count.optional(),
  because: text.optional(),
})
const tableShape = z.strictObject({
  at: instant.optional(),
  people: z.record(text, personShape),
  vms: z.record(text, vmShape),
  rows: z.array(rowShape).min(1, { error: 'expected at least one row: an empty table proves nothing' }),
})
type Table = z.infer<typeof tableShape>
type FileRow = Table['rows'][number]

const keysAt = {
  '': tableShape.shape,
  'people.*': personShape.shape,
  'vms.*': vmShape.shape,
  'rows.*': rowShape.shape,
  'rows.*.used': usedShape.shape,
}

/** Reads values of one row and keeps what is wrong with them. */
class Reader {
  readonly #place: Place
  readonly #flaws: Flaw[]

  constructor(place: Place, flaws: Flaw[]) {
    this.#place = place
    this.#flaws = flaws
  }

  wrong(key: string, message: string): void {
    this.#flaws.push({ path: [...this.#place, key], message })
  }

  named<T>(key: string, name: string, all: Readonly<Record<string, T>>): T | null {
    const found = Object.hasOwn(all, name) ? all[name] : undefined
    if (found !== undefined) return found
    this.wrong(
      key,
      `“${name}” is not named above; allowed are ${Object.keys(all).join(', ') || 'none so far'}`,
    )
    return null
  }

  take<T>(key: string, read: Read<T>, instead: T): T {
    if (read.ok) return read.value
    this.wrong(key, read.why)
    return instead
  }
}

const asksForTime = ({ deny, rules }: Policy): boolean =>
  [...deny, ...rules].some(({ match }) => match.time !== undefined || match.not?.time !== undefined)

function questionOf(table: Table, row: FileRow, policy: Policy, reader: Reader): Question {
  const who = reader.named('who', row.who, table.people)
  const vm = reader.named('vm', row.vm, table.vms)
  const moment = row.at ?? table.at
  // A table must say the same tomorrow, so the time of day is never taken from the clock.
  if (moment === undefined && asksForTime(policy))
    reader.wrong('at', `is missing, and the policy asks for the time; ${expectedTime}`)
  return {
    requester: who?.id ?? '',
    groups: row.groups ?? who?.groups ?? [],
    entraGroups: row.entraGroups ?? who?.entraGroups ?? null,
    azureRoles: row.azureRoles ?? who?.azureRoles ?? null,
    vm: { ...vm, name: vm?.name ?? row.vm },
    ports: reader.take('service', readPorts(row.service, policy), []),
    durationMs: reader.take('for', readLength(row.for), 0),
    address: row.from === undefined ? null : reader.take<string | null>('from', readAddress(row.from), null),
    learnt: row.learnt ?? (mayType(policy) ? 'typed' : 'confirmed'),
    at: moment ?? 0,
    reason: row.reason ?? null,
    emergency: row.breakGlass ?? false,
    used: { byPerson: row.used?.byPerson ?? 0, ofVm: row.used?.ofVm ?? 0, ofRule: row.used?.ofRule ?? 0 },
  }
}

/** Reads a table of expected decisions for a policy; every mistake in it is named with its line. */
export function parseTable(source: string, policy: Policy): TableAnswer {
  const yaml = readYaml(source)
  if (!yaml.ok) return yaml
  const { raw, problemOf } = yaml
  const bad = (flaws: readonly Flaw[]): TableAnswer => ({ ok: false, problems: fewer(flaws.map(problemOf)) })
  const parsed = tableShape.safeParse(raw)
  if (!parsed.success) return bad(parsed.error.issues.flatMap((issue) => flawsOf(issue, raw, keysAt)))
  const flaws: Flaw[] = []
  const rows = parsed.data.rows.map((row, index): Row => {
    const place = ['rows', index]
    const written = at(raw, [...place, 'for'])
    return {
      line: problemOf({ path: place, message: '' }).line,
      title: `${row.who}: ${row.service} to ${row.vm} for ${String(written)}`,
      question: questionOf(parsed.data, row, policy, new Reader(place, flaws)),
      expect: row.expect,
      rule: row.rule ?? null,
      approvals: row.approvals ?? null,
      because: row.because ?? null,
    }
  })
  return flaws.length > 0 ? bad(flaws) : { ok: true, rows }
}
