import type { Case } from '../../src/core/case.ts'
import { isInScope } from '../../src/core/panic.ts'
import type { Person } from '../../src/core/person.ts'
import type { PolicyRule } from '../../src/core/policy.ts'
import type { Intake } from '../../src/ports.ts'
import type { Version } from './cloud.ts'
import { activePanics, type Commit } from './memory-tables.ts'
import { ruleOver } from './office.ts'
import type { Rights } from './rights.ts'
import type { Invariant, Scene } from './witness.ts'

interface Watch {
  readonly scene: Scene
  readonly rights: Rights
  readonly gesture: (key: string) => Intake | undefined
  /** When somebody first said that access was to be stopped, or no longer; null when they never did. */
  readonly stopBy: (person: Person) => number | null
  readonly fail: (invariant: Invariant, what: string) => void
  /** Says it when somebody did what no click of theirs allowed. */
  readonly done: (action: 'sign' | 'unjustified', by: Person, kase: Case, ended: readonly string[]) => void
  /** How long a thing that must happen at once may take after the last fault. */
  readonly boundMs: () => number
}

/** Times of two processes differ by less than this. */
const skewMs = 100

/** Watches what departs from asking and ending: stops, access that follows on, and access that nobody was asked about. */
export class Exceptions {
  readonly #watch: Watch

  constructor(watch: Watch) {
    this.#watch = watch
  }

  changed(before: Case | null, after: Case, ended: readonly string[]): void {
    if (after.grant && !before?.grant) this.#began(after)
    this.#looked(before, after, ended)
  }

  /** Somebody closed the access that this follows on from, and so this too. */
  followed({ request }: Case, by: Person): boolean {
    const earlier = request.extends && this.#watch.scene.tables.cases.get(request.extends.requestId)?.grant
    if (earlier?.state !== 'closing' && earlier?.state !== 'closed') return false
    return ['closed early', 'panic'].includes(earlier.reason) && earlier.by?.userId === by.userId
  }

  /* ---- what begins ---- */

  #began(kase: Case): void {
    const { scene, fail } = this.#watch
    const { request, grant } = kase
    if (!grant) return
    for (const { id, scope } of activePanics(scene.tables))
      if (isInScope(scope, request, null)) fail('I6', `${request.id} was given access during the stop ${id}`)
    const rules = this.#rulesOver(kase)
    if (!rules.some((rule) => grant.expiresAt - request.requestedAt <= longest(rule, kase) + skewMs))
      fail('I2', `${request.id} was given access for longer than any policy since it was asked for allows`)
    if (request.verdict.outcome === 'allow' && !rules.some((rule) => this.#needsNobody(rule, kase)))
      fail('I6', `${request.id} was given access by the policy, and every policy since would have asked`)
    const { extends: before } = request
    if (before && grant.expiresAt > before.endsAt + before.extraMs)
      fail('I2', `${request.id} lasts beyond what was asked for more of ${before.requestId}`)
  }

  /** Every rule that decided about it since it was asked for: the reason is the key of the gesture that asked. */
  #rulesOver({ request }: Case): readonly PolicyRule[] {
    const { scene, rights, gesture } = this.#watch
    const from = gesture(request.reason ?? '')?.receivedAt ?? request.requestedAt
    return rights
      .policiesSince(from, scene.now())
      .flatMap((policy) => ruleOver(policy, request.vm.name) ?? [])
  }

