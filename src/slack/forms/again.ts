import type { ModalView } from '@slack/types'
import type { Case } from '../../core/case.ts'
import { durationText, findStart } from '../../core/duration.ts'
import { section } from '../blocks.ts'
import { rawScope } from '../facts.ts'
import { time } from '../words.ts'
import { form, line, longestReason, textField, textIn, type Values } from './parts.ts'

export const id = 'ask_again'
export const timeBlock = 'time'
const startBlock = 'start'
const reasonBlock = 'reason'

type Request = Case['request']

/** The end that somebody named is over or near, so a new one is theirs to say. */
const namedEnd = ({ until, startsAt, extends: before }: Request): boolean =>
  until !== null && startsAt == null && !before

function lengthOf(request: Request): string | null {
  if (namedEnd(request)) return null
  return durationText(request.extends?.extraMs ?? request.durationMs)
}

/** What is asked for, where that is something else than before. */
function kindText(request: Request): string {
  if (request.extends)
    return 'A new request of its own, not more time: its time is counted from its own approval.'
  if (request.emergency)
    return 'An ordinary request, not a break-glass: it waits for a yes wherever the policy wants one.'
  return request.startsAt == null
    ? 'A new request of its own: a length of time is counted from the approval.'
    : 'A new request of its own: its start has to be said anew.'
}

function earlierTimes(request: Request): string[] {
  if (request.startsAt != null) return [`The request before was to begin ${time(request.startsAt)}.`]
  return namedEnd(request) && request.until !== null
    ? [`The request before was to end ${time(request.until)}.`]
    : []
}

/** An address that was not typed then is not typed now either: the one that is remembered by now is used. */
function addressText({ source }: Request, remembered: string | null): string {
  if (source.learnt === 'typed') return ` from ${source.address}`
  if (source.name !== undefined) return ` from ${source.name}, as the policy has it now`
  return remembered === null
    ? '. The address that you gave before is not remembered any more, so you will be asked for it.'
    : ` from ${remembered}, which you gave before and which is still remembered`
}

const startField = ({ startsAt }: Request): ModalView['blocks'] =>
  startsAt == null
    ? []
    : [
        textField({
          block: startBlock,
          label: 'Start',
          hint: 'at 18:00 or tomorrow 9:00; empty means now',
          most: 30,
          optional: true,
        }),
      ]

/** Much the same request, to be changed and sent once more; the policy and the approvers are asked anew. */
export const againForm = ({ request }: Case, remembered: string | null, responseUrl: string): ModalView =>
  form({
    id,
    title: 'Ask again',
    submit: 'Ask',
    close: 'Back',
    carries: JSON.stringify({ requestId: request.id, responseUrl, remembered: remembered ?? '' }),
    blocks: [
      line(`${rawScope(request)}${addressText(request, remembered)}`),
      line(kindText(request)),
      ...earlierTimes(request).map(section),
      textField({
        block: timeBlock,
        label: 'How long',
        hint: 'Such as 30m, or until 18:00.',
        most: 30,
        initial: lengthOf(request),
      }),
      ...startField(request),
      textField({
        block: reasonBlock,
        label: 'Why',
        most: longestReason,
        initial: request.reason,
        optional: true,
      }),
    ],
  })

type AgainAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly errors: Record<string, string> }

/** A start with its `at`; null when it is none. */
function startIn(values: Values): string | null {
  const typed = textIn(values, startBlock).toLowerCase()
  const start = /^\d/.test(typed) ? `at ${typed}` : typed
  if (start === '') return ''
  const found = findStart(start)
  return found?.start && found.found.trim() === start ? ` ${start}` : null
}

/** What stood behind `from`; empty where nothing was typed. */
function saidFrom({ learnt, address, name }: Request['source']): string {
  if (learnt === 'typed') return ` from ${address}`
  return name === undefined ? '' : ` from ${name}`
}

/**
 * The command that asks for it once more. The VM is named by its subscription’s id, so that it stays the one; what is
 * remembered is not typed, because a rule may want an address that was.
 */
export function commandIn(values: Values, { request }: Case): AgainAnswer {
  const { vm, source } = request
  const start = startIn(values)
  if (start === null) {
    const wrong = 'Write the start as in at 18:00 or tomorrow 9:00, or leave it empty for now.'
    return { ok: false, errors: { [startBlock]: wrong } }
  }
  const reason = textIn(values, reasonBlock)
  const ports = request.label.replaceAll(/\s*,\s*/g, ',')
  const where = `${vm.subscriptionId}/${vm.resourceGroup}/${vm.name}`
  const from = saidFrom(source)
  const asked = `${ports} ${where} ${textIn(values, timeBlock)}${start}${from}`
  return { ok: true, text: reason === '' ? asked : `${asked} because ${reason}` }
}

/** Why what the form showed is not what would be asked for; null when it is. */
export function changedAddress({ request }: Case, shown: string, remembered: string | null): string | null {
  if (saidFrom(request.source) !== '' || shown === (remembered ?? '')) return null
  return 'Your remembered address has changed since this form was opened. Close it and press Ask again once more.'
}
