import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import { parsePolicy } from '../../src/policy-file.ts'
import type { FileProblem } from '../../src/policy-yaml.ts'
import { alice, subject, vm } from '../support/cases.ts'

const head = `version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0ASKS }
`
/** Line 4 is `rules:`, and the rule begins on line 5. */
const oneRule = `${head}rules:
  - name: a colleague agrees
    maxDuration: 1h
    approvers: { users: [U0BOB] }
`
const withRule = (lines: string) => `${oneRule}${lines}\n`

function load(text: string) {
  const answer = parsePolicy(text, 'hash-1')
  if (!answer.ok) throw new Error(problemsOf(text).join('\n'))
  return answer.policy
}

const tcp = (number: number) => ({ number, protocol: 'tcp' })
const deadlines = (text: string) => load(text).rules.map(({ terms }) => terms.deadlineMs / 60_000)

const problemText = ({ line, column, path, message }: FileProblem) => `${line}:${column} ${path}: ${message}`

function problemsOf(text: string): string[] {
  const answer = parsePolicy(text, 'hash-1')
  return answer.ok ? [] : answer.problems.map(problemText)
}

describe('a good file', () => {
  const files = ['demo/policy.yml', 'policy.example.yml'].filter((file) => existsSync(file))

  it.each(files)('%s loads', (file) => {
    expect(problemsOf(readFileSync(file, 'utf8'))).toEqual([])
  })

  it('becomes the policy, with every default filled in', () => {
    expect(load(oneRule)).toEqual({
      hash: 'hash-1',
      services: [
        { name: 'rdp', ports: [{ number: 3389, protocol: 'tcp' }] },
        { name: 'ssh', ports: [{ number: 22, protocol: 'tcp' }] },
        {
          name: 'winrm',
          ports: [
            { number: 5985, protocol: 'tcp' },
            { number: 5986, protocol: 'tcp' },
          ],
        },
      ],
      deny: [],
      rules: [
        {
          name: 'a colleague agrees',
          match: { vm: {}, requester: {} },
          reason: { kind: 'optional' },
          quota: {},
          extension: { kind: 'same' },
          terms: {
            rule: 'a colleague agrees',
            maxDurationMs: 3_600_000,
            stages: [
              { approvers: { users: ['U0BOB'], groups: [] }, approvals: 1, fromDifferentGroups: false },
            ],
            selfApproval: false,
            channel: 'C0ASKS',
            deadlineMs: 3_600_000,
          },
        },
      ],
      auditChannel: 'C0AUDIT',
      pages: { channel: 'C0AUDIT', users: [], groups: [] },
      operators: { users: [], groups: [] },
      addressWindowMs: 12 * 3_600_000,
      showTags: [],
    })
  })

  it('says everything that can be said', () => {
    const policy = load(`${head}pages: { channel: C0PAGES, users: [U0ALEX], groups: [S0OPS] }
address: { remember: 30m }
card: { showTags: [env] }
services:
  pg: [5432, 5433/udp]
  ssh: [2222]
rules:
  - name: all of it
    vm: { name: vm-*, resourceGroup: [a, b], subscription: Shop, tags: { env: prod, constructor: [x, y] } }
    requester: { users: [U0ALICE], groups: [S0DEV] }
    services: [pg, ssh, 443/tcp, 8080]
    maxDuration: 1h30m
    approvals: 2
    approvers: { users: [U0BOB], groups: [S0OPS] }
    channel: C0OTHER
    deadline: 15m
`)
    expect(policy.services.map(({ name }) => name).toSorted()).toEqual(['pg', 'rdp', 'ssh', 'winrm'])
    expect(policy).toMatchObject({ addressWindowMs: 1_800_000, showTags: ['env'] })
    expect(policy.pages).toEqual({ channel: 'C0PAGES', users: ['U0ALEX'], groups: ['S0OPS'] })
    expect(policy.rules).toEqual([
      {
        name: 'all of it',
        match: {
          vm: {
            name: ['vm-*'],
            resourceGroup: ['a', 'b'],
            subscription: ['Shop'],
            tags: { env: ['prod'], constructor: ['x', 'y'] },
          },
          requester: { users: ['U0ALICE'], groups: ['S0DEV'] },
          ports: [tcp(5432), { number: 5433, protocol: 'udp' }, tcp(2222), tcp(443), tcp(8080)],
        },
        reason: { kind: 'optional' },
        quota: {},
        extension: { kind: 'same' },
        terms: {
          rule: 'all of it',
          maxDurationMs: 5_400_000,
          stages: [
            {
              approvers: { users: ['U0BOB'], groups: ['S0OPS'] },
              approvals: 2,
              fromDifferentGroups: false,
            },
          ],
          selfApproval: false,
          channel: 'C0OTHER',
          deadlineMs: 900_000,
        },
      },
    ])
  })

  it('takes its deadline from the rule, else from the defaults, else an hour', () => {
    const defaults = oneRule.replace('{ channel: C0ASKS }', '{ channel: C0ASKS, deadline: 20m }')
    expect([deadlines(oneRule), deadlines(defaults), deadlines(`${defaults}    deadline: 5m\n`)]).toEqual([
      [60],
      [20],
      [5],
    ])
  })

  it('calls people in the audit channel when no other one is named for it', () => {
    const { pages } = load(`${oneRule}pages: { users: [U0ALEX] }\n`)
    expect(pages).toEqual({ channel: 'C0AUDIT', users: ['U0ALEX'], groups: [] })
  })

  it('needs no approvers where nobody is asked', () => {
    expect(
      load(`${head}rules: [{ name: free, maxDuration: 1h, approvals: 0 }]`).rules[0]?.terms.stages,
    ).toEqual([])
  })

  it('may name the same people once, with an anchor', () => {
    const text = `${head}rules:
  - { name: a, maxDuration: 1h, approvers: &ops { users: [U0BOB] } }
  - { name: b, maxDuration: 1h, approvers: *ops }
`
    expect(load(text).rules.map(({ terms }) => terms.stages[0]?.approvers.users)).toEqual([
      ['U0BOB'],
      ['U0BOB'],
    ])
  })
})

