import { compileGlobs, type Glob } from '../../src/core/glob.ts'
import { judge } from '../../src/core/pick.ts'
import type { Policy, Subject } from '../../src/core/policy.ts'
import { parsePolicy } from '../../src/policy-file.ts'
import type { Family } from '../family.ts'
import { median } from '../figures.ts'
import { atLeast, type Goal, type Row, row } from '../table.ts'

const counts = { refusals: 20, rules: 180 } as const
const rounds = 7
const roundMs = 300
/** How many decisions are made between two looks at the clock. */
const atOnce = 500
/** So many different requests that none of them stays in the processor’s memory of the last one. */
const different = 1_000
/** A Monday morning. */
const startsAt = Date.parse('2026-11-23T09:00Z')

const numbered = (index: number) => String(index).padStart(3, '0')
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))

const hours = 'time: { days: mon-fri, hours: 08:00-18:00, zone: Europe/Berlin }'

/** Half of the rules know their VMs by name, and half by a tag; some ask for ranges or hours too. */
const ruleText = (index: number): string => {
  const app = numbered(index)
  const more = index % 10 === 0 ? `, ${hours}` : index % 10 === 5 ? ', source: { within: [81.2.0.0/16] }' : ''
  const vm =
    index % 2 === 0
      ? `{ name: 'vm-${app}-*', resourceGroup: [rg-${app}, 'rg-${app}-*'], tags: { env: [prod, 'test*'] } }`
      : `{ tags: { app: '${app}-*', env: [prod, 'test*'] } }`
  return `  - { name: rule ${app}, vm: ${vm}, requester: { groups: [S0TEAM] }, services: [rdp, ssh]${more} }`
}

const refusalText = (index: number): string =>
  `  - { name: refusal ${numbered(index)}, vm: { name: 'db-${numbered(index)}*', tags: { env: '*prod*' } }, requester: { groups: [S0CONTRACTORS] }, ${hours} }`

function policyOf(more: readonly string[] = []): Policy {
  const answer = parsePolicy(
    [
      'version: 1',
      'audit: { channel: C0AUDIT }',
      'defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { groups: [S0LEADS] } }',
      'deny:',
      ...more,
      ...times(counts.refusals - more.length, refusalText),
      'rules:',
      ...times(counts.rules, ruleText),
    ].join('\n'),
    'bench',
  )
  if (!answer.ok) throw new Error(JSON.stringify(answer.problems))
  return answer.policy
}

const subject = (app: string, index: number): Subject => ({
  requester: { enterpriseId: null, teamId: 'T0', userId: `U0PERSON${index}` },
  groups: ['S0ENGINEERS', 'S0TEAM'],
  entraGroups: null,
  vm: {
    id: `/subscriptions/1/vm/vm-${app}-${index}`,
    name: `vm-${app}-${index}`,
    resourceGroup: `rg-${app}-west`,
    subscriptionId: '1',
    subscriptionName: 'Production',
    location: 'westeurope',
    os: 'linux',
    tags: { env: 'prod', app: `${app}-web`, owner: 'avery@example.com', cost: '4711' },
  },
  ports: [{ number: 22, protocol: 'tcp' }],
  source: { address: '81.2.69.142', learnt: 'typed' },
  reason: 'the release is stuck',
  startsAt,
  durationMs: 3_600_000,
  usage: new Map(),
})

/** The globs of each refusal and rule that asks something of the VM, by what they are held against. */
interface Bare {
  readonly name: Glob | null
  readonly group: Glob | null
  readonly app: Glob | null
  readonly env: Glob | null
}

const globOf = (globs: readonly string[] | undefined): Glob | null => (globs ? compileGlobs(globs) : null)

const bareOf = ({ deny, rules }: Policy): readonly Bare[] =>
  [...deny, ...rules]
    .filter(({ match: { vm } }) => vm.name ?? vm.tags)
    .map(({ match: { vm } }) => ({
      name: globOf(vm.name),
      group: globOf(vm.resourceGroup),
      app: globOf(vm.tags?.['app']),
      env: globOf(vm.tags?.['env']),
    }))

/** The first whose globs all match, and nothing else: neither people, ports, hours nor limits. */
const firstOf = (bare: readonly Bare[], { vm }: Subject): number => {
  const name = vm.name.toLowerCase()
  const group = vm.resourceGroup.toLowerCase()
  const app = (vm.tags['app'] ?? '').toLowerCase()
  const env = (vm.tags['env'] ?? '').toLowerCase()
  return bare.findIndex(
    (one) =>
      (one.name?.(name) ?? true) &&
      (one.group?.(group) ?? true) &&
      (one.app?.(app) ?? true) &&
      (one.env?.(env) ?? true),
  )
}

/** The processor time of this process, so that others on the same core do not count. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** How often in a second of processor time something can be done to one subject after another. */
function perSecond(subjects: readonly Subject[], act: (one: Subject) => unknown): number {
  const begun = cpuMs()
  let done = 0
  let spent = 0
  for (; spent < roundMs; spent = cpuMs() - begun) {
    for (let index = 0; index < atOnce; index += 1) {
      const one = subjects[(done + index) % subjects.length]
      if (one) act(one)
    }
    done += atOnce
  }
  return (done / spent) * 1_000
}

/** Both ways turn about, so that a busy machine slows both of them. */
function compare(name: string, policy: Policy, subjects: readonly Subject[], goal?: Goal): Row {
  const bare = bareOf(policy)
  const found: { decisions: number[]; bare: number[] } = { decisions: [], bare: [] }
  for (let round = 0; round <= rounds; round += 1) {
    const decisions = perSecond(subjects, (one) => judge(policy, one))
    const matched = perSecond(subjects, (one) => firstOf(bare, one))
    // The first round compiles.
    if (round === 0) continue
    found.decisions.push(decisions)
    found.bare.push(matched)
  }
  const baseline = { name: 'bare globs', figure: median(found.bare) }
  return row(name, 'a second', median(found.decisions), baseline, goal)
}

const expectOutcome = (policy: Policy, subjects: readonly Subject[], outcome: string) => {
  const wrong = subjects.find((one) => judge(policy, one).outcome !== outcome)
  if (wrong) throw new Error(`${wrong.vm.name} was expected to get “${outcome}”`)
}

const name = 'policy decisions'
const total = counts.refusals + counts.rules
const goal = atLeast(100_000, 'a second')

export const decisions: Family = {
  name,
  run: async () => {
    const policy = policyOf()
    const spread = times(different, (index) => subject(numbered(index % counts.rules), index))
    const strangers = times(different, (index) => subject('none', index))
    const night = policyOf([`  - { name: it is night, time: { hours: '22:00-06:00', zone: Europe/Berlin } }`])
    expectOutcome(policy, spread, 'needs approval')
    expectOutcome(policy, strangers, 'deny')
    expectOutcome(night, spread, 'needs approval')
    return [
      compare(`${name}, ${total} rules, each decides as often`, policy, spread, goal),
      compare(`${name}, ${total} rules, none fits`, policy, strangers, goal),
      compare(`${name}, ${total} rules, hours asked every time`, night, spread),
    ]
  },
}
