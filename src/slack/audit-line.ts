import type { AuditRecord, AuditType, Json } from '../core/audit.ts'
import { durationText } from '../core/duration.ts'
import { conversionFacts } from './conversion-audit.ts'
import { scopeText } from './panic-news.ts'
import { count, person, seconds, time, user, words } from './words.ts'

/** `@` stands for whoever did it; events without it were the bot's own doing. */
const happened: Readonly<Record<AuditType, string>> = {
  'request.pending': '@ asked for access',
  'request.reviewed': '@ approved, more approvals are needed',
  'request.signed': '@ reviewed the emergency and signed it',
  'request.unjustified': '@ reviewed the emergency and found it not justified',
  'request.commented': '@ commented',
  'request.address': '@ comes from another address, approvals begin anew',
  'request.narrowed': '@ approved less than was asked for',
  'request.escalated': 'more people are asked',
  'request.approved': '@ approved',
  'request.denied': '@ denied',
  'request.canceled': '@ canceled',
  'request.lapsed': 'not approved in time',
  'grant.opening': 'opening',
  'grant.extending': '@ asks for more time',
  'grant.address': '@ comes from another address and asks anew',
  'grant.asked': 'asked Defender for Cloud to open',
  'grant.open': 'open, confirmed by Azure',
  'grant.moved': 'a network rule has another priority',
  'grant.closing': 'closing',
  'grant.stuck': 'cannot be closed so far',
  'grant.late': 'Defender for Cloud had not closed in time',
  'grant.doubtful': 'a network rule that may be another person’s was left alone',
  'grant.closed': 'closed',
  'grant.verified': 'verified by IP flow verify',
  'grant.unverified': 'not verified by IP flow verify',
  'grant.flushed': 'asked Azure to cut open sessions',
  'panic.begun': '@ stopped',
  'panic.lifted': '@ lifted the stop',
  'protection.begun': '@ began to protect a VM',
  'protection.holds': 'the VM is protected, confirmed by Azure',
  'protection.ending': '@ ends the protection of a VM',
  'protection.ended': 'the protection is removed, confirmed by Azure',
  'protection.lost': 'a protection is not as it was written',
  'removal.proposed': '@ asks another operator to remove a rule of somebody else’s',
  'removal.agreed': '@ agreed to remove a rule of somebody else’s',
  'removal.kept': '@ kept a rule of somebody else’s',
  'removal.done': 'removed a rule of somebody else’s, confirmed by Azure',
  'removal.already': 'a rule of somebody else’s was gone already, by no removal of mine that Azure confirmed',
  'removal.void': 'did not remove a rule of somebody else’s',
  'conversion.proposed': '@ asks another operator to change rules of somebody else’s',
  'conversion.agreed': '@ agreed to change rules of somebody else’s',
  'conversion.kept': '@ left rules of somebody else’s as they are',
  'conversion.lapsed': 'a change of rules that was asked for has lapsed, and nothing of it is made',
  'conversion.changed': 'changed a rule of somebody else’s, confirmed by Azure',
  'conversion.already':
    'a rule of somebody else’s was as agreed already, by no write of mine that Azure confirmed',
  'conversion.void': 'a rule of somebody else’s is not changed as agreed',
  'conversion.ended': 'no change of rules is left to make',
  'address.asked': '@ was sent a link to confirm their address',
  'address.confirmed': '@ confirmed their address in the browser',
  'address.lapsed': 'no address was confirmed in time',
  'address.replaced': 'a link to confirm an address gave way to a newer one',
  'address.opened': '@ opened somebody else’s link and signed in; nothing happened',
  'address.forgotten': '@ had their address forgotten',
  'rule.stray': 'found a network rule that no access needs',
  'rule.removed': 'removed that network rule, confirmed by Azure',
  'policy.loaded': 'a policy came into force',
}

type Details = AuditRecord['details']

const text = (value: Json | undefined): string | null =>
  typeof value === 'string' && value !== '' ? value : null