/** Each text, and the whole list of what is said about it. */
const bad: Record<string, [string, string[]]> = {
  'an empty file': ['', ['1:1 : Invalid input: expected object, received null (found null)']],
  'a file that is no mapping': [
    '- 1',
    ['1:1 : Invalid input: expected object, received array (found a list)'],
  ],
  'another version': [
    oneRule.replace('version: 1', 'version: 2'),
    ['1:10 version: expected 1, the version of the file’s form (found 2)'],
  ],
  'no audit channel': [
    oneRule.replace('audit: { channel: C0AUDIT }', 'audit: {}'),
    ['2:8 audit.channel: is missing; expected a Slack channel id such as C012ABCDEF'],
  ],
  'a channel by its name': [
    oneRule.replace('C0AUDIT', '"#audit"'),
    ['2:19 audit.channel: expected a Slack channel id such as C012ABCDEF (found "#audit")'],
  ],
  'no rules': [`${head}rules: []`, ['4:8 rules: Too small: expected array to have >=1 items (found a list)']],
  'a misspelt key at the top': [
    `${oneRule}audti: 1\n`,
    [
      '8:1 audti: unknown key; allowed are version, audit, pages, operators, address, card, digest, services, defaults, deny, rules',
    ],
  ],
  'a misspelt key in a rule': [
    withRule('    approvrs: {}'),
    [
      '8:5 rules[0].approvrs: unknown key; allowed are name, vm, requester, services, source, time, duration, maxDuration, maxAddresses, approvals, approvers, fromDifferentGroups, stages, selfApproval, reason, channel, deadline, escalate, extend, priorities, way, requireAzureRole, quota, breakGlass, flushConnections',
    ],
  ],
  'a misspelt key of a VM': [
    withRule('    vm: { name: x, tag: {} }'),
    [
      '8:20 rules[0].vm.tag: unknown key; allowed are name, resourceGroup, subscription, tenant, region, os, tags, not',
    ],
  ],
  'a misspelt key of people': [
    withRule('    requester: { user: [U0BOB] }'),
    ['8:18 rules[0].requester.user: unknown key; allowed are users, groups, entraGroups, not'],
  ],
  'a misspelt key of the pages': [
    `${oneRule}pages: { chanel: C0PAGES }\n`,
    ['8:10 pages.chanel: unknown key; allowed are channel, users, groups'],
  ],
  'pages to the wrong places': [
    `${oneRule}pages: { channel: pages, users: [S0OPS], groups: [U0ALEX] }\n`,
    [
      '8:19 pages.channel: expected a Slack channel id such as C012ABCDEF (found "pages")',
      '8:34 pages.users[0]: expected a Slack user id such as U012ABCDEF (found "S0OPS")',
      '8:51 pages.groups[0]: expected a Slack user group id such as S012ABCDEF (found "U0ALEX")',
    ],
  ],
  'more people than one message may call': [
    `${oneRule}pages: { users: [${Array(21).fill('U0ALEX').join(', ')}] }\n`,
    ['8:17 pages.users: Too big: expected array to have <=20 items (found a list)'],
  ],
  'a misspelt key of the address': [
    `${oneRule}address: { remember: 1h, forget: 2h }\n`,
    [
      '8:26 address.forget: unknown key; allowed are remember, confirmed, typed, ranges, shared, never, neverFiles',
    ],
  ],
  'no name': [`${head}rules:\n  - approvals: 0\n`, ['5:5 rules[0].name: is missing; expected string']],
  'no duration': [
    `${head}rules:\n  - { name: free, approvals: 0 }\n`,
    [
      '5:5 rules[0].maxDuration: is missing, and defaults.maxDuration is not set; expected a duration such as 30m, 2h or 1h30m',
    ],
  ],
  'a duration without a unit': [
    oneRule.replace('1h', '30'),
    [
      '6:18 rules[0].maxDuration: “30” has no unit; say 30m for minutes or 30h for hours. Write a duration such as 30m, 2h or 1h30m. (found 30)',
    ],
  ],
  'a duration of zero': [
    oneRule.replace('1h', '0m'),
    [
      '6:18 rules[0].maxDuration: A duration of zero opens nothing. Write a duration such as 30m, 2h or 1h30m. (found "0m")',
    ],
  ],
  'a duration that never ends': [
    oneRule.replace('1h', '.inf'),
    ['6:18 rules[0].maxDuration: expected a duration such as 30m, 2h or 1h30m (found Infinity)'],
  ],
  'a time of day for a duration': [
    oneRule.replace('1h', 'until 18:00'),
    [
      '6:18 rules[0].maxDuration: A time of day is not a duration here. Write a duration such as 30m, 2h or 1h30m. (found "until 18:00")',
    ],
  ],
  'a list for a duration': [
    oneRule.replace('1h', '[1h]'),
    ['6:18 rules[0].maxDuration: expected a duration such as 30m, 2h or 1h30m (found a list)'],
  ],
  'a number for a pattern': [
    withRule('    vm: { tags: { tier: 1 } }'),
    ['8:25 rules[0].vm.tags.tier: expected a pattern such as vm-*, or a list of patterns (found 1)'],
  ],
  'an empty pattern': [
    withRule('    vm: { name: "" }'),
    ['8:17 rules[0].vm.name: expected a pattern such as vm-*, or a list of patterns (found "")'],
  ],
  'no patterns': [
    withRule('    vm: { name: [] }'),
    ['8:17 rules[0].vm.name: expected a pattern such as vm-*, or a list of patterns (found a list)'],
  ],
  'people by their names': [
    oneRule.replace('U0BOB', 'bob'),
    ['7:26 rules[0].approvers.users[0]: expected a Slack user id such as U012ABCDEF (found "bob")'],
  ],
  'a group among the users': [
    oneRule.replace('U0BOB', 'S0OPS'),
    ['7:26 rules[0].approvers.users[0]: expected a Slack user id such as U012ABCDEF (found "S0OPS")'],
  ],
  'half an approval': [
    withRule('    approvals: 0.5'),
    ['8:16 rules[0].approvals: Invalid input: expected int, received number (found 0.5)'],
  ],
  'fewer than no approvals': [
    withRule('    approvals: -1'),
    ['8:16 rules[0].approvals: Too small: expected number to be >=0 (found -1)'],
  ],
  'nobody who could approve': [
    oneRule.replace('{ users: [U0BOB] }', '{ users: [] }'),
    ['5:5 rules[0]: nobody can approve: name approvers, or set approvals to 0'],
  ],
  'nothing said about approvers': [
    oneRule.replace('    approvers: { users: [U0BOB] }\n', ''),
    ['5:5 rules[0]: nobody can approve: name approvers, or set approvals to 0'],
  ],
  'more approvals than people': [
    oneRule.replace('[U0BOB]', '[U0BOB, U0BOB]').concat('    approvals: 2\n'),
    ['8:16 rules[0].approvals: asks for 2 approvals, but names only 1 approver(s)'],
  ],
  'nowhere to ask': [
    oneRule.replace('defaults: { channel: C0ASKS }', 'defaults: {}'),
    ['5:5 rules[0].channel: is missing, and defaults.channel is not set'],
  ],
  'a service that nobody knows': [
    withRule('    services: [ssh, rpd]'),
    [
      '8:21 rules[0].services[1]: unknown service “rpd”; allowed are rdp, ssh, winrm, or a port such as 443/tcp',
    ],
  ],
  'a service with a bad name': [
    `${oneRule}services: { Rdp: [1] }\n`,
    ['8:13 services.Rdp: a service’s name has small letters, digits and hyphens'],
  ],
  'a service with a bad port': [
    `${oneRule}services: { pg: [5432, 70000] }\n`,
    ['8:24 services.pg[1]: expected a port such as 5432/tcp or 3389 (found 70000)'],
  ],
  'a service without ports': [
    `${oneRule}services: { pg: [] }\n`,
    ['8:17 services.pg: Too small: expected array to have >=1 items (found a list)'],
  ],
  'two rules of one name': [
    `${oneRule}  - { name: a colleague agrees, maxDuration: 1h, approvals: 0 }\n`,
    ['8:13 rules[1].name: “a colleague agrees” is the name of rules[0] already'],
  ],
  'the same key twice': [withRule('    maxDuration: 2h'), ['8:5 : Map keys must be unique']],
  'a bracket that does not close': [
    'version: 1\naudit: { channel: C0AUDIT\n',
    ['3:1 : Flow map in block collection must be sufficiently indented and end with a }'],
  ],
  tabs: ['version: 1\n\taudit: x\n', ['2:1 : Tabs are not allowed as indentation']],
  'two documents': [
    `${oneRule}---\nversion: 1\n`,
    ['8:1 : there is more than one document in the file (---)'],
  ],
  'an alias of nothing': [
    withRule('    vm: *nothing'),
    ['1:1 : Unresolved alias (the anchor must be set before the alias): nothing'],
  ],
}

