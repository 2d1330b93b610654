import type { Alarm } from '../core/alarm.ts'
import { words } from './words.ts'

type ProtectionAlarm = Extract<Alarm, { type: 'protection lost' | 'protection stuck' | 'policy changed' }>

const last = (id: string) => words(id.split('/').at(-1) ?? id, 80)

export function protectionAlarm(alarm: ProtectionAlarm): string {
  switch (alarm.type) {
    case 'protection lost': {
      const what =
        alarm.changes === null
          ? `${words(alarm.name, 80)} in ${last(alarm.place)} is gone`
          : `${words(alarm.name, 80)} in ${last(alarm.place)} is not as it was written: ${words(alarm.changes, 400)}`
      return `*The protection of ${words(alarm.vm, 80)} does not hold:* ${what}. I do not write it again by myself. Find out who changed it; \`/jit unprotect\` and then \`/jit protect\` put it back.`
    }
    case 'protection stuck':
      return `*Not removed:* ${words(alarm.name, 80)} in ${last(alarm.place)}, which protected ${words(alarm.vm, 80)}, has not been removed for more than a minute. The last try met: ${words(alarm.why, 300)}. I keep trying.`
    case 'policy changed':
      return `*Look at the policy ${last(alarm.policyId)} of Defender for Cloud:* it was written for one VM, with everything else that stood there, and looks different now: ${alarm.changes
        .slice(0, 8)
        .map((change) => words(change, 120))
        .join(
          '; ',
        )}. Somebody else may have changed it at the same moment. Compare it with what should stand there.`
    default:
      return alarm satisfies never
  }
}
