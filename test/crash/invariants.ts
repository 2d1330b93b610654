import { allApprovers } from '../../src/core/approval.ts'
import type { AuditType } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import type { Grant } from '../../src/core/grant.ts'
import { approvalsOf } from '../../src/core/pick.ts'
import type { Call } from '../../src/simulator/calls.ts'
import type { RuleVersion } from '../../src/simulator/security-groups.ts'
import { firstBroken } from '../../src/store/audit-chain.ts'
import { agreedIn, besideAgreed, isAgreed } from './agreed.ts'
import { claimsOf } from './claims.ts'
import { type Evidence, nameOf } from './evidence.ts'

/** The bound of I1, after the expiry or after the bot came back. */
const boundMs = 30_000
/** Two processes on one machine read its clock a little apart. */
const apartMs = 100

const clock = (at: number) => new Date(at).toISOString().slice(11, 23)
const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()

interface OurVersion extends RuleVersion {
  readonly grantId: string
  readonly expiresAt: number
}

/** What the bot wrote, as it was in force. */
const ours = ({ versions }: Evidence): OurVersion[] =>
  versions.flatMap((version) => {
    const name = nameOf(version.rule)
    return name && version.by !== 'world' && version.by !== 'hand' ? [{ ...version, ...name }] : []
  })

const rulePath = /\/networkSecurityGroups\/([^/]+)\/securityRules\/([^/]+)$/i
const ruleIn = ({ path }: Call) => rulePath.exec(path)?.[2] ?? ''
const nsgIn = ({ path }: Call) => path.replace(/\/securityRules\/[^/]+$/i, '')

const grantsOf = (cases: readonly Case[]): Grant[] => cases.flatMap(({ grant }) => (grant ? [grant] : []))

const writesOf = ({ calls }: Pick<Evidence, 'calls'>, method: string): Call[] =>
  calls.filter((call) => call.method === method && rulePath.test(call.path))

/** At rest no rule of ours exists past its expiry plus the bound. */
function i1(evidence: Evidence): string[] {
  return ours(evidence).flatMap((version) => {
    const { rule, to, expiresAt } = version
    if (to === null) return [`${rule} still stands in ${version.nsg}`]
    const restart = evidence.starts.findLast((start) => start <= to) ?? 0
    const late = to - Math.max(expiresAt, restart) - boundMs
    return late > 0 ? [`${rule} stood ${late} ms longer than its expiry plus the bound`] : []
  })
}

/** Every rule belongs to one grant of one approved request, unexpired and on record before it was written. */
function i2(evidence: Evidence): string[] {
  const { cases, rests } = evidence
  const wrong = ours(evidence).flatMap((version) => badRule(version, cases))
  for (const put of writesOf(evidence, 'PUT')) {
    const name = nameOf(ruleIn(put))
    if (name && put.time >= name.expiresAt)
      wrong.push(`${ruleIn(put)} was written at ${clock(put.time)}, expired`)
  }
  for (const { lastCall, rules } of rests) {
    const known = new Set(rules)
    for (const put of writesOf(evidence, 'PUT')) {
      if (put.seq <= lastCall && !known.has(put.path.toLowerCase()))
        wrong.push(`${ruleIn(put)} was written and the database did not know of it after the crash`)
    }
  }
  return wrong
}

function badRule(version: OurVersion, cases: readonly Case[]): string[] {
  const { rule: name, nsg, properties, from } = version
  const owners = cases.filter(({ grant }) => grant?.id === version.grantId)
  const [owner] = owners
  if (!owner?.grant || owners.length > 1) return [`${name} belongs to ${owners.length} grants`]
  const { request, grant } = owner
  const rule = grant.rules.find((each) => same(each.name, name) && same(each.nsgId, nsg))
  if (!rule) return [`${name} in ${nsg} is not on the record of its grant`]
  const checks: readonly [boolean, string][] = [
    [request.state === 'approved', `its request is ${request.state}`],
    [Math.floor(grant.expiresAt / 1000) * 1000 === version.expiresAt, 'its name tells another expiry'],
    [from < grant.expiresAt, `it was written at ${clock(from)}, after its expiry`],
    [from >= grant.approvedAt - apartMs, `it was written at ${clock(from)}, before the approval`],
    [properties.sourceAddressPrefix === rule.source, `it lets ${properties.sourceAddressPrefix} in`],
    [properties.access === 'Allow' && properties.direction === 'Inbound', 'it is no rule that lets in'],
    [properties.priority === rule.priority, `its priority is ${properties.priority}`],
  ]
  return checks.filter(([ok]) => !ok).map(([, why]) => `${name}: ${why}`)
}

