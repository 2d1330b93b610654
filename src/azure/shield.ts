import { isShield, isShieldName } from '../core/protection.ts'
import type { Shield, Written } from '../ports.ts'
import type { Arm } from './arm.ts'
import { changeOther } from './change-other.ts'
import { readTagged, ruleCalls } from './rule-calls.ts'
import { closeRule, lookAgain, openRule, verdictOfFault, type Write } from './rule-write.ts'
import { sameRule } from './security-rule.ts'
import { followSent } from './sent-before.ts'

export interface ShieldSettings {
  readonly arm: Arm
  /** The most that one write waits between reads, all waits together. */
  readonly patienceMs?: number
}

const defaultPatienceMs = 60_000

const notOurs = (name: string): Written => ({
  kind: 'refused',
  code: 'not ours',
  why: `A rule named ${name} stands there without a description of ours, so it is left alone.`,
})

const notAsProposed = (name: string): Written => ({
  kind: 'refused',
  code: 'not as agreed',
  why: `The rule ${name} is not as it was when its removal was proposed, so it is left alone.`,
})

/** What stands there under the name may be somebody else's. */
async function unlessTheirs(each: Write, name: string, go: () => Promise<Written>): Promise<Written> {
  try {
    const live = await each.calls.read(each.signal)
    if (live && !isShield(live)) return notOurs(name)
  } catch (error) {
    return verdictOfFault(error)
  }
  return go()
}

/** Writes and removes rules that deny, by single rules and under names of their own. */
export function nsgShield({ arm, patienceMs = defaultPatienceMs }: ShieldSettings): Shield {
  const write = (nsgId: string, name: string, signal: AbortSignal): Write => {
    // Another name here is a mistake of the program, and the last chance to leave somebody's rule alone.
    if (!isShieldName(name)) throw new TypeError(`${name} is not the name of a rule that protects`)
    return { calls: ruleCalls(arm, nsgId, name), clock: arm.clock, signal, patienceMs }
  }
  return {
    async put(rule, signal) {
      const each = write(rule.nsgId, rule.name, signal)
      return unlessTheirs(each, rule.name, () => openRule(rule, each, 'Deny'))
    },
    async removeOther(nsgId, rule, signal, taken = false) {
      const { name } = rule
      const each: Write = {
        calls: ruleCalls(arm, nsgId, name),
        clock: arm.clock,
        signal,
        patienceMs,
        theirs: true,
      }
      if (taken)
        return followSent({
          name,
          read: () => each.calls.read(signal),
          reached: (live) => (live === null ? { kind: 'absent' } : null),
          isAsBefore: (live) => sameRule(live, rule),
        })
      const read = () => readTagged(arm, nsgId, name, signal)
      return closeRule(
        each,
        lookAgain(read, (live) => (sameRule(live, rule) ? null : notAsProposed(name))),
      )
    },
    changeOther: (change, signal, taken = false) => changeOther(arm, change, signal, { patienceMs, taken }),
    async remove({ name, nsgId }, signal) {
      const each = write(nsgId, name, signal)
      return unlessTheirs(each, name, () => closeRule(each))
    },
  }
}