const number = (value: Json | undefined): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null
const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !isList(value)
const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value)

function said<T>(value: T | null, write: (value: T) => string): string[] {
  return value === null ? [] : [write(value)]
}

/** What a stop is about; an older lift does not say. */
function stopped(scope: Json | undefined): string {
  const { kind, person: id, name } = isObject(scope) ? scope : {}
  if (kind === 'all') return scopeText(kind, '')
  const called = text(kind === 'person' ? id : name)
  const known = kind === 'person' || kind === 'vm' || kind === 'subscription'
  return known && called !== null ? scopeText(kind, called) : 'all access in a scope that was not noted'
}

/** The policy lets people break the glass or not; the deed is theirs. */
const glass: { readonly [type in AuditType]?: string } = {
  'request.approved': 'broke the glass',
  'request.denied': 'tried to break the glass, and the policy denied it',
}

const brokeGlass = ({ type, actor, details }: AuditRecord): boolean =>
  details['emergency'] === true && actor === 'policy' && glass[type] !== undefined

/** What Azure said of the traffic; the rules that it names follow among the facts. */
function proved(type: AuditType, { of, verdict }: Details): string {
  const state = of === 'closed' ? 'closed' : 'open'
  if (verdict === 'denied') return 'open, but traffic does not pass'
  if (state === 'closed' && (verdict === 'another rule' || verdict === 'still its rule'))
    return 'closed, but still reachable'
  return `${state}, ${happened[type]}`
}

/** Which rules decided, why nothing is known, and how much of it was tried. */
function proofFacts({ rules, why, sources, tried, possible, afterMs }: Details): string[] {
  if (typeof possible !== 'number') return []
  const named = (isList(rules) ? rules : []).flatMap((one) =>
    isObject(one)
      ? [`${words(text(one['rule']) ?? 'no rule', 100)} (${words(text(one['ports']) ?? '', 200)})`]
      : [],
  )
  const from = isList(sources) ? sources.filter((one) => typeof one === 'string') : []
  return [
    ...(named.length > 0 ? [`by ${named.join(', ')}`] : []),
    ...said(text(why), (reason) => words(reason, 300)),
    ...(from.length > 0 ? [`tried from ${words(from.join(' and '), 120)}`] : []),
    ...said(number(afterMs), (ms) => `agreed after ${seconds(ms)}`),
    ...(tried === possible ? [] : [`${number(tried) ?? 0} of ${possible} combinations tried`]),
  ]
}

function did({ type, details }: AuditRecord): string {
  if (type === 'panic.begun') return `@ stopped ${stopped(details['scope'])}`
  if (type === 'panic.lifted' && details['scope'] !== undefined)
    return `@ lifted the stop of ${stopped(details['scope'])}`
  if (type === 'grant.verified' || type === 'grant.unverified') return proved(type, details)
  return happened[type]
}

function deed(record: AuditRecord): string {
  const { type, actor, details } = record
  const requester = text(details['requester'])
  if (brokeGlass(record) && requester !== null) return `*${user(requester)} ${glass[type]}*`
  const name = actor === 'policy' ? 'the policy' : actor === 'jitney' ? 'Jitney' : person(actor)
  const done = did(record)
  if (done.startsWith('@')) return `*${name}${done.slice(1)}*`
  return typeof actor === 'string' ? `*${done}*` : `*${done}*, asked for by ${name}`
}

const learntWords = new Map([
  ['typed', 'typed'],
  ['remembered', 'from an earlier request'],
  ['confirmed', 'confirmed in the browser'],
  ['named', 'a range of the policy'],
])

