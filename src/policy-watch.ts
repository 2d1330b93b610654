import { unwatchFile, watchFile } from 'node:fs'
import type { Log } from './engine/log.ts'
import type { PolicySource } from './policy-source.ts'

const policyLookEveryMs = 2_000

/** Reads the policy again when its file changes and on SIGHUP; a bad file is said and refused. */
export function watchPolicy(
  file: string,
  policy: PolicySource,
  log: Log,
): { readonly reload: () => Promise<string | null>; readonly stop: () => void } {
  const reload = async () => {
    const wrong = await policy.reload()
    if (wrong === null) log.info({ policy: policy.current().hash }, 'the policy was read again')
    else log.error({ wrong }, 'the new policy is refused and the old one stays in force')
    return wrong
  }
  const onSignal = () => void reload()
  watchFile(file, { interval: policyLookEveryMs, persistent: false }, onSignal)
  process.on('SIGHUP', onSignal)
  return {
    reload,
    stop: () => {
      unwatchFile(file, onSignal)
      process.off('SIGHUP', onSignal)
    },
  }
}
