import type { Alarm } from '../core/alarm.ts'
import { lapsesAt } from '../core/conversion.ts'
import { agreeId, keepId } from './actions/removal.ts'
import { actions, button } from './blocks.ts'
import { quote } from './conversion.ts'
import { person, time, words } from './words.ts'

type ProtectionAlarm = Extract<
  Alarm,
  { type: 'protection lost' | 'protection stuck' | 'policy changed' | 'removal' }
>

const last = (id: string) => words(id.split('/').at(-1) ?? id, 80)

function removalText({ vm, removal }: Extract<Alarm, { type: 'removal' }>): string {
  const { rule, nsgId, by } = removal
  return [
    `*${person(by)} wants a rule removed that is not Jitney’s:* ${words(rule.name, 80)} (priority ${rule.priority}) in ${last(nsgId)}, by which somebody gets in to ${words(vm, 80)} although it is protected.`,
    `It lets in ${quote(rule.sources)}${rule.sourcePorts ? ` from the ports ${quote(rule.sourcePorts)}` : ''} to ${quote(rule.destinations)} on ${quote(rule.ports)} (protocol ${words(rule.protocol, 10)})${rule.description === '' ? '' : `; its description is “${words(rule.description, 150)}”`}.`,
    `Another operator decides; if none has by ${time(lapsesAt(removal))}, this lapses. It is removed only while it is exactly like this, it matters to every VM that it is about, and nothing puts it back.`,
  ].join('\n')
}

/** What another operator may click. */
export const removalButtons = ({ protectionId, removal }: Extract<Alarm, { type: 'removal' }>) =>
  actions([
    button(agreeId, 'Remove it', `${protectionId} ${removal.id}`, { style: 'danger' }),
    button(keepId, 'Keep it', `${protectionId} ${removal.id}`),
  ])

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
    case 'removal':
      return removalText(alarm)
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
