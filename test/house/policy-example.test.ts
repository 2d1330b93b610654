import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { parse, parseDocument, stringify } from 'yaml'
import { evaluate } from '../../src/core/evaluate.ts'
import { parsePolicy } from '../../src/policy-file.ts'

const text = await readFile(new URL('../../policy.example.yml', import.meta.url), 'utf8')
const raw: unknown = parse(text)

const policy = () => {
  const answer = parsePolicy(text, 'example')
  if (!answer.ok)
    throw new Error(answer.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
  return answer.policy
}

/** Every key of every mapping in the example, with where it stands; `*` stands for any place in a list. */
function keysOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => keysOf(item, `${path}.*`))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [
    `${path}.${key}`,
    ...keysOf(inner, `${path}.${key}`),
  ])
}

/** The reader itself says which keys it knows: it names them when it meets one that it does not. */
function knownAt(path: readonly (string | number)[]): string[] {
  const document = parseDocument(text)
  document.setIn([...path, 'nonsense'], 1)
  const answer = parsePolicy(document.toString(), 'nonsense')
  const message = answer.ok ? '' : (answer.problems[0]?.message ?? '')
  const [, names] = /allowed are (.*)$/.exec(message) ?? []
  if (names === undefined) throw new Error(`No list of keys in “${message}”`)
  return names.split(', ')
}

const vm = (name: string, tags: Record<string, string> = {}) => ({
  id: `/subscriptions/1/vm/${name}`,
  name,
  resourceGroup: 'rg-shop',
  subscriptionId: '1',
  subscriptionName: 'Production',
  location: 'westeurope',
  os: null,
  tags,
})

describe('policy.example.yml', () => {
  test('loads without a problem', () => {
    expect(policy().rules.length).toBeGreaterThan(1)
  })

  test('holds every key that the reader knows', () => {
    const places = [
      [],
      ['audit'],
      ['pages'],
      ['address'],
      ['card'],
      ['defaults'],
      ['rules', 0],
      ['rules', 0, 'vm'],
      ['rules', 0, 'requester'],
      ['rules', 0, 'approvers'],
    ]
    const known = places.flatMap((place) => {
      const path = place.map((part) => (typeof part === 'number' ? '*' : part)).join('.')
      return knownAt(place).map((key) => `${path === '' ? '' : `.${path}`}.${key}`)
    })
    const shown = new Set(keysOf(raw))
    expect(known.length).toBeGreaterThan(25)
    expect(known.filter((key) => !shown.has(key))).toEqual([])
  })

  test('says something in words about every key', () => {
    const lines = text.split('\n')
    const said = new Set<string>()
    for (const [at, line] of lines.entries()) {
      const key = /^\s*(?:- )?([a-zA-Z]+):/.exec(line)?.[1]
      if (key !== undefined && /^\s*#/.test(lines[at - 1] ?? '')) said.add(key)
    }
    const alone = [
      'version',
      'audit',
      'pages',
      'address',
      'card',
      'services',
      'defaults',
      'rules',
      'name',
      'vm',
    ]
    const inRule = [
      'requester',
      'services',
      'maxDuration',
      'approvals',
      'approvers',
      'subscription',
      'channel',
    ]
    expect([...alone, ...inRule, 'deadline'].filter((key) => !said.has(key))).toEqual([])
  })

  test('has ids in Slack’s form that nobody could take for real ones', () => {
    const ids = stringify(raw).match(/\b[UWCSG]0[A-Z0-9]+\b/g) ?? []
    expect(ids.length).toBeGreaterThan(8)
    expect(ids.filter((id) => !/^[UCS]0+[A-Z]+\d?$/.test(id))).toEqual([])
  })

  test('means what its comments say', () => {
    let used = { byPerson: 0, ofVm: 0, ofRule: 0 }
    const ask = (of: ReturnType<typeof vm>, minutes: number, port = 22, userId = 'U0SOMEBODY') =>
      evaluate(policy(), {
        requester: { enterpriseId: null, teamId: 'T0', userId },
        groups: [],
        vm: of,
        ports: [{ number: port, protocol: 'tcp' }],
        source: { address: '81.2.69.142', learnt: 'typed' },
        reason: null,
        entraGroups: null,
        startsAt: 0,
        durationMs: minutes * 60_000,
        usage: new Map(policy().rules.map(({ name }) => [name, used])),
      })
    const shop = vm('vm-shop', { env: 'prod' })
    expect(ask(shop, 60, 3389, 'U000ENGINEER')).toMatchObject({
      outcome: 'needs approval',
      terms: { stages: [{ approvals: 2 }], channel: 'C0PRODUCTION', deadlineMs: 15 * 60_000 },
    })
    expect(ask(shop, 61, 3389, 'U000ENGINEER').outcome).toBe('deny')
    expect(ask(shop, 30, 3389)).toMatchObject({
      outcome: 'needs approval',
      terms: { stages: [{ approvals: 3 }] },
    })
    expect(ask(shop, 31, 3389).outcome).toBe('deny')
    expect(ask(vm('vm-test-1'), 15).outcome).toBe('allow')
    expect(ask(vm('vm-test-1'), 16).outcome).toBe('deny')
    used = { byPerson: 5, ofVm: 5, ofRule: 5 }
    expect(ask(vm('vm-test-1'), 15).outcome).toBe('needs approval')
    expect(ask(vm('vm-other'), 480, 80)).toMatchObject({
      outcome: 'needs approval',
      terms: { stages: [{ approvals: 1 }] },
    })
    expect(ask(vm('vm-other'), 480, 25).outcome).toBe('deny')
  })
})
