import { unwatchFile, watchFile } from 'node:fs'
import type { Log } from './engine/log.ts'
import { recordPolicy, refusePolicy } from './engine/policy-versions.ts'
import { type LoadedPolicy, loadPolicy, type PolicySource, problemText } from './policy-source.ts'
import type { Clock, Store } from './ports.ts'

const policyLookEveryMs = 2_000
/** Whoever writes a file may rest in the middle of it. */
const settleMs = 2_000
/** Who asks for it to be read gets an answer soon, also when the text was bad for a moment. */
const againMs = 200

export interface PolicyWatch {
  /** Reads the file again; answers what is wrong, or null when what it says is in force. */
  readonly reload: () => Promise<string | null>
  /** The same once the file has stood still for two seconds: whoever changes it may not have finished. */
  readonly changed: () => Promise<string | null>
  /** Reads it once more if the database could not take what the last reading brought. */
  readonly catchUp: () => Promise<void>
  readonly stop: () => void
}

export interface WatchParts {
  readonly file: string
  readonly policy: PolicySource
  readonly store: Store
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  readonly log: Log
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** Puts the policy that the bot starts with on record. */
export const recordInForce = ({ policy, store, clock }: Omit<WatchParts, 'file' | 'log'>): Promise<void> =>
  recordPolicy(store, policy.current(), policy.text(), clock.now())

/**
 * Editors empty a file before they write it, so a bad text never counts at once; and the first half of a policy may
 * be a good policy, without the refusals that stand below. So a text counts once it has stood still for a while,
 * unless somebody says that it is to be read now.
 */
async function loadSettled({ file, clock }: WatchParts, now: AbortSignal): Promise<LoadedPolicy> {
  let before = await loadPolicy(file)
  for (;;) {
    const asked = now.aborted
    if (before.ok && asked) return before
    await (asked ? clock.sleep(againMs) : clock.sleep(settleMs, now))
    const next = await loadPolicy(file)
    if (next.hash === before.hash && now.aborted === asked) return next
    before = next
  }
}

/** A bad file is refused: the policy that is in force stays, and the operators are told where it is wrong. */
async function readAgain(parts: WatchParts, now: AbortSignal): Promise<string | null> {
  const { file, policy, store, clock, log } = parts
  const next = await loadSettled(parts, now)
  if (!next.ok) {
    const problems = next.problems.map((problem) => problemText(file, problem))
    log.error({ wrong: problems }, 'the new policy is refused and the old one stays in force')
    await refusePolicy(store, next.hash, problems, clock.now())
    return problems.join('\n')
  }
  // On record first: no decision may carry the hash of a text that nobody can look up.
  await recordPolicy(store, next.policy, next.text, clock.now())
  policy.use(next.policy, next.text)
  log.info({ policy: next.hash }, 'the policy was read again')
  return null
}

/** Reads the policy again when its file changes and on SIGHUP. */
export function watchPolicy(parts: WatchParts): PolicyWatch {
  let behind = false
  let turn: Promise<unknown> = Promise.resolve()
  let asked = new AbortController()
  const once = async (now: AbortSignal) => {
    try {
      const wrong = await readAgain(parts, now)
      behind = false
      return wrong
    } catch (error) {
      behind = true
      const why = `the database did not take it, so the old policy stays for now: ${messageOf(error)}`
      parts.log.error({ error: messageOf(error) }, 'the policy could not be put on record; trying again')
      return why
    }
  }
  // One after the other, so that what was read last is in force last.
  const inTurn = (now: AbortSignal) => {
    const mine = turn.then(() => once(now))
    turn = mine
    return mine
  }
  const reload = () => {
    // Whoever is still waiting for the file to stand still waits no longer.
    asked.abort()
    const mine = inTurn(asked.signal)
    asked = new AbortController()
    return mine
  }
  const changed = () => inTurn(asked.signal)
  const onSignal = () => void reload()
  const onChange = () => void changed()
  watchFile(parts.file, { interval: policyLookEveryMs, persistent: false }, onChange)
  process.on('SIGHUP', onSignal)
  return {
    reload,
    changed,
    catchUp: async () => {
      if (behind) await changed()
    },
    stop: () => {
      unwatchFile(parts.file, onChange)
      process.off('SIGHUP', onSignal)
    },
  }
}
