import type { RoleAnswer } from './core/azure-role.ts'
import { parseSpan } from './core/duration.ts'
import { refusedFor, tooFewApprovers } from './core/enough-approvers.ts'
import { evaluate } from './core/evaluate.ts'
import {
  azureRolesNamed,
  type Policy,
  type Subject,
  type Terms,
  type Usage,
  type Verdict,
} from './core/policy.ts'
import type { Port } from './core/service.ts'
import { parsePorts } from './core/service.ts'
import { parseSource, type Source, widestRange } from './core/source.ts'
import type { Vm } from './core/vm.ts'

/** What somebody tells of a VM that is not looked up anywhere. */
interface ToldVm {
  readonly name: string
  readonly resourceGroup?: string | undefined
  /** The subscription's name or id. */
  readonly subscription?: string | undefined
  readonly tenant?: string | undefined
  readonly region?: string | undefined
  readonly os?: 'windows' | 'linux' | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** A request as it is written down, to be put to the policy without Slack and without Azure. */
export interface Question {
  readonly requester: string
  readonly groups: readonly string[]
  readonly entraGroups: readonly string[] | null
  /** The Azure roles that they hold on the VM; null when nobody told. */
  readonly azureRoles: readonly string[] | null
  readonly vm: ToldVm
  readonly ports: readonly Port[]
  readonly durationMs: number
  /** Null is an address that nobody told. */
  readonly address: string | null
  readonly learnt: Source['learnt']
  readonly at: number
  readonly reason: string | null
  /** Asked for without waiting for anybody’s yes. */
  readonly emergency?: boolean
  /** What the rules decided by themselves so far today, for all of them alike. */
  readonly used: Usage
}

const vmOf = ({ name, resourceGroup, subscription, tenant, region, os, tags }: ToldVm): Vm => ({
  id: `told/${name}`,
  name,
  resourceGroup: resourceGroup ?? '',
  subscriptionId: '',
  subscriptionName: subscription ?? '',
  location: region ?? '',
  ...(tenant !== undefined && { tenantId: tenant }),
  os: os ?? null,
  tags: tags ?? {},
})

/** Whoever tells the roles tells all of them. */
function rolesOf(policy: Policy, told: readonly string[]): ReadonlyMap<string, RoleAnswer> {
  const held = new Set(told.map((role) => role.toLowerCase()))
  return new Map(
    azureRolesNamed(policy).map((role) => [role, held.has(role.toLowerCase()) ? 'held' : 'not held']),
  )
}

/** What the policy is asked, in the same form in which the bot asks it. */
const subjectOfQuestion = (policy: Policy, question: Question): Subject => ({
  requester: { enterpriseId: null, teamId: '', userId: question.requester },
  groups: question.groups,
  entraGroups: question.entraGroups,
  ...(question.azureRoles && { azureRoles: rolesOf(policy, question.azureRoles) }),
  vm: vmOf(question.vm),
  ports: question.ports,
  source: { address: question.address ?? '', learnt: question.learnt },
  reason: question.reason,
  startsAt: question.at,
  durationMs: question.durationMs,
  ...(question.emergency && { emergency: true }),
  usage: new Map(policy.rules.map(({ name }) => [name, question.used])),
})

/** Owners and people on call are not known here, and neither is who is in a group. */
export const areAllNamed = ({ stages }: Terms): boolean =>
  stages.every(({ approvers: { groups, ownerTag, onCall } }) => groups.length === 0 && !ownerTag && !onCall)

/** What the bot would answer, as far as it can be known without Slack and without Azure. */
export function answerTo(policy: Policy, question: Question): Verdict {
  const subject = subjectOfQuestion(policy, question)
  const verdict = evaluate(policy, subject)
  const { terms } = verdict
  if (!terms || verdict.outcome !== 'needs approval' || !areAllNamed(terms)) return verdict
  const lack = tooFewApprovers(terms, subject.requester, { groups: new Map(), barred: new Set() })
  return lack ? refusedFor(lack, verdict, terms) : verdict
}

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string }

const no = (why: string) => ({ ok: false as const, why })

export function readPorts(text: string, { services }: Policy): Read<readonly Port[]> {
  const parsed = parsePorts(text, services)
  if (parsed.ok) return { ok: true, value: parsed.value.ports }
  const names = services.map(({ name }) => name).join(', ')
  return no(`unknown service “${parsed.unknown}”; allowed are ${names}, or a port such as 443/tcp`)
}

export function readLength(text: string): Read<number> {
  const parsed = parseSpan(text)
  if (!parsed.ok) return no(`${parsed.why} Write a duration such as 30m, 2h or 1h30m.`)
  if (parsed.span.kind === 'length') return { ok: true, value: parsed.span.ms }
  return no(`“${text}” depends on a person’s own time zone; write a duration such as 30m, 2h or 1h30m`)
}

/** Any range that some rule could allow: whether this policy does is its own answer. */
export function readAddress(text: string): Read<string> {
  const parsed = parseSource(text, widestRange)
  return parsed.ok ? { ok: true, value: parsed.address } : no(parsed.why)
}

/** What a rule or a refusal asks of the VM. */
const vmParts = ['resourceGroup', 'subscription', 'tenant', 'region', 'os', 'tags'] as const

/** What the policy looks at and the question does not tell; the real answer may be another one because of it. */
export function untold(policy: Policy, question: Question): readonly string[] {
  const matches = [...policy.deny, ...policy.rules].map(({ match }) => match)
  const asks = (part: (match: (typeof matches)[number]) => unknown) =>
    matches.some((match) => part(match) !== undefined)
  const ofVm = vmParts.filter(
    (part) =>
      question.vm[part] === undefined && asks(({ vm, not }) => vm[part] ?? not?.vm?.[part] ?? undefined),
  )
  const byGroup = asks(({ requester, not }) => requester.groups ?? not?.requester?.groups)
  const byEntra = asks(({ requester, not }) => requester.entraGroups ?? not?.requester?.entraGroups)
  const byRange = asks(({ source, not }) => source?.within ?? source?.listed ?? not?.source?.within)
  return [
    ...ofVm,
    ...(byGroup && question.groups.length === 0 ? ['groups'] : []),
    ...(byEntra && question.entraGroups === null ? ['entraGroups'] : []),
    ...(asks(({ azureRole }) => azureRole) && question.azureRoles === null ? ['azureRoles'] : []),
    ...(byRange && question.address === null ? ['address'] : []),
  ]
}