describe('a bad file says what is wrong, where, and what would be right', () => {
  it.each(Object.entries(bad))('%s', (_, [text, problems]) => {
    expect(problemsOf(text)).toEqual(problems)
  })

  it('all of it at once, whatever kind it is', () => {
    const text = `version: 2
audit: { channel: audit }
rules:
  - { name: a, maxDuration: 1h, approvals: 1 }
  - { name: a, maxDuration: soon, approvals: 0, colour: red }
  - { name: a, maxDuration: 1h, approvals: 0, services: [rpd] }
`
    expect(problemsOf(text).toSorted()).toMatchInlineSnapshot(`
      [
        "1:10 version: expected 1, the version of the file’s form (found 2)",
        "2:19 audit.channel: expected a Slack channel id such as C012ABCDEF (found "audit")",
        "4:5 rules[0].channel: is missing, and defaults.channel is not set",
        "4:5 rules[0]: nobody can approve: name approvers, or set approvals to 0",
        "5:29 rules[1].maxDuration: “soon” is not a duration. Write a duration such as 30m, 2h or 1h30m. (found "soon")",
        "5:49 rules[1].colour: unknown key; allowed are name, vm, requester, services, source, time, duration, maxDuration, maxAddresses, approvals, approvers, fromDifferentGroups, stages, selfApproval, reason, channel, deadline, escalate, extend, priorities, way, requireAzureRole, quota, breakGlass, flushConnections",
        "6:13 rules[2].name: “a” is the name of rules[0] already",
        "6:5 rules[2].channel: is missing, and defaults.channel is not set",
        "6:58 rules[2].services[0]: unknown service “rpd”; allowed are rdp, ssh, winrm, or a port such as 443/tcp",
      ]
    `)
  })
})

