import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { evaluate } from '../../src/core/evaluate.ts'
import type { Subject } from '../../src/core/policy.ts'
import { parsePolicy } from '../../src/policy-file.ts'
import { keysAt } from '../../src/policy-shape.ts'
import { unasked, warningsOf } from '../../src/policy-warnings.ts'

const text = await readFile(new URL('../../policy.example.yml', import.meta.url), 'utf8')
const raw: unknown = parse(text)

const policy = () => {
  const answer = parsePolicy(text, 'example')
  if (!answer.ok)
    throw new Error(answer.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
  return answer.policy
}

/** Every key of every mapping in the example, with where it stands; `*` stands for any place in a list. */
function keysOf(value: unknown, path: readonly string[] = []): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => keysOf(item, [...path, '*']))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [
    `${formOf(path)}.${key}`,
    ...keysOf(inner, [...path, key]),
  ])
}

const approverForms = new Set(['approvers', 'reviewers'])

/** Places in which the same keys may stand are one form: what is shown in one of them need not be shown in all. */
function formOf(path: readonly string[]): string {
  const names = path.filter((part) => part !== '*' && part !== 'not')
  const last = names.at(-1) ?? 'file'
  return approverForms.has(last) ? 'approvers' : last
}

/** What stands in one of these means the same in a rule. */
const parts = ['defaults', 'deny'] as const
/** Several stages are shown in a rule; with them, the other defaults for approvals would mean nothing. */
const alternatives = new Set(['defaults.stages'])

const known = Object.entries(keysAt).flatMap(([place, shape]) =>
  Object.keys(shape).map((key) => `${formOf(place === '' ? [] : place.split('.'))}.${key}`),
)

const vm = (name: string, tags: Record<string, string> = {}, but: Partial<Subject['vm']> = {}) => ({
  id: `/subscriptions/1/vm/${name}`,
  name,
  resourceGroup: 'rg-sales',
  subscriptionId: '1',
  subscriptionName: 'Production',
  location: 'westeurope',
  os: null,
  tags,
  ...but,
})

/** A Monday morning, and a Saturday’s. */
const [monday, saturday] = [Date.parse('2026-11-23T10:00Z'), Date.parse('2026-11-28T10:00Z')]
const unused = { byPerson: 0, ofVm: 0, ofRule: 0 }

const ask = (
  of: Subject['vm'],
  minutes: number,
  { port = 22, userId = 'U0SOMEBODY', used = unused, ...but }: Partial<Subject> & Asked = {},
) =>
  evaluate(policy(), {
    requester: { enterpriseId: null, teamId: 'T0', userId },
    groups: [],
    vm: of,
    ports: [{ number: port, protocol: 'tcp' }],
    source: { address: '81.2.69.142', learnt: 'typed' },
    reason: null,
    entraGroups: null,
    startsAt: monday,
    durationMs: minutes * 60_000,
    usage: new Map(policy().rules.map(({ name }) => [name, used])),
    ...but,
  })
interface Asked {
  readonly port?: number
  readonly userId?: string
  readonly used?: typeof unused
}

const rdp = { port: 3389 }
const onDuty = { port: 3389, userId: 'U000ENGINEER', reason: 'INC-1234: the shop is down' }

