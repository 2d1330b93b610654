import type { Case } from '../core/case.ts'
import type { Flush } from '../core/flush.ts'
import { scope } from './facts.ts'
import { time, words } from './words.ts'

const groupName = (nsgId: string) => words(nsgId.split('/').at(-1) ?? nsgId, 80)

/** Said instead of “sessions stay open”; null where they do. */
export function cutSentence(flushes: readonly Flush[]): string | null {
  if (flushes.some(({ answer }) => answer === null))
    return 'Sessions that are already open go on for now; Azure is being asked to cut them.'
  return flushes.every(({ answer }) => answer?.kind === 'flushed')
    ? 'Open sessions that no rule allows any more were cut, as Azure confirmed.'
    : null
}

const plainly: Readonly<Record<string, string>> = {
  FlushingNetworkSecurityGroupConnectionIsNotEnabled: 'Azure does not offer that in this region yet',
  AuthorizationFailed: 'my Azure identity may not write the whole group',
}

/** Azure’s own words, inside a sentence of ours. */
const said = (why: string) => words(why.replace(/[.\s]+$/, ''), 200)

function outcome({ answer, at }: Flush): string {
  if (answer === null) return 'Azure has not answered'
  switch (answer.kind) {
    case 'flushed':
      return `Azure confirmed ${time(at ?? 0)} that it judges its open connections anew; what no rule allows any more is cut`
    case 'on already':
      return 'Azure shows that it judges open connections anew by itself whenever a rule goes; whether it cut any is not confirmed'
    case 'refused':
      return plainly[answer.code] ?? `Azure refused it: ${said(answer.why)}`
    case 'not done':
      return `it could not be done: ${said(answer.why)}`
    case 'doubtful':
      return 'the group was written, and looks different from what was expected; the operators are told'
    default:
      return answer satisfies never
  }
}

/** What became of open sessions, group by group where they differ from “cut”. */
export function flushedLines({ request }: Case, flushes: readonly Flush[]): string[] {
  const cut = flushes.every(({ answer }) => answer?.kind === 'flushed')
  const groups = flushes.map((flush) => `• ${groupName(flush.nsgId)}: ${outcome(flush)}.`)
  return cut
    ? [`*Open sessions were cut:* ${scope(request)}.`, ...groups]
    : [
        `*Not confirmed that open sessions were cut:* ${scope(request)}. Sessions that are already open may stay open until they disconnect: sign out.`,
        ...groups,
      ]
}
