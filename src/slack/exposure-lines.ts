import type { Exposure, JudgedVm } from '../core/compliance.ts'
import type { StandingRule } from '../core/exposure.ts'
import type { LateTenant } from '../core/inventory.ts'
import type { ShownVm, Unread } from '../core/overview.ts'
import { portsShown } from '../core/protection-text.ts'
import type { Port } from '../core/service.ts'
import type { KeptAccess, StandingAccess } from '../core/standing.ts'
import type { Vm } from '../core/vm.ts'
import { button } from './blocks.ts'
import { list } from './facts.ts'
import { count, plain, time, user, words } from './words.ts'

export const last = (id: string): string => words(id.split('/').at(-1) ?? id, 80)

export const vmName = ({ name, resourceGroup, subscriptionName, subscriptionId }: Vm): string =>
  `*${words(name, 80)}* (${words(resourceGroup, 90)}, ${words(subscriptionName || subscriptionId, 80)})`

const known: Readonly<Record<number, string>> = { 22: 'SSH', 3389: 'RDP', 5985: 'WinRM', 5986: 'WinRM' }

/** `RDP (3389)`, `5432`, `53/udp`. */
const portName = ({ number, protocol }: Port): string => {
  const name = protocol === 'tcp' ? known[number] : undefined
  if (name !== undefined) return `${name} (${number})`
  return protocol === 'tcp' ? String(number) : `${number}/udp`
}

const portNames = (ports: readonly Port[]): string => list(ports.map(portName))

const ruleIn = ({ nsgId, name }: { readonly nsgId: string; readonly name: string }): string =>
  `${words(name, 80)} in ${last(nsgId)}`

const ruleNames = (rules: readonly { readonly nsgId: string; readonly name: string }[]): string =>
  `${rules.length === 1 ? 'the rule' : 'the rules'} ${list(rules.map(ruleIn), 6)}`

const isOwn = (word: string) => /^(?:virtual_?network|azure_?loadbalancer|asg:.*)$/i.test(word)

/** The narrowest of the rules says whom it is about. */
function sourcesText(rules: readonly StandingRule[]): string {
  const named = rules
    .map(({ sources }) => sources.filter((word) => !isOwn(word)))
    .toSorted((a, b) => Number(a.some(isAnybody)) - Number(b.some(isAnybody)))[0]
  return list(
    (named ?? []).map((word) => words(word, 60)),
    4,
  )
}

const isAnybody = (word: string) => /^(?:\*|any|internet|0\.0\.0\.0\/0|::\/0)$/i.test(word)

function whom({ breadth, rules }: Pick<Exposure, 'breadth' | 'rules'>): string {
  switch (breadth) {
    case 'any':
      return 'anybody (from any source)'
    case 'internet':
      return 'anybody on the internet'
    case 'wide':
      return `many addresses (${sourcesText(rules)})`
    case 'tag':
      return `whoever comes by the service tag ${sourcesText(rules)}`
    case 'narrow':
      return `a few addresses (${sourcesText(rules)})`
    default:
      return breadth satisfies never
  }
}

/** `RDP (3389) to anybody (from any source), by the rule rdp in nsg-a`. */
export const exposureText = (exposure: Exposure): string =>
  `${portNames(exposure.ports)} to ${whom(exposure)}, by ${ruleNames(exposure.rules)}`

/** What makes it less bad than it looks, or only seems to. */
function milder({ publicAddresses, power }: JudgedVm): string {
  const noAddress =
    publicAddresses.length === 0
      ? ' Azure shows no public address of it, so this counts where another way leads to it, such as a load balancer.'
      : ''
  const asleep = power !== null && power !== 'running' && power !== 'starting'
  return `${noAddress}${asleep ? ` It is ${words(power, 20)} now.` : ''}`
}

const openText = (judged: JudgedVm): string =>
  judged.exposures.length === 0 ? '' : `${judged.exposures.map(exposureText).join('; ')}.${milder(judged)}`

