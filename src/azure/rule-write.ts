import type { Rule } from '../core/grant.ts'
import type { Clock, LiveRule, Written } from '../ports.ts'
import { type Answer, ArmFault, faultOf, isBusy, isGone, passes } from './faults.ts'
import type { RuleCalls, Tagged } from './rule-calls.ts'
import { showsRule } from './security-rule.ts'

export interface Write {
  readonly calls: RuleCalls
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The most that is waited between reads, all waits of one write together. */
  readonly patienceMs: number
  /** Somebody else's rule: what may have been done is never called refused, and is told apart from what was not. */
  readonly theirs?: true
}

/** What one read says about the goal: reached, on its way, or neither. */
type Sight = 'there' | 'moving' | 'elsewhere'

interface Goal {
  readonly reached: Written
  readonly judge: (live: LiveRule | null) => Sight
  /** How many reads in a row must say so. */
  readonly reads: number
}

/** What came of sending: an operation to ask after, or the answer that stands unless a read knows better. */
interface Sent {
  readonly operationUrl: string | null
  readonly verdict: Written | null
  /** Azure was busy with another write of the group, which may be an open of this very rule. */
  readonly busy: boolean
  /** ARM took no call at all, so that there is nothing to look for. */
  readonly paced: boolean
  /** No answer came, so that it may have been done. */
  readonly lost: boolean
}

const tryAgain = (why: string, afterMs: number | null = null): Written => ({
  kind: 'try again',
  why,
  afterMs,
})

function verdictOf(answer: Answer): Written {
  const code = answer.codes[0] ?? `HTTP ${answer.status}`
  const why = (answer.message || code).slice(0, 300)
  if (answer.codes.includes('SecurityRuleConflict')) return { kind: 'priority taken' }
  return passes(answer) ? tryAgain(`${code}: ${why}`, answer.afterMs) : { kind: 'refused', code, why }
}

export function verdictOfFault(error: unknown): Written {
  const fault = faultOf(error, null)
  if (fault.answer && fault.answer.status >= 400) return verdictOf(fault.answer)
  return fault.kind === 'permanent'
    ? { kind: 'refused', code: fault.code, why: fault.message }
    : tryAgain(`${fault.code}: ${fault.message}`, fault.afterMs)
}

const pauses = { firstMs: 250, growth: 1.5, mostMs: 1000 }
const tolerableFaults = 3
const lastLookMs = 2000

/** Reads the rule until it shows what was wanted, or until it is certain that this write will not bring it. */
class Watch {
  readonly #write: Write
  readonly #goal: Goal
  #verdict: Written | null
  #operationUrl: string | null
  #pauseMs = pauses.firstMs
  #waitedMs = 0
  #seen = 0
  #faults = 0
  #accepted: boolean
  #lost: boolean

  constructor(write: Write, goal: Goal, sent: Sent) {
    this.#write = write
    this.#goal = goal
    this.#verdict = sent.verdict
    this.#operationUrl = sent.operationUrl
    this.#accepted = sent.verdict === null
    this.#lost = sent.lost
  }

  async run(): Promise<Written> {
    const written = await this.#watch()
    if (!this.#write.theirs || !(this.#accepted || this.#lost)) return written
    const why = `Azure took the write, and what became of it could not be read`
    if (written.kind === 'refused')
      return { kind: 'try again', why: `${why}: ${written.why}`, afterMs: null, taken: true }
    return written.kind === 'try again' ? { ...written, taken: true } : written
  }

  async #watch(): Promise<Written> {
    if (this.#operationUrl) await this.#pause()
    while (!this.#write.signal.aborted && this.#waitedMs < this.#write.patienceMs) {
      try {
        const written = await this.#look()
        if (written) return written
      } catch (error) {
        const verdict = verdictOfFault(error)
        const endless = ++this.#faults > tolerableFaults
        if (endless || verdict.kind !== 'try again' || verdict.afterMs !== null)
          return this.#verdict ?? verdict
        await this.#pause()
      }
    }
    return this.#lastLook()
  }

  /** One round; an answer ends the watch. */
  async #look(): Promise<Written | null> {
    const sight = this.#goal.judge(await this.#write.calls.read(this.#write.signal))
    // Whether or not the answer was lost: by now it would show.
    this.#lost = false
    this.#seen = sight === 'there' ? this.#seen + 1 : 0
    if (this.#seen >= this.#goal.reads) return this.#goal.reached
    if (sight !== 'elsewhere') {
      await this.#pause()
      return null
    }
    if (this.#verdict) return this.#verdict
    await this.#ask()
    return null
  }

  /** Learns why the rule does not show the goal. The next read decides: the one before may be older than this. */
  async #ask(): Promise<void> {
    if (!this.#operationUrl) {
      this.#verdict = tryAgain('Azure accepted the write, but the rule does not show it.')
      return this.#pause()
    }
    try {
      const operation = await this.#write.calls.operation(this.#operationUrl, this.#write.signal)
      if (operation.kind === 'failed') {
        this.#verdict = verdictOf(operation.answer)
        this.#accepted = false
        return
      }
      if (operation.kind === 'succeeded') {
        this.#verdict = tryAgain('Azure says that the write is done, but the rule does not show it.')
      }
      await this.#pause()
    } catch (error) {
      if (!isGone(error)) throw error
      this.#verdict = tryAgain('Azure no longer knows of the write.')
    }
  }

  async #pause(): Promise<void> {
    await this.#write.clock.sleep(this.#pauseMs, this.#write.signal)
    this.#waitedMs += this.#pauseMs
    this.#pauseMs = Math.min(pauses.mostMs, this.#pauseMs * pauses.growth)
  }

