import { durationText } from '../core/duration.ts'
import type { Panic } from '../core/panic.ts'
import { type TreeLine, treeLines } from '../core/tree-text.ts'
import type { Explained } from '../ports.ts'
import { contextDetails } from './context-lines.ts'
import { stopText } from './panic-news.ts'
import { count, time, words } from './words.ts'

const indent = '\u2003'
/** Slack cuts a private answer after some 4,000 characters; the sentence above the lines needs room too. */
const room = 3200

const shown = ({ depth, text }: TreeLine): string => `${indent.repeat(depth)}${words(text, 300)}`

const lengthOf = (line: TreeLine): number => shown(line).length + 1

/** As many lines as fit, with those that decided among them; where others were, it says how many. */
function fitting(lines: readonly TreeLine[], most: number): string[] {
  let left = most - lines.filter(({ decides }) => decides).reduce((sum, line) => sum + lengthOf(line), 0)
  const kept = lines.map((line) => {
    if (line.decides) return true
    left -= lengthOf(line)
    return left >= 0
  })
  const out: string[] = []
  let missing = 0
  for (const [index, line] of lines.entries()) {
    if (!kept[index]) missing += 1
    if (kept[index] && missing > 0) {
      out.push(`${indent}… ${count(missing, 'line')} left out …`)
      missing = 0
    }
    if (kept[index]) out.push(shown(line))
  }
  return missing > 0 ? [...out, `${indent}… ${count(missing, 'line')} left out …`] : out
}

/** What the policy was asked about: an approver may have left less of it since. */
function askedText(
  { vm, label, durationMs, source, startsAt, extends: before }: Explained['asked'],
  request: Explained['request'],
) {
  const whole = { label, durationMs, extraMs: before?.extraMs, source: source.address, ...request?.askedFor }
  const later = startsAt == null ? '' : `, beginning ${time(startsAt)}`
  const longer = whole.extraMs === undefined ? '' : `, ${durationText(whole.extraMs)} longer than before,`
  return `${words(whole.label, 100)} to ${words(vm.name, 80)} for ${durationText(whole.durationMs)}${longer} from ${words(whole.source, 60)}${later}`
}

const stoppedFirst = (stop: Panic): string =>
  `${stopText(stop)} Nothing there is opened until an operator lifts that. Apart from that, the policy says:`

/** What would defeat it in Azure, or what an approver would be warned of. */
function azureLines({ azure }: Explained): string[] {
  if (!azure) return []
  const first = azure.refuses ? 'Azure stands in its way, so it would be refused:' : 'In Azure:'
  return [first, ...azure.says.slice(0, 5).map((says) => `${indent}${words(says, 400)}.`)]
}

/** Why the policy answers a request as it does. */
export function whyText(explained: Explained): string {
  const { asked, verdict, request, stop } = explained
  const what = askedText(asked, request)
  const when =
    request === null
      ? 'So the policy answers at this moment. Nobody was asked, and nothing was stored or opened.'
      : `So the policy answered when request ${words(request.id, 80)} was made, ${time(request.requestedAt)}.`
  const stopped = stop ? [stoppedFirst(stop)] : []
  const azure = azureLines(explained)
  const known = request ? contextDetails(request) : []
  const told = known.length > 0 ? ['*What Defender for Cloud said of the VM:*', ...known] : []
  const most = room - [...stopped, ...azure, ...told].join('\n').length
  return [
    ...stopped,
    `*Why: ${what}.* ${when}`,
    ...fitting(treeLines(verdict), most),
    ...azure,
    ...told,
  ].join('\n')
}
