import type { LiveRule, Written } from '../ports.ts'
import { isMoving, verdictOfFault } from './rule-write.ts'

interface SentBefore {
  readonly name: string
  readonly read: () => Promise<LiveRule | null>
  /** What it comes to when the rule is, or is not, as it was to become. */
  readonly reached: (live: LiveRule | null) => Written | null
  readonly isAsBefore: (live: LiveRule) => boolean
}

const again = (why: string, afterMs: number | null = null): Written => ({
  kind: 'try again',
  why,
  afterMs,
  taken: true,
})

/**
 * What became of a write that Azure had taken and nobody had seen the end of. It is never sent a second time: whoever
 * has put the rule back since meant it.
 */
export async function followSent({ name, read, reached, isAsBefore }: SentBefore): Promise<Written> {
  try {
    // One answer may come from a copy that lags behind.
    const live = (await read()) ?? (await read())
    if (live && isMoving(live)) return again('Azure is not done with it.')
    const written = reached(live)
    if (written) return written
    const why =
      live === null
        ? `Azure had taken the change, and the rule ${name} does not stand there any more.`
        : isAsBefore(live)
          ? `Azure had taken the change, and the rule ${name} stands there as it was before. Somebody may have put it back, so it is not done again.`
          : `Azure had taken the change, and the rule ${name} is neither as it was nor as it was to be, so it is left alone.`
    return { kind: 'refused', code: 'not as agreed', why }
  } catch (error) {
    const verdict = verdictOfFault(error)
    const [why, afterMs] = [
      'why' in verdict ? verdict.why : verdict.kind,
      'afterMs' in verdict ? verdict.afterMs : null,
    ]
    return again(`Azure took the write, and what became of it could not be read: ${why}`, afterMs)
  }
}