  /** The time is over, but what is so by now must not be denied. */
  async #lastLook(): Promise<Written> {
    const signal = AbortSignal.timeout(lastLookMs)
    try {
      for (let seen = this.#seen; seen < this.#goal.reads; seen++) {
        const sight = this.#goal.judge(await this.#write.calls.read(signal))
        if (sight !== 'there') return this.#verdict ?? tryAgain('Azure took too long.')
      }
      return this.#goal.reached
    } catch {
      return this.#verdict ?? tryAgain('Azure took too long.')
    }
  }
}

async function send(work: Promise<string | null>): Promise<Sent> {
  try {
    return { operationUrl: await work, verdict: null, busy: false, paced: false, lost: false }
  } catch (error) {
    const busy = error instanceof ArmFault && error.answer !== null && isBusy(error.answer)
    const paced = error instanceof ArmFault && (error.code === 'not sent' || error.code === 'throttled')
    const verdict = verdictOfFault(error)
    const unsent = error instanceof ArmFault && error.code === 'not sent' && verdict.kind === 'try again'
    const lost = !paced && !(error instanceof ArmFault && error.answer !== null)
    return { operationUrl: null, verdict: unsent ? { ...verdict, unsent: true } : verdict, busy, paced, lost }
  }
}

export const isMoving = (live: LiveRule): boolean =>
  live.provisioning === 'Updating' || live.provisioning === 'Deleting'

/** Follows what was sent until a read shows what was wanted, or until it is certain that it will not. */
export async function watchWrite(
  sending: Promise<string | null>,
  write: Write,
  judge: Goal['judge'],
): Promise<Written> {
  const sent = await send(sending)
  return new Watch(write, { reached: { kind: 'present' }, judge, reads: 1 }, sent).run()
}

/**
 * Writes the rule. Whatever Azure answers to that, a read decides whether it stands there: an earlier write whose
 * answer was lost may have put it there.
 */
export async function openRule(
  rule: Rule,
  write: Write,
  access: LiveRule['access'] = 'Allow',
): Promise<Written> {
  const judge = (live: LiveRule | null): Sight => {
    if (live && isMoving(live)) return 'moving'
    return live && live.provisioning === 'Succeeded' && showsRule(live, rule, access) ? 'there' : 'elsewhere'
  }
  return watchWrite(write.calls.put(rule, access, write.signal), write, judge)
}

/** Turns a rule that stands there into one that denies, unless it does so already. */
export async function blockRule(rule: Rule, write: Write): Promise<Written> {
  try {
    const live = await write.calls.read(write.signal)
    if (live === null) return { kind: 'absent' }
    if (live.access === 'Deny' && !isMoving(live)) return { kind: 'present' }
    return await openRule({ ...rule, priority: live.priority }, write, 'Deny')
  } catch (error) {
    return verdictOfFault(error)
  }
}

/** Two reads must miss the rule: one answer may come from a copy that lags behind. */
const absence: Goal = {
  reached: { kind: 'absent' },
  judge: (live) => (live === null ? 'there' : isMoving(live) ? 'moving' : 'elsewhere'),
  reads: 2,
}

/** The etag that must still stand when the delete arrives, or why none is to be sent. */
export type LastLook = () => Promise<{ readonly etag: string | null } | { readonly written: Written }>

/**
 * Looks at somebody else's rule once more when the turn to delete it has come: it may have been changed during the
 * wait. Two readings must miss it, as one may lag behind.
 */
export const lookAgain =
  (read: () => Promise<Tagged | null>, objection: (live: LiveRule) => Written | null): LastLook =>
  async () => {
    const found = (await read()) ?? (await read())
    if (!found) return { written: { kind: 'absent', already: true } }
    const written = objection(found.live)
    return written ? { written } : { etag: found.etag }
  }

/** Removes the rule, unless the last look is against it. */
export async function closeRule(write: Write, lastLook?: LastLook): Promise<Written> {
  const unsent: Written[] = []
  const check = async (look: LastLook) => {
    const seen = await look().catch((error: unknown) => ({ written: verdictOfFault(error) }))
    if ('etag' in seen) return seen.etag
    unsent.push(seen.written)
    throw new Error('The delete is not sent')
  }
  const sent = await send(write.calls.remove(write.signal, lastLook && (() => check(lastLook))))
  if (unsent[0]) return unsent[0]
  if (sent.paced && sent.verdict) return sent.verdict
  const written = await new Watch(write, absence, sent).run()
  return written.kind === 'absent' && sent.busy ? (sent.verdict ?? written) : written
}
