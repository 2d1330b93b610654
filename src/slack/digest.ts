import type { Digest } from '../core/overview.ts'
import type { KeptAccess, StandingAccess } from '../core/standing.ts'
import { context, type Shown } from './blocks.ts'
import { accessLine, asOf, bareLine, goneLine, lateLine, more, unreadLine } from './exposure-lines.ts'
import { sections } from './vms.ts'
import { count, cut, time } from './words.ts'

/** So many of each kind are told; whoever wants all asks with `/jit vms open`. */
const most = 10

const listed = <T>(title: string, all: readonly T[], line: (one: T) => string): string[] =>
  all.length === 0
    ? []
    : [
        `*${title} (${all.length})*`,
        ...all.slice(0, most).map((one) => `• ${line(one)}`),
        ...more(all.length, Math.min(most, all.length), 'way in', 'ways in'),
      ]

function headline({ view, changes, since, doubtful }: Digest): string {
  const { total } = view
  if (total === 0) {
    const unknown =
      doubtful > 0
        ? `; of ${count(doubtful, 'VM')} that is not known, because not everything could be read`
        : ''
    return `*Nothing that could be read stands open to people outside*${unknown}.`
  }
  const news =
    since === null
      ? 'This is the first of these messages.'
      : `Since the last one, ${time(since)}: ${changes.fresh.length} new, ${changes.gone.length} gone.`
  return `*${count(total, 'way in to management ports stands', 'ways in to management ports stand')} open to people outside, without an end.* ${news}`
}

function changed({ changes, since, view }: Digest): string[] {
  const { fresh, gone, unsure } = changes
  const still = view.shown.filter((access) => !fresh.includes(access))
  const isNew = new Set(fresh.map(({ key }) => key))
  const old = since === null ? view.shown : still.filter(({ key }) => !isNew.has(key))
  const oldTotal = since === null ? view.total : view.total - fresh.length
  const cutOff = more(oldTotal, Math.min(most, old.length), 'way in', 'ways in')
  return [
    ...(since === null ? [] : listed<StandingAccess>('New', fresh, accessLine)),
    ...(since === null ? [] : listed<KeptAccess>('Gone', gone, goneLine)),
    ...(since === null ? [] : listed<KeptAccess>('Not known any more', unsure, goneLine)),
    ...(oldTotal === 0
      ? []
      : [
          `*${since === null ? 'Open' : 'Still open'} (${oldTotal})*`,
          ...old.slice(0, most).map((access) => `• ${accessLine(access)}`),
          ...cutOff,
        ]),
  ]
}

/** What stands open, once a week. */
export function digestMessage(digest: Digest, repeat: boolean): Shown {
  const { view, unread, doubtful } = digest
  const doubt =
    doubtful > 0 && view.total > 0
      ? [
          `Of ${count(doubtful, 'VM')} it is not known whether more stands open, because not everything could be read.`,
        ]
      : []
  const lines = [
    `${headline(digest)}${repeat ? ' (may repeat)' : ''}`,
    ...changed(digest),
    ...bareLine(view.bare),
    ...doubt,
    ...lateLine(digest.late),
    ...unreadLine(unread),
    '`/jit vms open` shows all of it, with what would have to change.',
  ]
  return {
    text: cut(lines.join('\n'), 3900),
    blocks: [...sections(lines).slice(0, 48), context([asOf(digest)])],
  }
}
