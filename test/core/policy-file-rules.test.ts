import { describe, expect, it } from 'vitest'
import { parsePolicy } from '../../src/policy-file.ts'

const head = `version: 1
audit: { channel: C0AUDIT }
`
const approvers = 'approvers: { users: [U0BOB, U0EVE], groups: [S0OPS] }'
const defaults = (more: string) => `${head}defaults: { channel: C0ASKS, maxDuration: 1h${more} }\n`

function load(text: string) {
  const answer = parsePolicy(text, 'hash-1')
  if (!answer.ok)
    throw new Error(answer.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
  return answer.policy
}
const only = (text: string) => load(text).rules[0]
const wrong = (text: string): string[] => {
  const answer = parsePolicy(text, 'hash-1')
  return answer.ok
    ? []
    : answer.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
}
const stagesOf = (text: string) => only(text)?.terms.stages
const bob = { users: ['U0BOB'], groups: [] }
const ops = { users: [], groups: ['S0OPS'] }
const stage = (given: object, approvals = 1, fromDifferentGroups = false) => ({
  approvers: given,
  approvals,
  fromDifferentGroups,
})

describe('stages', () => {
  it('follow one another as they are written', () => {
    const text = `${defaults('')}rules:
  - name: two stages
    stages:
      - { approvers: { users: [U0BOB] } }
      - { approvers: { groups: [S0OPS] }, approvals: 2, fromDifferentGroups: false }
`
    expect(stagesOf(text)).toEqual([stage(bob), stage(ops, 2)])
  })

  it('have a short form for one of them', () => {
    const text = `${defaults('')}rules: [{ name: a, approvals: 2, fromDifferentGroups: true, ${approvers} }]\n`
    const both = { users: ['U0BOB', 'U0EVE'], groups: ['S0OPS'] }
    expect(stagesOf(text)).toEqual([stage(both, 2, true)])
  })

  it('may be asked of the owners that a tag names, and of those on call', () => {
    const text = `${defaults('')}rules: [{ name: a, approvals: 3, approvers: { ownerTag: owner, onCall: [PABC123] } }]\n`
    expect(stagesOf(text)).toEqual([
      stage({ users: [], groups: [], ownerTag: 'owner', onCall: ['PABC123'] }, 3),
    ])
  })

  it.each<[string, string, string[]]>([
    [
      'both forms at once',
      'stages: [{ approvers: { users: [U0BOB] } }], approvals: 1',
      ['4:28 rules[0].stages: takes the place of approvals, approvers and fromDifferentGroups: use one form'],
    ],
    [
      'a stage of nobody',
      'stages: [{ approvers: { users: [U0BOB] } }, { approvers: {} }]',
      ['4:64 rules[0].stages[1]: nobody can approve: name approvers, or set approvals to 0'],
    ],
    [
      'more approvals than people in a stage',
      'stages: [{ approvers: { users: [U0BOB] }, approvals: 2 }]',
      ['4:73 rules[0].stages[0].approvals: asks for 2 approvals, but names only 1 approver(s)'],
    ],
    [
      'more different groups than there are',
      'fromDifferentGroups: true, approvals: 2, approvers: { groups: [S0OPS] }',
      ['4:58 rules[0].approvals: asks for 2 approvals, but names only 1 group(s) and approver(s)'],
    ],
    [
      'a quota where somebody is asked',
      'approvers: { users: [U0BOB] }, quota: { perPerson: 1 }',
      ['4:58 rules[0].quota: counts what the rule grants by itself, so it needs approvals: 0'],
    ],
  ])('%s is a mistake, with its place', (_, given, problems) => {
    expect(wrong(`${defaults('')}rules: [{ name: a, ${given} }]\n`)).toEqual(problems)
  })
})

describe('the defaults', () => {
  it('are what a rule says when it says nothing', () => {
    const text = `${defaults(`, ${approvers}, approvals: 2, selfApproval: true, reason: required, deadline: 10m`)}rules: [{ name: a }]\n`
    expect(only(text)).toMatchObject({
      reason: { kind: 'required' },
      terms: {
        maxDurationMs: 3_600_000,
        stages: [{ approvals: 2, approvers: { users: ['U0BOB', 'U0EVE'] } }],
        selfApproval: true,
        channel: 'C0ASKS',
        deadlineMs: 600_000,
      },
    })
  })

  it('are replaced one by one: a rule’s own approvers keep the default number', () => {
    const text = `${defaults(`, ${approvers}, approvals: 2`)}rules: [{ name: a, approvers: { groups: [S0OPS] } }]\n`
    expect(stagesOf(text)).toEqual([stage(ops, 2)])
  })

  it('never mix the people of a rule with the default ones', () => {
    const text = `${defaults(`, ${approvers}`)}rules: [{ name: a, approvers: { users: [U0BOB] } }]\n`
    expect(stagesOf(text)).toEqual([stage(bob)])
  })

  it('may hold stages, which a rule’s short form replaces', () => {
    const some = ', stages: [{ approvers: { users: [U0BOB] } }, { approvers: { groups: [S0OPS] } }]'
    expect(stagesOf(`${defaults(some)}rules: [{ name: a }]\n`)).toEqual([stage(bob), stage(ops)])
    expect(stagesOf(`${defaults(some)}rules: [{ name: a, approvals: 0 }]\n`)).toEqual([])
    const own = '{ name: a, approvers: { users: [U0EVE] } }'
    expect(stagesOf(`${defaults(some)}rules: [${own}]\n`)).toEqual([stage({ users: ['U0EVE'], groups: [] })])
  })

  it('may be a wish for a reason that a rule takes back', () => {
    const text = `${defaults(`, ${approvers}, reason: { pattern: INC-*, help: name the ticket }`)}rules: [{ name: a }, { name: b, reason: optional }]\n`
    expect(load(text).rules.map(({ reason }) => reason)).toEqual([
      { kind: 'pattern', globs: ['INC-*'], help: 'name the ticket' },
      { kind: 'optional' },
    ])
  })
})

const match = (given: string) => only(`${defaults(`, ${approvers}`)}rules: [{ name: a, ${given} }]\n`)?.match

describe('what a rule asks', () => {
  it('of the VM, the requester, the source, the time and the length, with what is excluded', () => {
    expect(
      match(
        'vm: { tenant: t1, region: [west*], os: linux, not: { name: db-* } }, requester: { entraGroups: [11111111-2222-4333-8444-555555555555], not: { users: [U0MAL] } }, source: { kind: [typed], within: [81.2.69.0/24], not: { within: [81.2.69.7/32] } }, time: { days: mon-fri, hours: 08:00-18:00, zone: Europe/Berlin, not: { days: [wed], zone: Europe/Berlin } }, duration: { atLeast: 5m, atMost: 1h }',
      ),
    ).toEqual({
      vm: { tenant: ['t1'], region: ['west*'], os: ['linux'] },
      requester: { entraGroups: ['11111111-2222-4333-8444-555555555555'] },
      source: { kind: ['typed'], within: ['81.2.69.0/24'] },
      time: { days: [1, 2, 3, 4, 5], hours: { from: 480, to: 1080 }, zone: 'Europe/Berlin' },
      duration: { atLeastMs: 300_000, atMostMs: 3_600_000 },
      not: {
        vm: { name: ['db-*'] },
        requester: { users: ['U0MAL'] },
        source: { within: ['81.2.69.7/32'] },
        time: { days: [3], zone: 'Europe/Berlin' },
      },
    })
  })

  it('is nothing when it says nothing', () => {
    expect(match('vm: {}, requester: {}, source: {}')).toEqual({ vm: {}, requester: {} })
  })

  it.each<[string, string, string]>([
    ['an operating system', 'vm: { os: macos }', 'vm.os: expected windows or linux (found "macos")'],
    [
      'a range',
      'source: { within: [81.2.69.0/33] }',
      'source.within[0]: expected a range such as 81.2.69.0/24 or 2a00:1450::/32 (found "81.2.69.0/33")',
    ],
    [
      'a zone',
      'time: { days: mon, zone: Mars }',
      'time.zone: expected a time zone such as Europe/Berlin (found "Mars")',
    ],
    [
      'days',
      'time: { days: moonday, zone: UTC }',
      'time.days: expected days such as mon, tue or mon-fri (found "moonday")',
    ],
    [
      'hours',
      'time: { hours: 8-18, zone: UTC }',
      'time.hours: expected hours such as 08:00-18:00 (found "8-18")',
    ],
    ['no zone', 'time: { days: mon }', 'time.zone: is missing; expected a time zone such as Europe/Berlin'],
    [
      'an Entra group by its name',
      'requester: { entraGroups: [admins] }',
      'requester.entraGroups[0]: expected the object id of an Entra group (found "admins")',
    ],
  ])('%s that is none is a mistake', (_, given, problem) => {
    const [first, ...more] = wrong(`${defaults(`, ${approvers}`)}rules: [{ name: a, ${given} }]\n`)
    expect(first).toMatch(/^4:\d+ rules\[0\]\./)
    expect(first?.replace(/^\S+ rules\[0\]\./, '')).toBe(problem)
    expect(more).toEqual([])
  })
})

describe('refusals', () => {
  it('ask what rules ask, and say nothing about approvers', () => {
    const text = `${defaults(`, ${approvers}`)}deny: [{ name: never, vm: { name: db-* }, services: [rdp] }]\nrules: [{ name: a }]\n`
    expect(load(text).deny).toEqual([
      {
        name: 'never',
        match: { vm: { name: ['db-*'] }, requester: {}, ports: [{ number: 3389, protocol: 'tcp' }] },
      },
    ])
    expect(wrong(text.replace('services', 'approvals: 1, services'))).toEqual([
      '4:43 deny[0].approvals: unknown key; allowed are name, vm, requester, services, source, time, duration',
    ])
  })

  it('share one set of names with the rules', () => {
    const text = `${defaults(`, ${approvers}`)}deny: [{ name: a }]\nrules: [{ name: a }]\n`
    expect(wrong(text)).toEqual(['5:17 rules[0].name: “a” is the name of deny[0] already'])
  })
})

const withPriorities = (rule: string, more = '') =>
  `${defaults(more)}rules: [{ name: a, ${approvers}${rule} }]\n`

describe('priorities', () => {
  it('are the usual band when nothing is said', () => {
    expect(only(withPriorities(''))?.terms.priorities).toBe(undefined)
  })

  it('come from the defaults, and a rule’s own word replaces them as a whole', () => {
    const band = ', priorities: { from: 500, to: 600, beatDenies: true }'
    expect(only(withPriorities('', band))?.terms.priorities).toEqual({ from: 500, to: 600, beatDenies: true })
    expect(only(withPriorities(', priorities: { from: 3100 }', band))?.terms.priorities).toEqual({
      from: 3100,
      to: 3499,
    })
  })

  it.each([
    ['{ from: 600, to: 500 }', 'goes from 600 to 500, which is backwards'],
    ['{ from: 4000 }', 'goes from 4000 to 3499, which is backwards'],
    ['{ from: 100, to: 110 }', 'must be more than 110'],
    ['{ from: 99 }', '100'],
    ['{ to: 4097 }', '4096'],
    ['{ form: 3000 }', 'form'],
  ])('%s are refused', (text, why) => {
    expect(wrong(withPriorities(`, priorities: ${text}`)).join('\n')).toContain(why)
  })
})

const withDigest = (digest: string) => `digest: ${digest}\n${withPriorities('')}`

const digestIn = (digest: string) => {
  const answer = parsePolicy(withDigest(digest), 'h')
  return answer.ok ? answer.policy.digest : null
}

describe('the digest', () => {
  it('is off when nothing is said, and on Monday at nine where only its place is', () => {
    const answer = parsePolicy(withPriorities(''), 'h')
    expect(answer.ok && answer.policy.digest).toBeUndefined()
    expect(digestIn('{ channel: C0SECURITY, zone: Europe/Berlin }')).toEqual({
      channel: 'C0SECURITY',
      day: 1,
      hour: 9,
      zone: 'Europe/Berlin',
    })
    expect(digestIn('{ channel: C0SECURITY, zone: UTC, day: Sun, hour: 0 }')).toMatchObject({
      day: 7,
      hour: 0,
    })
  })

  it.each([
    ['{ channel: C0SECURITY }', 'zone'],
    ['{ channel: general, zone: UTC }', 'a Slack channel id'],
    ['{ channel: C0SECURITY, zone: Berlin }', 'a time zone such as Europe/Berlin'],
    ['{ channel: C0SECURITY, zone: UTC, day: someday }', 'a day such as monday or mon'],
    ['{ channel: C0SECURITY, zone: UTC, hour: 24 }', '23'],
    [
      '{ channel: C0SECURITY, zone: UTC, weekday: mon }',
      'weekday: unknown key; allowed are channel, day, hour, zone',
    ],
  ])('%s is refused', (digest, why) => {
    expect(wrong(withDigest(digest)).join('\n')).toContain(why)
  })
})
