import { minute } from '../../src/core/duration.ts'
import type { Member, Person } from '../../src/core/person.ts'
import type { Policy, PolicyRule, Terms } from '../../src/core/policy.ts'
import { builtInServices } from '../../src/core/service.ts'

export const person = (userId: string): Person => ({ enterpriseId: null, teamId: 'T1', userId })

export const requesters = ['U1', 'U2'] as const
export const everybody = ['U1', 'U2', 'U3', 'U4', 'U5', 'U6'] as const
export const leads = 'S0LEADS'

export const memberOf = (userId: string, but: Partial<Member> = {}): Member => ({
  person: person(userId),
  known: true,
  deleted: false,
  bot: userId === 'U6',
  guest: false,
  foreign: false,
  timeZone: 'Europe/Berlin',
  entraId: null,
  entraGroups: null,
  groups: userId === 'U4' || userId === 'U5' ? [leads] : [],
  ...but,
})

const terms = (rule: string, approvals: number, users: readonly string[], deadlineMs: number): Terms => ({
  rule,
  maxDurationMs: 20 * minute,
  stages:
    approvals > 0 ? [{ approvers: { users, groups: [leads] }, approvals, fromDifferentGroups: false }] : [],
  selfApproval: false,
  channel: 'C0APPROVALS',
  deadlineMs,
})

const ruleFor = (name: string, given: Terms, but: Partial<PolicyRule> = {}): PolicyRule => ({
  name: given.rule,
  match: { vm: { name: [name] }, requester: {} },
  reason: { kind: 'optional' },
  quota: {},
  extension: { kind: 'same' },
  terms: given,
  ...but,
})

/** Where there is no time to ask, and who looks at it afterwards. */
const glass: Pick<PolicyRule, 'breakGlass'> = {
  breakGlass: { maxDurationMs: 5 * minute, reviewers: { users: ['U5'], groups: [] } },
}
/** A first short time more is free. */
const freeOnce: Pick<PolicyRule, 'extension'> = { extension: { kind: 'free once', mostMs: 3 * minute } }

const policyOf = (hash: string, rules: readonly PolicyRule[]): Policy => ({
  hash,
  services: builtInServices,
  deny: [],
  rules,
  auditChannel: 'C0AUDIT',
  operators: { users: ['U3'], groups: [] },
  pages: { channel: 'C0PAGES', users: ['U3'], groups: [] },
  addressWindowMs: 12 * 60 * minute,
  showTags: [],
})

const web = ruleFor('vm-web', terms('nobody needs to agree', 0, [], 10 * minute))
const prod = ruleFor('vm-prod', terms('two people agree', 2, ['U2', 'U3'], 10 * minute))

/** The operator’s file, and what it may become while the bot runs. */
export const policies: readonly Policy[] = [
  policyOf('p1', [
    prod,
    web,
    ruleFor('*', terms('a colleague agrees', 1, ['U2', 'U3', 'U6'], 10 * minute), { ...glass, ...freeOnce }),
  ]),
  policyOf('p2', [
    prod,
    web,
    ruleFor('*', terms('fewer may agree', 1, ['U3'], 5 * minute), { ...glass, extension: { kind: 'none' } }),
  ]),
  policyOf('p3', [prod, web, ruleFor('vm-b', terms('only one VM is left', 1, ['U2', 'U3'], 10 * minute))]),
]

/** The rule that decides about a VM, told without the code that is being watched. */
export const ruleOver = (policy: Policy, vmName: string): PolicyRule | null =>
  policy.rules.find(({ match }) => (match.vm.name ?? []).some((name) => name === '*' || name === vmName)) ??
  null

/** Who may say yes and how many must. Null is nobody at all. */
export const yesFor = (policy: Policy, vmName: string): Terms | null =>
  ruleOver(policy, vmName)?.terms ?? null

export const isActive = (member: Member): boolean =>
  !member.deleted && !member.bot && !member.guest && !member.foreign
