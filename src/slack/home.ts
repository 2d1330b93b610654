import type { KnownBlock, HomeView as SlackHome } from '@slack/types'
import type { Case } from '../core/case.ts'
import type { HomeView, ShownGroup, StandingView } from '../core/overview.ts'
import { context, header, section } from './blocks.ts'
import {
  accessLine,
  asOf,
  bareLine,
  convertButton,
  lateLine,
  more,
  unreadLine,
  vmLine,
} from './exposure-lines.ts'
import { phaseOf, title } from './phase.ts'
import { headline, isTold, sections } from './vms.ts'
import { cut, time, words } from './words.ts'

/** What somebody has to know of what is theirs, in a line; the message that they have tells the rest. */
function ownLine(kase: Case, now: number): string {
  const phase = phaseOf(kase, now)
  const until = 'grant' in phase && phase.grant ? `, until ${time(phase.grant.expiresAt)}` : ''
  const by = phase.name === 'pending' ? `, to be decided by ${time(phase.request.deadlineAt)}` : ''
  return `• *${words(title(phase), 200)}*${phase.name === 'over' || phase.name === 'closing' ? '' : until}${by}. Request ${words(kase.request.id, 40)}.`
}

const ownBlocks = ({ own, at }: HomeView): KnownBlock[] => [
  header('Your access and requests'),
  ...sections(
    own.length === 0
      ? ['Nothing of yours is open or waits. Ask with `/jit rdp vm-jump01 30m`.']
      : [...own.map((kase) => ownLine(kase, at)), 'Your messages from this app have the buttons.'],
  ),
]

const groupBlocks = (group: ShownGroup): KnownBlock[] =>
  sections([
    headline(group),
    ...group.vms.map((vm) => `• ${vmLine(vm)}`),
    ...more(group.total, group.vms.length, 'VM').map((text) => `${text}: \`/jit vms ${filterOf(group)}\``),
  ])

const filterOf = ({ group }: ShownGroup): string => (group === 'not known' ? 'unknown' : group)

function standingBlocks({ total, shown, bare }: StandingView): KnownBlock[] {
  if (total === 0 && bare.length === 0)
    return [section('No rule that could be read lets anybody outside in to a management port for good.')]
  return [
    ...shown.map((access) => ({
      ...section(cut(`• ${accessLine(access)}`, 2800)),
      accessory: convertButton(access.judged.vm),
    })),
    ...sections([
      ...more(total, shown.length, 'way in', 'ways in').map((text) => `${text}: \`/jit vms open\``),
      ...bareLine(bare),
    ]),
  ]
}

/** What one person sees in the app's Home. */
export function homeView(view: HomeView): SlackHome {
  const { vms, standing } = view
  return {
    type: 'home',
    blocks: [
      ...ownBlocks(view),
      header('Standing access'),
      ...standingBlocks(standing),
      header('VMs'),
      ...sections([...lateLine(vms.late), ...unreadLine(vms.unread)]),
      ...vms.groups.filter(isTold).flatMap(groupBlocks),
      context([asOf(vms), `Shown ${time(view.at)}; open this page again to see it as it is then.`]),
    ],
  }
}

/** Somebody who is not a member sees nothing of anybody's VMs. */
export const closedHome = (why: string): SlackHome => ({
  type: 'home',
  blocks: [section(`You cannot see how VMs are guarded: ${words(why, 300)}.`)],
})