/** The facts of a request that an auditor looks for, as far as this event carries them. */
function facts(record: AuditRecord): string[] {
  const { details, actor } = record
  const requester = text(details['requester'])
  const ports = isList(details['ports']) ? details['ports'].filter((port) => typeof port === 'string') : []
  const learnt = text(details['learnt'])
  const how = learnt === null ? '' : ` (${learntWords.get(learnt) ?? words(learnt, 40)})`
  const named = brokeGlass(record) || (typeof actor !== 'string' && actor.userId === requester)
  return [
    ...(requester === null || named ? [] : [`for ${user(requester)}`]),
    ...said(text(details['vm']), (id) => `VM ${words(id.split('/').at(-1) ?? id, 100)}`),
    ...(ports.length > 0 ? [`ports ${words(ports.join(', '), 200)}`] : []),
    ...said(text(details['source']), (source) => `from ${words(source, 60)}${how}`),
    ...said(number(details['durationMs']), (ms) => `for ${durationText(ms)}`),
    ...said(text(details['rule']), (rule) => `rule “${words(rule, 100)}”`),
  ]
}

/** `rdp for 30 min from 81.2.69.142`: a part of what was asked for, or all of it. */
function partText(value: Json): string | null {
  if (!isObject(value)) return null
  const parts = [
    ...said(text(value['label']), (label) => words(label, 100)),
    ...said(number(value['durationMs']), (ms) => `for ${durationText(ms)}`),
    ...said(text(value['source']), (source) => `from ${words(source, 60)}`),
  ]
  return parts.length > 0 ? parts.join(' ') : null
}

function left({ asked, given }: Details): string[] {
  return [
    ...said(partText(asked ?? null), (part) => `asked: ${part}`),
    ...said(partText(given ?? null), (part) => `given: ${part}`),
  ]
}

function outcome(details: Details): string[] {
  const [approvals, needed] = [number(details['approvals']), number(details['needed'])]
  const late = number(details['latenessMs'])
  return [
    ...(approvals !== null && needed !== null ? [`${approvals} of ${count(needed, 'approval')}`] : []),
    ...said(text(details['reason']), (reason) => `reason: ${words(reason, 300)}`),
    ...said(text(details['detail']), (detail) => words(detail, 300)),
    ...said(number(details['expiresAt']), (at) => `end ${time(at)}`),
    ...said(late, (ms) => (ms > 0 ? `${seconds(ms)} late` : 'in time')),
  ]
}

/** By its first characters a person finds the text of a version again. */
const version = (hash: string): string => words(hash.slice(0, 12), 12)

function policyFacts({ details }: AuditRecord): string {
  const [hash, previous, rules] = [
    text(details['policy']),
    text(details['previous']),
    number(details['rules']),
  ]
  const before = previous === null ? '' : `, after ${version(previous)}`
  return `version ${version(hash ?? 'unknown')}${before}${rules === null ? '' : `, ${count(rules, 'rule')}`}`
}

function belongs(record: AuditRecord): string {
  if (record.type === 'policy.loaded') return policyFacts(record)
  if (record.type.startsWith('protection.') || record.type.startsWith('removal.'))
    return `protection ${words(text(record.details['protection']) ?? 'unknown', 80)}`
  if (record.type.startsWith('conversion.'))
    return `change of rules ${words(text(record.details['conversion']) ?? 'unknown', 80)}`
  if (record.type.startsWith('address.') && record.requestId === null)
    return `link ${words(text(record.details['link']) ?? 'unknown', 80)}`
  const stop = record.type === 'panic.begun' || record.type === 'panic.lifted'
  if (stop) return `stop ${words(text(record.details['panic']) ?? 'unknown', 80)}`
  return record.requestId === null
    ? 'belongs to no request on record'
    : `request ${words(record.requestId, 80)}`
}

/** One line for one audit event; the number first, so that a reader sees a gap. */
export function auditLine(record: AuditRecord, repeat: boolean): string {
  const { seq, at, details, hash } = record
  const parts = [
    `#${seq}`,
    deed(record),
    time(at),
    ...facts(record),
    ...left(details),
    ...outcome(details),
    ...proofFacts(details),
    ...conversionFacts(record),
    belongs(record),
    `chain ${words(hash.slice(0, 12), 12)}`,
  ]
  return `${parts.join(' · ')}${repeat ? ' (may repeat)' : ''}`
}