/** One click, one effect: one grant a request, one name a grant, never written again after it was closed. */
function i3(evidence: Evidence): string[] {
  const { audit, cases } = evidence
  const wrong: string[] = []
  for (const { request } of cases) {
    for (const type of ['request.approved', 'grant.opening'] as const) {
      const times = audit.filter((record) => record.requestId === request.id && record.type === type).length
      if (times > 1) wrong.push(`${type} happened ${times} times to ${request.id}`)
    }
  }
  const byGrant = Map.groupBy(ours(evidence), (version) => version.grantId)
  for (const [grantId, versions] of byGrant) {
    const names = new Set(versions.map((version) => version.rule))
    if (names.size > 1)
      wrong.push(`the grant ${grantId} has rules under several names: ${[...names].join(', ')}`)
    for (const own of Map.groupBy(versions, (version) => version.nsg.toLowerCase()).values()) {
      wrong.push(...changed(own))
    }
  }
  return [...wrong, ...writtenAgain(evidence), ...saidTwice(evidence)]
}

/** Writing the same rule again is harmless; writing another one, or one that was gone, is not. */
function changed(versions: readonly OurVersion[]): string[] {
  const ordered = versions.toSorted((a, b) => a.from - b.from)
  return ordered.slice(1).flatMap((version, index) => {
    const before = ordered[index]
    if (before?.to !== version.from) return [`${version.rule} was opened again after it was gone`]
    const edited = JSON.stringify(before.properties) !== JSON.stringify(version.properties)
    return edited ? [`${version.rule} was edited in place`] : []
  })
}

function writtenAgain(evidence: Evidence): string[] {
  const gone = new Map<string, number>()
  for (const removal of writesOf(evidence, 'DELETE')) gone.set(removal.path.toLowerCase(), removal.seq)
  return writesOf(evidence, 'PUT')
    .filter((put) => put.seq > (gone.get(put.path.toLowerCase()) ?? Number.POSITIVE_INFINITY))
    .map((put) => `${ruleIn(put)} was written again after it had been deleted`)
}

/** A note that stands there twice says that it may. */
function saidTwice({ said }: Evidence): string[] {
  const notes = said.filter((one) => !one.edit && one.requestId && !one.text.includes('(may repeat)'))
  const seen = new Set<string>()
  return notes.flatMap((note) => {
    const kinds = claimsOf(note.text).map((claim) => claim.note)
    return kinds.flatMap((kind) => {
      if (kind === null) return []
      const key = `${note.channel} ${note.requestId} ${kind}`
      const again = seen.has(key)
      seen.add(key)
      return again ? [`“${kind}” was said twice about ${note.requestId} in ${note.channel}`] : []
    })
  })
}

/**
 * Rules that are not ours stay what they were, and nothing else is ever written, but for the very rules that a second
 * operator agreed about.
 */
function i4(evidence: Evidence): string[] {
  const { calls, audit } = evidence
  const agreed = agreedIn(audit)
  const others = besideAgreed(evidence.others, agreed)
  const reads =
    /\/(ipFlowVerify|resources|checkPolicyRestrictions|listNetworkManagerEffectiveSecurityAdminRules)$/i
  const strange = calls.filter((call) => {
    if (call.method === 'GET' || (call.method === 'POST' && reads.test(call.path))) return false
    return (!rulePath.test(call.path) || nameOf(ruleIn(call)) === null) && !isAgreed(agreed, call)
  })
  const wrong = strange.map((call) => `${call.method} ${call.path} is no write to a rule of ours`)
  if (others.before !== others.after)
    wrong.push(`Azure has changed apart from our rules: ${difference(others)}`)
  return wrong
}

function difference({ before, after }: Evidence['others']): string {
  const [was, is] = [before.split('\n'), after.split('\n')]
  const at = was.findIndex((line, index) => line !== is[index])
  return `${was[at] ?? 'nothing'} became ${is[at] ?? 'nothing'}`
}

/** The audit chain verifies and holds every transition once, in order. */
function i5({ audit, cases }: Evidence): string[] {
  const broken = firstBroken(audit)
  const wrong = broken === null ? [] : [`the chain is broken at ${broken}`]
  for (const kase of cases) {
    const mine = audit.filter((record) => record.requestId === kase.request.id)
    const held = mine.map((record) => record.type).filter((type) => !incidents.includes(type))
    const expected = transitions(kase)
    if (held.join() !== expected.join()) {
      wrong.push(`the trail of ${kase.request.id} is ${held.join(', ')} and not ${expected.join(', ')}`)
    }
    const proved = mine.filter(({ type }) => verdicts.includes(type)).length
    const kept = Object.keys(kase.grant?.proofs ?? {}).length
    if (proved !== kept) wrong.push(`${kase.request.id} has ${kept} proofs, and the trail tells of ${proved}`)
  }
  return wrong
}

/** What may happen to a case without changing its state. */
const verdicts: readonly AuditType[] = ['grant.verified', 'grant.unverified']
const incidents: readonly AuditType[] = [...verdicts, 'grant.stuck', 'rule.stray', 'rule.removed']