  #needsNobody({ terms, breakGlass, extension }: PolicyRule, { request }: Case): boolean {
    if (request.emergency) return breakGlass !== undefined
    if (terms.stages.length === 0) return true
    if (!request.extends) return false
    if (extension.kind === 'none') return true
    return (
      extension.kind === 'free once' && request.extends.extraMs <= extension.mostMs && this.#isFirst(request)
    )
  }

  #isFirst({ id, extends: before }: Case['request']): boolean {
    const { cases } = this.#watch.scene.tables
    const siblings = cases.all().filter(({ request }) => request.extends?.requestId === before?.requestId)
    return (
      !cases.get(before?.requestId ?? '')?.request.extends &&
      siblings.every(({ request }) => request.id === id)
    )
  }

  /* ---- who looks at it afterwards ---- */

  #looked(before: Case | null, after: Case, ended: readonly string[]): void {
    const { fail, done, scene } = this.#watch
    const { request } = after
    const [was, is] = [before?.request.oversight, request.oversight]
    if (!request.emergency || request.state !== 'approved') {
      if (is) fail('I6', `${request.id} is to be looked at and was no emergency`)
      return
    }
    if (!is) fail('I6', `the emergency ${request.id} has no review`)
    else if (!was && is.state !== 'open')
      fail('I6', `the emergency ${request.id} began with its review ${is.state}`)
    else if (was && was.state !== 'open' && JSON.stringify(was) !== JSON.stringify(is))
      fail('I6', `the review of ${request.id} was ${was.state} and was changed`)
    else if (was?.state === 'open' && is.state !== 'open') {
      if (is.by.userId === request.requester.userId)
        fail('I6', `${request.id} was signed by who asked for it`)
      done(is.state === 'signed' ? 'sign' : 'unjustified', is.by, after, ended)
    }
    const told = scene.tables.notes
      .all()
      .some(({ requestId, note }) => requestId === request.id && note.type === 'glass broken')
    if (!told) fail('I7', `nobody is told that ${request.id} did not wait for them`)
  }

  /* ---- stops ---- */

  /** Each stop is on record once when it begins and once when it is lifted, by somebody who may. */
  audited({ audit }: Commit): void {
    const { scene, rights, stopBy, fail } = this.#watch
    for (const { type, actor, details } of audit) {
      if (type !== 'panic.begun' && type !== 'panic.lifted') continue
      const { panic: id } = details
      const row = typeof id === 'string' ? scene.tables.panics.get(id) : undefined
      if (!row || (type === 'panic.lifted') !== (row.liftedAt !== null))
        fail('I5', `${type} is on record and is not so`)
      const asked = typeof actor === 'string' ? null : stopBy(actor)
      if (typeof actor === 'string' || asked === null) fail('I3', `${type} without anybody who said so`)
      else if (!rights.couldStop(actor, asked, scene.now())) fail('I6', `${type} by somebody who never could`)
    }
  }

  /** What was open when access was stopped ends, and its rules go. Asked now and then. */
  stopped(versions: readonly Version[]): void {
    const { scene, fail, boundMs } = this.#watch
    const now = scene.now()
    const isLate = (since: number) => now - Math.max(since, scene.weather.lastTrouble) > boundMs()
    for (const { panic } of scene.tables.panics.all()) {
      for (const { request, grant } of scene.tables.cases.all()) {
        if (!grant || !isInScope(panic.scope, request, null)) continue
        const isOpen = grant.state === 'opening' || grant.state === 'open'
        if (isOpen && grant.approvedAt <= panic.at && isLate(panic.at))
          fail('I1', `${request.id} is ${grant.state} long after the stop ${panic.id}`)
        if (grant.state !== 'closing' || grant.reason !== 'panic') continue
        const left = versions.find(({ name }) => grant.rules.some((rule) => rule.name === name))
        if (left && isLate(Math.max(grant.closingSince, left.from)))
          fail('I1', `${left.name} stands long after the stop ${panic.id}`)
      }
    }
  }

  /* ---- the end of a run ---- */

  atEnd(): void {
    const { scene, fail } = this.#watch
    const { jobs, cases, panics, audit } = scene.tables
    for (const { request } of cases.all()) {
      const reminds = jobs.all().some(({ kind, subject }) => kind === 'unsigned' && subject === request.id)
      if (reminds !== (request.oversight?.state === 'open'))
        fail(
          'I7',
          `the review of ${request.id} is ${request.oversight?.state}, and ${reminds ? 'a' : 'no'} reminder waits`,
        )
      this.#endedTogether(request)
    }
    const count = (type: 'panic.begun' | 'panic.lifted') => audit.filter((one) => one.type === type).length
    const lifted = panics.all().filter(({ liftedAt }) => liftedAt !== null).length
    if (count('panic.begun') !== panics.all().length || count('panic.lifted') !== lifted)
      fail('I5', 'the stops are not on record as they were')
  }

  /** Whoever closes access means what follows on from it too. */
  #endedTogether({ id, extends: before }: Case['request']): void {
    const { scene, fail } = this.#watch
    const earlier = before && scene.tables.cases.get(before.requestId)?.grant
    const grant = scene.tables.cases.get(id)?.grant
    if (earlier?.state !== 'closed' || grant?.state !== 'closed' || earlier.reason !== 'closed early') return
    if (grant.approvedAt > earlier.closingSince + skewMs)
      fail('I6', `${id} was given access although what it follows on from was closed`)
    if (grant.reason === 'expired' && grant.expiresAt > earlier.closingSince + 2 * 60_000)
      fail('I1', `${id} lasted to its end although what it follows on from was closed`)
  }
}

function longest({ terms, breakGlass }: PolicyRule, { request }: Case): number {
  const glass = request.emergency ? (breakGlass?.maxDurationMs ?? 0) : Number.POSITIVE_INFINITY
  const waited = request.state === 'approved' ? request.approvedAt - request.requestedAt : 0
  // What follows on from access is counted from when it was asked for; anything else begins with the last yes.
  return Math.min(terms.maxDurationMs, glass) + (request.extends ? 0 : waited)
}