describe('a hostile file', () => {
  it.each([
    ['a tag', withRule('    vm: { tags: { __proto__: prod } }'), '8:19'],
    ['a key at the top', `${oneRule}__proto__: { rules: [] }\n`, '8:1'],
    ['a key of a rule', withRule('    "__proto__": { approvals: 0 }'), '8:5'],
    ['a service', `${oneRule}services: { __proto__: [22] }\n`, '8:13'],
  ])('cannot hide behind __proto__ as %s', (_, text, place) => {
    expect(problemsOf(text)).toEqual([`${place} : “__proto__” cannot be a name here`])
    expect(Object.hasOwn(Object.prototype, 'approvals')).toBe(false)
  })

  it('cannot make a rule match by a word that every object knows', () => {
    const policy = load(withRule('    vm: { tags: { constructor: "*", toString: "*" } }'))
    const about = subject({ requester: alice, vm: vm({ tags: {} }) })
    expect(evaluate(policy, about).outcome).toBe('deny')
    expect(problemsOf(withRule('    services: [constructor]'))).toHaveLength(1)
  })

  it('cannot grow without end by aliases of aliases', () => {
    const layers = Array.from('bcdefghij', (name, index) => {
      const below = `*${'abcdefghi'.charAt(index)}`
      return `${name}: &${name} [${Array(9).fill(below).join(', ')}]`
    })
    const [problem, ...more] = problemsOf(['a: &a [x, x, x]', ...layers].join('\n'))
    expect(problem).toContain('Excessive alias count')
    expect(more).toEqual([])
  })

  it('cannot tie itself into a ring', () => {
    expect(problemsOf(`${oneRule}card: &card { showTags: [*card] }\n`)).toEqual([
      '8:26 card.showTags[0]: Invalid input: expected string, received object (found a mapping)',
    ])
  })

  it('cannot be so deep that reading it fails', () => {
    const problems = problemsOf('['.repeat(20_000))
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.length).toBeLessThanOrEqual(50)
  })

  it('cannot be longer than any policy is', () => {
    expect(problemsOf(`${oneRule}#${' '.repeat(500_000)}`)).toEqual([
      '1:1 : the file is longer than 500000 characters',
    ])
  })
})

describe('requireAzureRole', () => {
  const id = '9980e02c-c2be-4d73-94e8-173b1dc7cf3c'
  it.each([
    'Virtual Machine Contributor',
    'Ours / everything',
    id,
    `/providers/Microsoft.Authorization/roleDefinitions/${id}`,
    `/subscriptions/s1/providers/microsoft.authorization/roleDefinitions/${id}`,
  ])('takes %s', (role) => {
    expect(load(withRule(`    requireAzureRole: "${role}"`)).rules[0]?.match.azureRole).toBe(role)
  })

  it.each(['""', '7', '/subscriptions/s1', `/roleDefinitions/${id}`, '["Owner"]'])('refuses %s', (role) => {
    expect(problemsOf(withRule(`    requireAzureRole: ${role}`)).join()).toMatch(
      /rules\[0\]\.requireAzureRole: expected the name of an Azure role/,
    )
  })

  it('is nothing that a refusal can ask for', () => {
    const text = `${oneRule}deny:\n  - name: d\n    requireAzureRole: Owner\n`
    expect(problemsOf(text).join()).toMatch(/deny\[0\]\.requireAzureRole: unknown key/)
  })
})