function transitions({ request, grant }: Case): AuditType[] {
  const yeses = request.reviews.filter((review) => review.verdict === 'approve').length
  const asked = request.verdict.outcome === 'needs approval'
  const reviewed = request.state === 'approved' ? yeses - 1 : yeses
  const states: readonly Grant['state'][] = ['opening', 'open', 'closing', 'closed']
  const come = grant ? states.slice(0, states.indexOf(grant.state) + 1) : []
  return [
    ...(asked ? (['request.pending'] as const) : []),
    ...Array.from({ length: asked ? Math.max(0, reviewed) : 0 }, () => 'request.reviewed' as const),
    ...(request.state === 'pending' ? [] : ([`request.${request.state}`] as const)),
    ...come
      .filter((state) => state !== 'open' || grant?.openedAt != null)
      .map((state) => `grant.${state}` as const),
  ]
}

/** Nobody approves their own request, and those who approve may. */
function i6({ cases }: Evidence): string[] {
  return cases.flatMap(({ request }) => {
    const yes = request.reviews.filter((review) => review.verdict === 'approve').map(({ by }) => by.userId)
    const wrong = yes
      .filter((id) => id === request.requester.userId || !allApprovers(request.terms).users.includes(id))
      .map((id) => `${id} approved ${request.id}`)
    const needed =
      request.verdict.outcome === 'needs approval' ? (request.terms ? approvalsOf(request.terms) : 1) : 0
    if (request.state === 'approved' && new Set(yes).size < needed) {
      wrong.push(`${request.id} was approved by ${yes.length} of ${needed}`)
    }
    return wrong
  })
}

/** What Slack showed as arrived has been done, and nothing that was due is left. */
function i7({ gestures, cases, undone }: Evidence): string[] {
  const wrong = [...undone]
  for (const [token, made] of Map.groupBy(gestures, (gesture) => gesture.token)) {
    const asks = made.filter(({ kind }) => kind === 'ask')
    const mine = cases.filter(({ request }) => request.reason === token)
    const least = asks.filter(({ acked }) => acked).length
    if (mine.length < least || mine.length > asks.length) {
      wrong.push(
        `${token} was asked for ${asks.length} times, ${least} acknowledged, and there are ${mine.length}`,
      )
    }
    const approved = made.some(({ kind, acked }) => kind === 'approve' && acked)
    if (approved && !mine.some(({ request }) => request.state === 'approved')) {
      wrong.push(`the yes to ${token} was acknowledged and is lost`)
    }
  }
  return wrong
}

/** Nothing is announced before it is so. */
function i9(evidence: Evidence): string[] {
  const grants = new Map(grantsOf(evidence.cases).map((grant) => [grant.requestId, grant]))
  const versions = Map.groupBy(ours(evidence), (version) => version.grantId)
  const calls = Map.groupBy(evidence.calls, (call) => ruleIn(call).toLowerCase())
  return evidence.said.flatMap(({ at, requestId, text }) => {
    const grant = grants.get(requestId ?? '')
    return claimsOf(text).flatMap(({ claim }) => {
      if (claim === null) return []
      const known = {
        at,
        versions: versions.get(grant?.id ?? '') ?? [],
        calls: calls.get(grant?.rules[0]?.name.toLowerCase() ?? '') ?? [],
      }
      const wrong = grant ? untrue(claim, grant, known) : 'there is no grant'
      return wrong === null ? [] : [`${clock(at)} “${text.slice(0, 60)}…” (${claim}): ${wrong}`]
    })
  })
}

type Claim = NonNullable<ReturnType<typeof claimsOf>[number]['claim']>

interface Known {
  readonly at: number
  readonly versions: readonly OurVersion[]
  readonly calls: readonly Call[]
}

/** A claim is true when the rules were so at that moment, and Azure had been asked after the last write. */
function untrue(claim: Claim, grant: Grant, { at, versions, calls }: Known): string | null {
  const begun = versions.filter((version) => version.from <= at)
  if (claim === 'never written') return begun.length > 0 ? 'a rule was there' : null
  const standing = begun.filter((version) => version.to === null || version.to > at)
  const method = claim === 'closed' ? 'DELETE' : 'PUT'
  const answer = claim === 'closed' ? 404 : 200
  for (const { nsgId } of grant.rules) {
    const there = (claim === 'was open' ? begun : standing).some((version) => same(version.nsg, nsgId))
    if (there !== (claim !== 'closed')) return `the rule in ${nsgId} was ${there ? '' : 'not '}there`
    const mine = calls.filter((call) => call.time <= at && same(nsgIn(call), nsgId))
    const after = mine.slice(mine.findLastIndex((call) => call.method === method) + 1)
    if (!after.some((call) => call.method === 'GET' && call.status === answer)) {
      return `no read had confirmed it in ${nsgId}`
    }
  }
  return null
}

const invariants = { I1: i1, I2: i2, I3: i3, I4: i4, I5: i5, I6: i6, I7: i7, I9: i9 } as const

/** Everything that is wrong, each line with the invariant that it breaks. */
export const violations = (evidence: Evidence): string[] =>
  Object.entries(invariants).flatMap(([name, check]) => check(evidence).map((what) => `${name}: ${what}`))
