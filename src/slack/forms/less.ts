import type { KnownBlock, ModalView, PlainTextOption } from '@slack/types'
import type { Case } from '../../core/case.ts'
import { addressesOf } from '../../core/change-address.ts'
import { durationText, parseSpan } from '../../core/duration.ts'
import { isLess, withExtra } from '../../core/less.ts'
import { type Port, parsePort, portsText } from '../../core/service.ts'
import { addressesIn, countText, holds, parseSource, widestRange } from '../../core/source.ts'
import { rawSubject } from '../facts.ts'
import { form, input, line, textField, textIn, type Values } from './parts.ts'

export const id = 'approve_less'
export const timeBlock = 'time'
const portsBlock = 'ports'
const sourceBlock = 'source'

type Request = Case['request']

const option = (port: Port): PlainTextOption => {
  const text = portsText([port])
  return { text: { type: 'plain_text', text }, value: text }
}

const portsInput = ({ ports }: Request): KnownBlock[] =>
  ports.length < 2
    ? []
    : [
        {
          type: 'input',
          block_id: portsBlock,
          label: { type: 'plain_text', text: 'Ports' },
          element: {
            type: 'multi_static_select',
            action_id: input,
            options: ports.map(option),
            initial_options: ports.map(option),
          },
        },
      ]

/** One address has no part. */
const sourceInput = ({ source }: Request): KnownBlock[] =>
  addressesIn(source.address) === 1
    ? []
    : [
        textField({
          block: sourceBlock,
          label: 'From',
          hint: `A part of ${source.address}: one address or a smaller range.`,
          most: 60,
          initial: source.address,
        }),
      ]

/** Whoever stays longer asks for time beyond the end that stands already, and only that can become less. */
const mostOf = ({ durationMs, extends: before }: Request): number => before?.extraMs ?? durationMs

const askedLength = (request: Request): string =>
  `${durationText(mostOf(request))}${request.extends ? ' longer' : ''}`

/** What is asked for, to be made less of. */
export const lessForm = ({ request }: Case, responseUrl: string): ModalView =>
  form({
    id,
    title: 'Approve less',
    submit: 'Approve',
    close: 'Back',
    carries: JSON.stringify({ requestId: request.id, responseUrl, seen: String(addressesOf(request)) }),
    blocks: [
      line(
        `${rawSubject(request)}, asked for ${askedLength(request)} from ${request.source.address} (${countText(addressesIn(request.source.address))})`,
      ),
      textField({
        block: timeBlock,
        label: request.extends ? 'How much longer' : 'How long',
        hint: `At most ${durationText(mostOf(request))}, such as 15m.`,
        most: 30,
        initial: durationText(mostOf(request)),
      }),
      ...portsInput(request),
      ...sourceInput(request),
    ],
  })

type LessAnswer =
  | {
      readonly ok: true
      readonly duration: string
      readonly ports: readonly string[]
      readonly source: string
    }
  | { readonly ok: false; readonly errors: Record<string, string> }

/** Reads the form back; a mistake is shown at its place and nothing is lost. */
export function lessIn(values: Values, { request }: Case): LessAnswer {
  const duration = textIn(values, timeBlock)
  const chosen = values[portsBlock]?.[input]?.selected_options?.map(({ value }) => value ?? '')
  const ports = chosen ?? request.ports.map((port) => portsText([port]))
  const span = parseSpan(duration)
  const no = (text: string): LessAnswer => ({ ok: false, errors: { [timeBlock]: text } })
  if (!span.ok) return no(span.why)
  if (span.span.kind !== 'length') return no('Write a duration such as 15m.')
  const most = mostOf(request)
  if (span.span.ms > most)
    return no(`At most ${durationText(most)}${request.extends ? ' more' : ''} were asked for.`)
  const durationMs = withExtra(request, span.span.ms)
  const read = ports.map(parsePort).filter((port) => port !== null)
  const whole = request.source.address
  const source = parseSource(textIn(values, sourceBlock) || whole, widestRange)
  if (!source.ok) return { ok: false, errors: { [sourceBlock]: source.why } }
  if (!holds(whole, source.address))
    return { ok: false, errors: { [sourceBlock]: `Only a part of ${whole} was asked for.` } }
  if (!isLess({ durationMs, ports: read, source: source.address }, request))
    return no('This is all of it. Take something away, or use Approve.')
  return { ok: true, duration, ports, source: source.address }
}
