import { attackOf, type Context, type Defender, type DefenderAlert, type OwnFacts } from '../core/context.ts'
import { day } from '../core/duration.ts'
import type { CloseReason } from '../core/grant.ts'
import type { Request } from '../core/request.ts'
import { list } from './facts.ts'
import { count, person, time, user, words } from './words.ts'

type Read = Extract<Defender, { kind: 'read' }>

/** A line of the card; what an approver must not miss comes first. */
interface Line {
  readonly weight: number
  readonly text: string
}

const attacks = {
  guessed: 'a password was guessed, and somebody got in',
  'guessing RDP': 'somebody is guessing passwords for RDP',
  'guessing SSH': 'somebody is guessing passwords for SSH',
} as const

const graded = ({ severity }: DefenderAlert): string =>
  severity === '' ? '' : ` (${words(severity.toLowerCase(), 20)})`

function alertText(alert: DefenderAlert): string {
  const attack = attackOf(alert)
  return `${attack === null ? words(alert.title, 120) : attacks[attack]}${graded(alert)}`
}

function assessed({ managementPorts, justInTime, networkPorts }: Read): string {
  const wrong = [
    ...(managementPorts === 'unhealthy' ? ['its management ports stand open'] : []),
    ...(justInTime === 'unhealthy' ? ['just-in-time access does not protect it'] : []),
    ...(networkPorts === 'unhealthy' ? ['its security groups restrict too little'] : []),
  ]
  return wrong.length > 0 ? ` Defender finds that ${list(wrong)}.` : ''
}

/** No alert is said only where one would have been seen. */
function quiet(view: Read): Line {
  const at = time(view.readAt)
  if (view.more)
    return {
      weight: 2,
      text: `Alerts are not known: Defender for Cloud showed me only a part of its alerts, as of ${at}.`,
    }
  if (view.watches === 'yes') return { weight: 4, text: `No active Defender alert on this VM, as of ${at}.` }
  if (view.watches === 'no')
    return {
      weight: 3,
      text: `Alerts are not known: Defender for Servers was off in this subscription, as of ${at}.`,
    }
  if (view.watches === 'not allowed')
    return {
      weight: 2,
      text: `Alerts are not known: I may not read Defender’s alerts in this subscription, as of ${at}.`,
    }
  return {
    weight: 2,
    text: `Alerts are not known: Azure did not show me Defender’s plan for this subscription, as of ${at}. I may lack a right, or Defender was never set up there.`,
  }
}

function defenderLine(defender: Context['defender']): Line[] {
  if (defender === null) return []
  if (defender === undefined)
    return [{ weight: 2, text: 'Alerts are not known yet: Defender for Cloud has not answered.' }]
  if (defender.kind === 'unread')
    return [
      {
        weight: 1,
        text: `*Alerts are not known:* Defender for Cloud could not be read ${time(defender.at)}.`,
      },
    ]
  const [worst] = defender.alerts
  if (!worst) {
    const line = quiet(defender)
    const found = assessed(defender)
    return [{ weight: found === '' ? line.weight : Math.min(2, line.weight), text: `${line.text}${found}` }]
  }
  const many = `${defender.more ? 'At least ' : ''}${count(defender.alerts.length, 'active Defender alert')}`
  const rest = defender.alerts.length > 1 ? 'The worst: ' : ''
  return [
    {
      weight: 0,
      text: `*${many} on this VM*, as of ${time(defender.readAt)}. ${sentence(`${rest}${alertText(worst)}`)}${assessed(defender)}`,
    },
  ]
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

function othersLine({ at, others, otherCount }: OwnFacts): Line {
  if (otherCount === 0)
    return { weight: 5, text: `Nobody else had access to this VM by Jitney, as of ${time(at)}.` }
  const shown = others.map(
    ({ userId, label, expiresAt }) => `${user(userId)} (${words(label, 40)}, until ${time(expiresAt)})`,
  )
  const more = otherCount - others.length
  const all = list(more > 0 ? [...shown, `${more} more`] : shown)
  return { weight: 3, text: `Others with access to this VM, as of ${time(at)}: ${all}.` }
}

const endings: readonly (readonly [CloseReason, string])[] = [
  ['panic', 'stopped by an operator'],
  ['no longer allowed', 'ended because it was no longer allowed'],
  ['changed outside', 'ended because its rule was changed by somebody else'],
  ['closed early', 'closed early'],
  ['expired', 'ended at its time'],
  ['vm deleted', 'ended with the VM'],
]

function recentText({ since, opened, ended, denied, unjustified }: OwnFacts['recent'], at: number): string {
  const span = `in the last ${count(Math.round((at - since) / day), 'day')}`
  const no = denied > 0 ? `, and ${count(denied, 'request')} denied` : ''
  const glass =
    unjustified > 0 ? ` *${count(unjustified, 'break-glass', 'break-glasses')} found not justified.*` : ''
  if (opened === 0) return `no access ${span}${no}.${glass}`
  const ways = endings.flatMap(([reason, text]) => {
    const times = ended[reason] ?? 0
    return times > 0 ? [`${times} ${text}`] : []
  })
  const how = ways.length > 0 ? `: ${list(ways)}` : ''
  return `access ${count(opened, 'time')} ${span}${how}${no}.${glass}`
}

function requesterLine(request: Request, { recent, address, at }: OwnFacts): Line {
  const known =
    address.mine === null
      ? '*Never came from this address before.*'
      : `Came from this address before, last ${time(address.mine)}.`
  return {
    weight: recent.unjustified > 0 ? 1 : address.mine === null ? 3 : 6,
    text: `${person(request.requester)}: ${recentText(recent, at)} ${known}`,
  }
}

function addressLine({ address }: OwnFacts): Line[] {
  if (address.others.length === 0) return []
  const who = list(address.others.map(({ userId, at }) => `${user(userId)} (${time(at)})`))
  const worse = address.mine === null
  return [
    {
      weight: worse ? 1 : 4,
      text: worse
        ? `*Somebody else had access from this address before:* ${who}.`
        : `Others had access from this address too: ${who}.`,
    },
  ]
}

/** At most four short lines that an approver reads before they decide: the worst first. */
export function contextLines(request: Request): string[] {
  const { context } = request
  if (!context) return []
  const { own, defender } = context
  const lines = [
    ...defenderLine(defender),
    ...(own ? [...addressLine(own), othersLine(own), requesterLine(request, own)] : []),
  ]
  return lines.toSorted((a, b) => a.weight - b.weight).map(({ text }) => text)
}

const mostAlerts = 5

/** All that was read, for whoever asks why. */
export function contextDetails(request: Request): string[] {
  const defender = request.context?.defender
  if (!defender) return []
  if (defender.kind === 'unread') return [`Defender for Cloud could not be read: ${words(defender.why, 200)}`]
  const alerts = defender.alerts.slice(0, mostAlerts).map((alert) => {
    const since = alert.startedAt === null ? '' : `, since ${time(alert.startedAt)}`
    return `• ${words(alert.title, 120)}${graded(alert)}${since}`
  })
  const more = defender.alerts.length - alerts.length
  return [...alerts, ...(more > 0 ? [`• and ${count(more, 'alert')} more`] : [])]
}
