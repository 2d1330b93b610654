import type { KnownBlock } from '@slack/types'
import type { Group } from '../core/compliance.ts'
import type { ShownGroup, VmsView } from '../core/overview.ts'
import { context, type Shown, section } from './blocks.ts'
import { asOf, convertButton, lateLine, more, unreadLine, vmLine } from './exposure-lines.ts'
import { cut, words } from './words.ts'

const names: Readonly<Record<Group, string>> = {
  configured: 'Configured',
  recommended: 'Recommended',
  unsupported: 'Unsupported',
  'not known': 'Not known',
}

export function headline({ group, total }: ShownGroup): string {
  if (total === 0) return `*${names[group]}: none*`
  const meaning = group === 'recommended' ? ': something stands open that should be asked for' : ''
  return `*${names[group]}${meaning} (${total})*`
}

/** The three groups are told even when they are empty; what is not known only when there is some. */
export const isTold = ({ group, total }: ShownGroup): boolean => group !== 'not known' || total > 0

const bullet = (line: string) => `• ${line}`
const longest = 2800

/** Lines in as few sections as they fit in, none of them cut. */
export function sections(lines: readonly string[]): KnownBlock[] {
  const texts: string[] = []
  for (const line of lines.map((one) => cut(one, longest))) {
    const before = texts.at(-1)
    if (before !== undefined && before.length + line.length < longest)
      texts[texts.length - 1] = `${before}\n${line}`
    else texts.push(line)
  }
  return texts.map(section)
}

function groupBlocks(group: ShownGroup): KnownBlock[] {
  const rest = more(group.total, group.vms.length, 'VM').map((text) => `${text}; add a part of a name.`)
  const lines = group.vms.map((vm) => bullet(vmLine(vm)))
  const open = group.vms.filter(({ exposures }) => exposures.length > 0)
  if (open.length === 0) return sections([headline(group), ...lines, ...rest])
  // What stands open has its button beside it.
  const blocks: KnownBlock[] = [section(headline(group))]
  for (const vm of group.vms) {
    const line = cut(bullet(vmLine(vm)), longest)
    blocks.push(
      vm.exposures.length > 0 ? { ...section(line), accessory: convertButton(vm.vm) } : section(line),
    )
  }
  return [...blocks, ...sections(rest)]
}

/** The same without buttons, for whoever has it read aloud. */
const groupLines = (group: ShownGroup): string[] => [
  headline(group),
  ...group.vms.map((vm) => bullet(vmLine(vm))),
  ...more(group.total, group.vms.length, 'VM'),
]

/** Slack takes 50 blocks. */
const mostBlocks = 48

/** What `/jit vms` answers. */
export function vmsAnswer(view: VmsView): Shown {
  const { filter, groups } = view
  const told = groups.filter(isTold)
  const none = groups.every(({ total }) => total === 0)
  const first =
    filter === ''
      ? ['*VMs and how they are guarded*']
      : [`*VMs that fit “${words(filter, 100)}”*${none ? ': there is none that I can see.' : ''}`]
  const help =
    'Narrow it down with a part of a name, a resource group or a subscription, or with `open`, `configured`, `recommended`, `unsupported` or `unknown`: `/jit vms open rg-shop`.'
  const blocks = [
    ...sections([...first, ...lateLine(view.late), ...unreadLine(view.unread)]),
    ...(none && filter !== '' ? [] : told.flatMap(groupBlocks)),
  ]
  return {
    text: cut(
      [
        ...first,
        ...lateLine(view.late),
        ...unreadLine(view.unread),
        ...told.flatMap(groupLines),
        asOf(view),
      ].join('\n'),
      3900,
    ),
    blocks: [...blocks.slice(0, mostBlocks), context([asOf(view), help])],
  }
}