describe('policy.example.yml', () => {
  test('loads without a problem, and nothing in it can never work', () => {
    expect(policy().rules.length).toBeGreaterThan(1)
    expect(warningsOf(policy(), raw, unasked)).toEqual([])
  })

  test('holds every key that the reader knows', () => {
    const shown = new Set(keysOf(raw))
    expect(new Set(known).size).toBeGreaterThan(70)
    const elsewhere = (key: string) => parts.some((part) => shown.has(key.replace(/^rules\./, `${part}.`)))
    expect(known.filter((key) => !(shown.has(key) || elsewhere(key) || alternatives.has(key)))).toEqual([])
  })

  test('says something in words about every key, where it stands first', () => {
    const lines = text.split('\n')
    const silent = [...new Set(known.map((key) => key.split('.')[1] ?? ''))].filter((key) => {
      const first = lines.findIndex((line) => new RegExp(`^\\s*(?:- )?${key}:`).test(line))
      return first < 0 || !/^\s*#/.test(lines[first - 1] ?? '')
    })
    expect(silent).toEqual([])
  })

  test('has ids in Slack’s form that nobody could take for real ones', () => {
    const ids = stringify(raw).match(/\b[UWCSG]0[A-Z0-9]+\b/g) ?? []
    expect(ids.length).toBeGreaterThan(8)
    expect(ids.filter((id) => !/^[UCS]0+[A-Z]+\d?$/.test(id))).toEqual([])
    const objects = stringify(raw).match(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g) ?? []
    expect(objects.length).toBeGreaterThan(1)
    expect(objects.filter((id) => !/^[0-]{30,}[0-9a-f]+$/.test(id))).toEqual([])
  })

  test('means what its comments say of rules', () => {
    const sales = vm('vm-sales', { env: 'prod' })
    expect(ask(sales, 60, onDuty)).toMatchObject({
      outcome: 'needs approval',
      terms: { stages: [{ approvals: 2 }], channel: 'C0PRODUCTION', deadlineMs: 15 * 60_000 },
    })
    expect(ask(sales, 61, onDuty).outcome).toBe('deny')
    expect(ask(sales, 60, { ...onDuty, reason: 'the shop is down' }).tree.because).toMatch(/INC-1234/)
    expect(ask(sales, 20, { ...onDuty, emergency: true }).outcome).toBe('allow')
    expect(ask(sales, 21, { ...onDuty, emergency: true }).outcome).toBe('deny')
    const extension = { extraMs: 30 * 60_000, first: true }
    expect(ask(sales, 60, { ...onDuty, extension }).outcome).toBe('allow')
    expect(ask(sales, 60, { ...onDuty, extension: { ...extension, first: false } }).outcome).toBe(
      'needs approval',
    )
    expect(ask(sales, 30, rdp)).toMatchObject({
      outcome: 'needs approval',
      terms: { stages: [{ approvals: 3 }], channel: 'C0APPROVALS', deadlineMs: 30 * 60_000 },
    })
    expect(ask(sales, 31, rdp).outcome).toBe('deny')
    expect(ask(vm('vm-other'), 480, { port: 80 })).toMatchObject({
      outcome: 'needs approval',
      terms: { stages: [{ approvals: 1, approvers: { groups: ['S0ENGINEERS'] } }] },
    })
    expect(ask(vm('vm-other'), 481, { port: 80 }).outcome).toBe('deny')
    expect(ask(vm('vm-other'), 480, { port: 25 }).outcome).toBe('deny')
  })

  test('means what its comments say of quotas: the next rule is tried when one is used up', () => {
    expect(ask(vm('vm-test-1'), 15).outcome).toBe('allow')
    expect(ask(vm('vm-test-1'), 16).outcome).toBe('deny')
    for (const used of [
      { byPerson: 5, ofVm: 5, ofRule: 5 },
      { byPerson: 0, ofVm: 10, ofRule: 10 },
      { byPerson: 0, ofVm: 0, ofRule: 50 },
    ]) {
      expect(ask(vm('vm-test-1'), 15, { used })).toMatchObject({
        outcome: 'needs approval',
        terms: { rule: 'a colleague agrees to let somebody into any other VM' },
      })
    }
  })

  test('means what its comments say of stages, people on call, and what must not fit', () => {
    const tenantId = '00000000-0000-0000-0000-0000000000a1'
    const customer = (name: string) => vm(name, {}, { tenantId, os: 'windows', resourceGroup: 'rg-customer' })
    const engineer = { ...rdp, entraGroups: ['00000000-0000-0000-0000-0000000000b1'] }
    const staged = {
      stages: [{ approvers: { ownerTag: 'owner' } }, { approvals: 2, fromDifferentGroups: true }],
    }
    expect(ask(customer('srv'), 60, engineer)).toMatchObject({ outcome: 'needs approval', terms: staged })
    const easy = { terms: { rule: 'a colleague agrees to let somebody into any other VM' } }
    expect(ask(customer('srv-legacy'), 60, engineer)).toMatchObject(easy)
    expect(ask(customer('srv'), 60, { ...engineer, groups: ['S0CONTRACTORS'] })).toMatchObject(easy)
    expect(ask(customer('srv'), 60, { ...engineer, entraGroups: null })).toMatchObject(easy)
    // Ten in the morning is eleven in Berlin: seven hours are left until six.
    expect(ask(customer('srv'), 421, engineer)).toMatchObject(easy)
    expect(ask(customer('srv'), 420, engineer)).toMatchObject({ terms: staged })
    const guests = { address: '81.2.70.1', learnt: 'typed' as const }
    expect(ask(customer('srv'), 60, { ...engineer, source: guests })).toMatchObject(easy)
    expect(ask(vm('vm-1', {}, { resourceGroup: 'rg-shop' }), 60)).toMatchObject({
      terms: { stages: [{ approvers: { onCall: ['P0ONCALL'] } }] },
    })
  })

  test('means what its comments say of refusals: they beat every rule', () => {
    const refusals = [
      ask(vm('db-1'), 15, { groups: ['S0CONTRACTORS'] }),
      ask(vm('vm-test-1'), 15, { source: { address: '198.41.128.7', learnt: 'typed' } }),
      ask(vm('vm-test-1'), 15, { source: { address: '', learnt: 'typed' } }),
      ask(vm('vm-1', { env: 'prod' }), 15, { source: { address: '81.2.69.142', learnt: 'remembered' } }),
      ask(vm('vm-1'), 120, { ...rdp, startsAt: saturday }),
      ask(vm('vm-1'), 480, { ...rdp, startsAt: saturday - 15 * 3_600_000 }),
    ]
    for (const { outcome, tree } of refusals) {
      expect(outcome).toBe('deny')
      expect(tree.because).toMatch(/^access is refused if /)
    }
    expect(ask(vm('vm-1'), 119, { ...rdp, startsAt: saturday }).outcome).toBe('needs approval')
    expect(ask(vm('vm-1'), 120, { ...rdp, startsAt: monday }).outcome).toBe('needs approval')
  })
})
