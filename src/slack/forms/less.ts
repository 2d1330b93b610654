import type { KnownBlock, ModalView, PlainTextOption } from '@slack/types'
import type { Case } from '../../core/case.ts'
import { durationText, parseSpan } from '../../core/duration.ts'
import { isLess } from '../../core/less.ts'
import { type Port, parsePort, portsText } from '../../core/service.ts'
import { addressesIn, countText, holds, parseSource, widestRange } from '../../core/source.ts'
import { rawScope } from '../facts.ts'
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

/** What is asked for, to be made less of. */
export const lessForm = ({ request }: Case): ModalView =>
  form({
    id,
    title: 'Approve less',
    submit: 'Approve',
    close: 'Back',
    carries: request.id,
    blocks: [
      line(
        `${rawScope(request)}, asked for ${durationText(request.durationMs)} from ${request.source.address} (${countText(addressesIn(request.source.address))})`,
      ),
      textField({
        block: timeBlock,
        label: 'How long',
        hint: `At most ${durationText(request.durationMs)}, such as 15m.`,
        most: 30,
        initial: durationText(request.durationMs),
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
  const durationMs = span.span.ms
  if (durationMs > request.durationMs)
    return no(`At most ${durationText(request.durationMs)} were asked for.`)
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
