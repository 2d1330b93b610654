import type { AuditType } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import { type Grant, parseRuleName, type Rule } from '../../src/core/grant.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import type { Person } from '../../src/core/person.ts'
import { approvalsOf } from '../../src/core/pick.ts'
import type { Intake } from '../../src/ports.ts'
import type { Version } from './cloud.ts'
import { Exceptions } from './exceptions.ts'
import type { Life } from './life.ts'
import type { Commit, Tables } from './memory-tables.ts'
import { Rights } from './rights.ts'
import { untrue } from './sayings.ts'
import type { Saying } from './slack.ts'
import type { Weather } from './weather.ts'

export interface Scene {
  readonly now: () => number
  readonly tables: Tables
  readonly weather: Weather
}

/** Everything that is known of a gesture beside what the database says. */
export interface Gestured {
  readonly intake: Intake
  acked: boolean
  answered: boolean
  /** Who dealt with it, and when; `lost` when the commit's own answer never came back. */
  ended: { readonly by: Life; readonly at: number; readonly lost: boolean } | null
}

/** One call takes ten seconds at most, and the processes' clocks differ by less than one. */
const longestPutMs = 9_000

/** After the expiry, or after the last thing that went wrong. */
const overdueMs = 330_000
const calmOverdueMs = 30_000
const promptMs = 1_000
/** The longest that one write of a group takes when nothing is wrong. */
const oneWriteMs = 3_000
/** How old what a process acts on may be: as long as its lease lasts, and its calls of the database take. */
const staleMs = 40_000
/** How soon after the last fault everything is as prompt as ever. */
const recoveryMs = 4 * 60_000

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9'

/** Watches a run from outside and says at once when one of the promises is broken. */
export class Witness {
  readonly violations: string[] = []
  readonly versions: Version[] = []
  readonly gestures = new Map<string, Gestured>()
  readonly rights = new Rights()
  readonly exceptions: Exceptions
  readonly #scene: Scene
  readonly #touched = new Set<string>()
  readonly #removals = new Set<string>()
  /** When a write of each group was last sent. */
  readonly #lastWrites = new Map<string, number>()
  /** Whose transaction is being committed. */
  committer: { readonly life: Life; readonly lost: boolean } | null = null

  constructor(scene: Scene) {
    this.#scene = scene
    this.exceptions = new Exceptions({
      scene,
      rights: this.rights,
      gesture: (key) => this.gestures.get(key)?.intake,
      stopBy: ({ userId }) => {
        const said = [...this.gestures.values()].map(({ intake }) => intake)
        const first = said.find(({ gesture }) => gesture.kind === 'panic' && gesture.person.userId === userId)
        return first?.receivedAt ?? null
      },
      fail: this.fail.bind(this),
      done: this.#done.bind(this),
      boundMs: () => (scene.weather.calm ? calmOverdueMs : overdueMs),
    })
  }

  fail(invariant: Invariant, what: string): void {
    this.violations.push(`${invariant}: ${what}`)
  }

  /* ---- what the database commits ---- */

  committed(commit: Commit): void {
    for (const { before, after } of commit.cases) {
      this.#grantKept(before?.grant ?? null, after)
      this.#trail(after)
      this.#deeds(before, after, commit.ended)
      this.#approved(before, after)
      this.exceptions.changed(before, after, commit.ended)
    }
    const changed = new Set(commit.cases.map(({ after }) => after.request.id))
    for (const { requestId, type } of commit.audit) {
      if (type.startsWith('rule.') || type.startsWith('panic.')) continue
      if (requestId === null || !changed.has(requestId))
        this.fail('I5', `${type} without a change of ${requestId}`)
    }
    this.exceptions.audited(commit)
    this.#ended(commit.ended)
  }

