import type { Alarm } from '../core/alarm.ts'
import { removeCommand } from '../core/by-hand.ts'
import type { Case } from '../core/case.ts'
import { unnamed } from '../core/defender.ts'
import { durationText } from '../core/duration.ts'
import type { Pages } from '../core/policy.ts'
import type { Trouble } from '../ports.ts'
import { type Shown, section } from './blocks.ts'
import { protectionAlarm, removalButtons } from './protection-alarm.ts'
import { count, cut, group, person, time, user, words } from './words.ts'

const called = (pages: Pages): string => {
  const names = [...pages.users.map(user), ...pages.groups.map(group)]
  return names.length > 0 ? `${names.join(' ')} ` : ''
}

const groupName = (nsgId: string) => words(nsgId.split('/').at(-1) ?? nsgId, 80)

/** The command that removes the rule by hand; none when a name could mean something else to a shell. */
function byHand({ nsgId, name }: Pick<Trouble, 'nsgId' | 'name'>): string {
  const command = removeCommand(nsgId, name)
  return command === null
    ? `Remove the rule ${words(`${nsgId}/securityRules/${name}`, 400)} by hand.`
    : `\`${command}\``
}

const metText = (met: string | null) => (met === null ? '' : ` The last try met: ${words(met, 300)}`)

function troubleText(trouble: Trouble): string {
  if (trouble.name === unnamed)
    return `• In ${groupName(trouble.nsgId)} no rule of this request was seen so far.${metText(trouble.lastError)}`
  const tries = trouble.attempts === 0 ? 'not tried yet' : `after ${count(trouble.attempts, 'try', 'tries')}`
  return `• In ${groupName(trouble.nsgId)}, ${tries}.${metText(trouble.lastError)}\n${byHand(trouble)}`
}

/** A section for each part: a long one must never cut a command in two. */
const message = (parts: readonly string[]): Shown => ({
  text: cut(parts.join('\n'), 3900),
  blocks: parts.map(section),
})

const mostTroubles = 8

/** Whether somebody gets in all the same: by no rule that was read to deny, and otherwise nobody can tell. */
function danger(address: string, troubles: readonly Trouble[]): string {
  if (troubles.length > 0 && troubles.every(({ name }) => name === unnamed))
    return `Defender for Cloud may still let ${words(address, 60)} in.`
  const denying = troubles.flatMap(({ deniesAt }) => deniesAt ?? [])
  return troubles.length === 0 || denying.length < troubles.length
    ? `${words(address, 60)} may still get in.`
    : `Each rule that is left was turned into one that denies, as Azure showed ${time(Math.min(...denying))}; only the removal is left.`
}

/** A grant that does not close, as it stands now, and how to close it by hand. */
export function stuckPage(pages: Pages, kase: Case, troubles: readonly Trouble[], now: number): Shown {
  const { request, grant } = kase
  const expiresAt = grant?.expiresAt ?? now
  const since = grant?.state === 'closing' ? grant.closingSince : now
  const late = now - expiresAt
  const when =
    late > 0
      ? `It should have closed ${time(expiresAt)}, ${durationText(late)} ago.`
      : `It has been closing since ${time(since)}, before its end.`
  const more = troubles.length - mostTroubles
  return message([
    `${called(pages)}*Not closed:* ${words(request.label, 100)} to ${words(request.vm.name, 80)} for ${person(request.requester)}. ${when} ${danger(request.source.address, troubles)}`,
    ...troubles.slice(0, mostTroubles).map(troubleText),
    ...(more > 0 ? [`${count(more, 'rule')} more of this request cannot be removed so far.`] : []),
    `I keep trying, and say so again until it is closed. Request ${words(request.id, 40)}.`,
  ])
}

function alarmText(alarm: Alarm): string {
  switch (alarm.type) {
    case 'not ours':
      return `*A rule that looks like one of ours and is not:* ${words(alarm.name, 80)} in ${groupName(alarm.nsgId)} had no description of ours when I looked, so I leave it alone. Find out who wrote it.`
    case 'unknown rule':
      return `*A rule of ours that is on no record:* ${words(alarm.name, 80)} in ${groupName(alarm.nsgId)}. I remove such a rule, and the audit trail says when it is gone. Find out who wrote it.`
    case 'stuck rule':
      return `*Not removed:* ${words(alarm.name, 80)} in ${groupName(alarm.nsgId)}, which no access needs, has not been removed for more than a minute.${alarm.why === null ? ' That was not tried yet, because its turn has not come.' : metText(alarm.why)}\n${byHand(alarm)}`
    case 'defender late':
      return `*Defender for Cloud is late:* it had not removed its rule ${words(alarm.name, 80)} in ${groupName(alarm.nsgId)}, for ${words(alarm.vm, 80)}, a minute after the end, ${time(alarm.expiresAt)}. I remove it instead; the thread of request ${words(alarm.requestId, 40)} says when it is gone. Find out why Defender is late.`
    case 'defender doubtful':
      return `*Whose rule is it?* Defender for Cloud wrote ${words(alarm.name, 80)} in ${groupName(alarm.nsgId)}, which lets ${words(alarm.source, 60)} in to ${words(alarm.vm, 80)}. It may be of request ${words(alarm.requestId, 40)} or of somebody else’s, and Defender’s record does not tell. I leave it alone, also after the end. Ask who else wants it; if nobody does, remove it:\n${byHand(alarm)}`
    case 'group changed':
      return `*Look at the security group ${groupName(alarm.nsgId)}:* it was written to cut open sessions, with everything that stood there, and looks different now: ${alarm.changes
        .slice(0, 8)
        .map((change) => words(change, 120))
        .join(
          '; ',
        )}. Somebody else may have changed it at the same moment. Compare it with what should stand there.`
    case 'protection lost':
    case 'protection stuck':
    case 'removal':
    case 'policy changed':
      return protectionAlarm(alarm)
    case 'bad policy': {
      const more = alarm.more > 0 ? `\n• and ${count(alarm.more, 'problem')} more` : ''
      const lines = alarm.problems.map((problem) => `• ${words(problem, 400)}`).join('\n')
      return `*The changed policy file is refused, because it has mistakes.* The policy that was in force stays in force. Mend the file; it is read again as soon as it changes.\n${lines}${more}`
    }
    case 'clocks':
      return `*The clocks disagree:* ${words(alarm.detail, 300)} by this replica. Put the clocks right.`
    case 'tenant':
      return `*A tenant cannot be read:* ${words(alarm.tenantId, 60)}. ${words(alarm.why, 400)}\nUntil it can be read, its VMs may not be found, and what is open there may stay open past its end. The other tenants are looked after as before. I keep trying; \`doctor\` says what is missing.`
    default:
      return alarm satisfies never
  }
}

export function alarmMessage(pages: Pages, alarm: Alarm, repeat: boolean): Shown {
  const shown = message([`${called(pages)}${alarmText(alarm)}${repeat ? ' (may repeat)' : ''}`])
  return alarm.type === 'removal' ? { ...shown, blocks: [...shown.blocks, removalButtons(alarm)] } : shown
}
