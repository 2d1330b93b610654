import type { ModalView } from '@slack/types'
import type { Panic } from '../../core/panic.ts'
import { panicText } from '../../core/panic-command.ts'
import { section } from '../blocks.ts'
import { stopText } from '../panic-news.ts'
import { count } from '../words.ts'
import { form, line } from './parts.ts'

export const id = 'lift'

/** More nobody reads; a form that is full must not lift what it does not show. */
const mostShown = 20

/** What will be open to requests again: it lifts what it shows, and no stop that is begun while it is read. */
export function liftForm(stops: readonly Panic[], reason: string, text: string): ModalView {
  const sorted = stops.toSorted((a, b) => a.at - b.at)
  const shown = sorted.slice(0, mostShown)
  const left = sorted.length - shown.length
  const one = shown.length === 1
  return form({
    id,
    title: one ? 'Lift the stop' : 'Lift the stops',
    submit: one ? 'Lift it' : `Lift all ${shown.length}`,
    close: 'Back',
    carries: JSON.stringify({ text: panicText(text), lifts: shown.map((stop) => stop.id).join(' ') }),
    blocks: [
      ...shown.map((stop) => section(stopText(stop))),
      ...(left > 0 ? [line(`${count(left, 'more stop')} did not fit and stay; lift these first.`)] : []),
      line('Access can be asked for again. What was closed stays closed.'),
      line('Whoever began a stop is told that you lifted it, and why.'),
      line(`Reason: ${reason}`),
    ],
  })
}