/** The rank that the list is in, so that each VM stands in it as often as it has a way in. */
export const accessLine = (access: StandingAccess): string =>
  `${vmName(access.judged.vm)}: ${exposureText(access)}.${milder(access.judged)}`

export const goneLine = ({ vm, ports, rules }: KeptAccess): string =>
  `${words(vm, 80)}: ${portNames(ports)}, by ${ruleNames(rules)}`

const doubtText = 'Not everything in front of it could be read, so more may stand open.'

function accessText({ lastAccess }: ShownVm): string {
  if (!lastAccess) return 'No access so far that I know of.'
  const { by, at } = lastAccess
  return `Last access: ${'userId' in by ? user(by.userId) : words(by.name, 80)}, ${time(at)}.`
}

/** One VM as its group tells it. */
export function vmLine(shown: ShownVm): string {
  const { vm, why, guardedBy, doubt, group, keptShut } = shown
  const by =
    guardedBy === null
      ? ''
      : guardedBy.kind === 'defender'
        ? ` guarded by the policy ${words(guardedBy.policy, 80)} of Defender for Cloud. ${accessText(shown)}`
        : ` may be asked for, by the policy file’s rule “${words(guardedBy.rule, 120)}”. ${accessText(shown)}`
  const open = openText(shown)
  const parts = [
    by,
    keptShut
      ? ` Kept shut by \`/jit protect\` since ${time(keptShut.at)}, on ${words(portsShown(keptShut.ports), 200)}.`
      : '',
    why === null ? '' : ` ${words(why, 300)}.`,
    open === '' ? '' : ` *Stands open${group === 'configured' ? ' all the same' : ''}:* ${open}`,
    doubt && group !== 'not known' ? ` ${doubtText}` : '',
  ]
  return `${vmName(vm)}:${parts.join('')}`
}

const ofTenant = ({ tenantId, readAt, why }: LateTenant): string =>
  `the tenant ${words(tenantId, 60)} (${words(why, 200)}), ${readAt === null ? 'whose VMs are not known' : `whose VMs are as of ${time(readAt)}`}`

/** Which tenants are missing from what is shown, or older than it. */
export const lateLine = (late: readonly LateTenant[] = []): string[] =>
  late.length === 0 ? [] : [`*Not read:* ${list(late.map(ofTenant), 4)}.`]

export const unreadLine = (unread: readonly Unread[]): string[] =>
  unread.length === 0
    ? []
    : [
        `*Not read:* the security groups of ${list(
          unread.map(
            ({ name, subscriptionId, why }) => `${words(name || subscriptionId, 80)} (${words(why, 200)})`,
          ),
          4,
        )}. Whether anything stands open there is not known.`,
      ]

/** Of when what is shown is. */
export function asOf({
  rulesAt,
  vmsAt,
  late = [],
}: {
  readonly rulesAt: number | null
  readonly vmsAt: number | null
  readonly late?: readonly LateTenant[]
}): string {
  if (vmsAt === null) return 'Azure’s VMs have not been read yet.'
  const rules = rulesAt === null ? 'no rules could be read' : `rules as of ${time(rulesAt)}`
  return `As Azure showed it: ${rules}, VMs as of ${time(vmsAt)}${late.length > 0 ? ', but for tenants that could not be read' : ''}. Only rules of security groups are looked at: a firewall or a security admin rule may decide otherwise.`
}

export const bareLine = (bare: readonly JudgedVm[]): string[] =>
  bare.length === 0
    ? []
    : [
        `*Without any security group in front,* so no rule keeps anybody out: ${list(
          bare.map(({ vm }) => words(vm.name, 80)),
          8,
        )}.`,
      ]

export const more = (total: number, shown: number, one: string, many?: string): string[] =>
  total > shown ? [`and ${count(total - shown, one, many)} more`] : []

export const convertId = 'convert'

/** Slack takes a value of 2,000 letters, and an id of Azure’s has a few hundred. */
export const convertButton = ({ id, name }: Vm) =>
  button(convertId, 'Convert to JIT', id, {
    accessibility_label: `How to convert ${plain(name, 40)} to JIT`,
  })