  #grantKept(before: Grant | null, { request, grant }: Case): void {
    if (!before) return
    const states = ['opening', 'open', 'closing', 'closed']
    if (!grant || grant.id !== before.id) this.fail('I3', `${request.id} has another grant`)
    else if (states.indexOf(grant.state) < states.indexOf(before.state)) {
      this.fail('I3', `the grant of ${request.id} went from ${before.state} to ${grant.state}`)
    }
  }

  #trail(kase: Case): void {
    const { id } = kase.request
    const all = this.#scene.tables.audit.filter(({ requestId }) => requestId === id).map(({ type }) => type)
    const held = all.filter((type) => !type.startsWith('rule.') && !atAnyTime.has(type))
    const expected = transitions(kase)
    for (const [type, times] of Object.entries(besides(kase))) {
      const found = all.filter((one) => one === type).length
      if (found !== times) this.fail('I5', `the trail of ${id} has ${type} ${found} times and not ${times}`)
    }
    if (held.join() !== expected.join()) {
      this.fail('I5', `the trail of ${id} is ${held.join(', ')} and not ${expected.join(', ')}`)
    }
  }

  /** Everything that a person did was done by a click of theirs, and they were allowed to. */
  #done(
    action: 'approve' | 'deny' | 'cancel' | 'close' | 'sign' | 'unjustified',
    by: Person,
    kase: Case,
    ended: readonly string[],
  ): void {
    const click = ended
      .map((key) => this.gestures.get(key)?.intake)
      .find(
        (intake) =>
          intake?.gesture.kind === 'click' &&
          intake.gesture.action === action &&
          intake.gesture.requestId === kase.request.id &&
          intake.gesture.person.userId === by.userId,
      )
    const wrong = this.rights.wrong(action, by, kase, click, this.#scene.now())
    if (wrong !== null) this.fail(click ? 'I6' : 'I3', wrong)
  }

  #deeds(before: Case | null, after: Case, ended: readonly string[]): void {
    const { request, grant } = after
    for (const { by, verdict } of request.reviews.slice(before?.request.reviews.length ?? 0)) {
      this.#done(verdict, by, after, ended)
    }
    if (request.state === 'canceled' && before?.request.state !== 'canceled') {
      if (this.exceptions.followed(after, request.closedBy ?? request.requester)) return
      this.#done('cancel', request.requester, after, ended)
    }
    if (grant?.state !== 'closing' && grant?.state !== 'closed') return
    if (before?.grant?.state === 'closing' || before?.grant?.state === 'closed') return
    if (grant.by !== null && grant.reason !== 'panic' && !this.exceptions.followed(after, grant.by))
      this.#done('close', grant.by, after, ended)
    const touched = grant.rules.some(
      ({ nsgId, name }) => this.#touched.has(nsgId) || this.#touched.has(`${nsgId} ${name}`),
    )
    if (grant.reason === 'changed outside' && !touched) {
      this.fail('I9', `somebody is said to have changed the rule of ${request.id}: ${grant.detail}`)
    }
  }

  /** Somebody beside the bot changed a rule, or a whole group. */
  touch(nsgId: string, name?: string): void {
    this.#touched.add(name === undefined ? nsgId : `${nsgId} ${name}`)
  }

  #approved(before: Case | null, { request, grant }: Case): void {
    if (!grant || before?.grant) return
    const yes = new Set(
      request.reviews.filter((one) => one.verdict === 'approve').map((one) => one.by.userId),
    )
    const needed = request.verdict.outcome === 'allow' ? 0 : request.terms ? approvalsOf(request.terms) : 1
    if (request.state !== 'approved' || yes.size < needed) {
      this.fail('I6', `${request.id} is ${request.state} by ${yes.size} of ${needed} and has a grant`)
    }
  }

  #ended(keys: readonly string[]): void {
    for (const key of keys) {
      const gesture = this.gestures.get(key)
      if (gesture && this.committer) {
        const { life, lost } = this.committer
        gesture.ended ??= { by: life, at: this.#scene.now(), lost }
      }
    }
  }

  /* ---- what is sent to Azure and what stands there ---- */

  putSent(nsgId: string, rule: Rule, access: LiveRule['access']): void {
    const now = this.#scene.now()
    this.#lastWrites.set(nsgId, now)
    const owners = this.#scene.tables.cases
      .all()
      .filter(({ grant }) => grant?.rules.some((one) => one.name === rule.name && one.nsgId === nsgId))
    const [owner] = owners
    // A stray that a lock keeps is turned into one that denies; it may belong to nobody.
    if (access === 'Deny' && !owner && this.#scene.tables.strays.get(`${nsgId} ${rule.name}`)) return
    const recorded = owner?.grant?.rules.find((one) => one.nsgId === nsgId)
    if (!owner?.grant || !recorded || owners.length > 1) {
      this.fail('I2', `${rule.name} was written and belongs to ${owners.length} grants on record`)
      return
    }
    const { request, grant } = owner
    if (request.state !== 'approved')
      this.fail('I2', `${rule.name} was written for a ${request.state} request`)
    if (access === 'Deny') return
    if (recorded.priority !== rule.priority || recorded.source !== rule.source) {
      this.fail('I2', `${rule.name} was written otherwise than it is on record`)
    }
    if (now >= grant.expiresAt - longestPutMs) {
      this.fail('I2', `${rule.name} was sent so near to its expiry that it might land after it`)
    }
    this.#urgentFirst(nsgId, rule.name)
    const since = grant.state === 'closing' || grant.state === 'closed' ? grant.closingSince : now
    if (now - since > staleMs) {
      this.fail('I3', `${rule.name} was written and its grant is ${grant.state} since ${now - since} ms`)
    }
  }

  /** Nothing is opened in a group while something there waits to be closed. */
  #urgentFirst(nsgId: string, opened: string): void {
    const { now, tables, weather } = this.#scene
    const patient = now() - (weather.calm ? promptMs : staleMs)
    for (const { grant } of tables.cases.all()) {
      const rule = grant?.rules.find((one) => one.nsgId === nsgId && one.state !== 'absent')
      if (grant?.state !== 'closing' || !rule || grant.closingSince > patient) continue
      const nextTryAt = tables.tries.get(`${grant.id} ${nsgId}`)?.nextTryAt ?? 0
      if (nextTryAt < patient) this.fail('I1', `${opened} was opened while ${rule.name} waited to be closed`)
    }
  }

  removeSent(nsgId: string, name: string): void {
    const { now, weather } = this.#scene
    const key = `${nsgId} ${name}`
    const lastWrite = this.#lastWrites.get(nsgId) ?? 0
    this.#lastWrites.set(nsgId, now())
    if (this.#removals.has(key)) return
    this.#removals.add(key)
    const owner = this.#scene.tables.cases
      .all()
      .find(({ grant }) => grant?.rules.some((one) => one.name === name))
    const grant = owner?.grant
    if (grant?.state !== 'closing' || grant.reason !== 'expired') return
    // A group takes one write at a time: what waits for another one is late for a reason.
    const free = lastWrite < grant.expiresAt - oneWriteMs
    const calm = weather.calm || grant.expiresAt > weather.until + recoveryMs
    if (calm && free && now() - grant.expiresAt > promptMs) {
      this.fail(
        'I1',
        `${name} was to be removed ${now() - grant.expiresAt} ms after its expiry, without any fault`,
      )
    }
  }

  began(version: Version): void {
    this.versions.push(version)
    if (version.by === 'somebody') this.touch(version.nsgId, version.name)
  }

  /** Asked now and then, and whenever a rule is gone. */
  overdue(versions: readonly Version[]): void {
    const { now, weather } = this.#scene
    const bound = weather.calm ? calmOverdueMs : overdueMs
    for (const { name, from, to } of versions) {
      const named = parseRuleName(name)
      if (!named) continue
      const late = (to ?? now()) - Math.max(named.expiresAt, from, weather.lastTrouble)
      if (late > bound) this.fail('I1', `${name} stood ${late} ms past its expiry and past the last fault`)
    }
  }

  /* ---- what the bot says ---- */

  said(saying: Saying): void {
    if (saying.kind === 'answer') {
      const gesture = this.gestures.get(saying.url)
      if (gesture) gesture.answered = true
      return
    }
    const now = this.#scene.now()
    const wrong = untrue(saying, { now, versions: this.versions, cases: this.#scene.tables.cases })
    if (wrong !== null) this.fail('I9', wrong)
  }
}

/** What is on record at any place of a trail. */
const atAnyTime = new Set<AuditType>([
  'grant.extending',
  'grant.verified',
  'grant.unverified',
  'request.signed',
  'request.unjustified',
])
const proofsIn = ({ grant }: Case, verified: boolean): number =>
  [grant?.proofs?.open, grant?.proofs?.closed].filter(
    (one) => one && (one.verdict === 'verified') === verified,
  ).length
const besides = (kase: Case): Partial<Record<AuditType, number>> => {
  const { extensions = [], oversight } = kase.request
  return {
    'grant.extending': extensions.length,
    'grant.verified': proofsIn(kase, true),
    'grant.unverified': proofsIn(kase, false),
    'request.signed': oversight?.state === 'signed' ? 1 : 0,
    'request.unjustified': oversight?.state === 'unjustified' ? 1 : 0,
  }
}

/** The audit trail that a case must have left behind. */
function transitions({ request, grant }: Case): AuditType[] {
  const yeses = request.reviews.filter((review) => review.verdict === 'approve').length
  const asked = request.verdict.outcome === 'needs approval'
  const partly = asked ? Math.max(0, request.state === 'approved' ? yeses - 1 : yeses) : 0
  const trail: AuditType[] = asked ? ['request.pending'] : []
  for (let count = 0; count < partly; count += 1) trail.push('request.reviewed')
  if (request.state !== 'pending') trail.push(`request.${request.state}`)
  if (!grant) return trail
  trail.push('grant.opening')
  if (grant.openedAt !== null) trail.push('grant.open')
  if (grant.state === 'opening' || grant.state === 'open') return trail
  trail.push('grant.closing')
  if (grant.stuckSince !== undefined) trail.push('grant.stuck')
  if (grant.state === 'closed') trail.push('grant.closed')
  return trail
}
