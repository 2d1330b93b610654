import type { ModalView } from '@slack/types'
import { type PanicCommand, panicText } from '../../core/panic-command.ts'
import { section } from '../blocks.ts'
import { scopeText } from '../panic-news.ts'
import { form, line } from './parts.ts'

export const id = 'panic'

/** The second deliberate step: what will happen, before it does. */
export function stopForm(
  { scope, reason }: Extract<PanicCommand, { kind: 'begin' }>,
  text: string,
  own: boolean,
): ModalView {
  const what = scopeText(scope.kind, scope.name)
  return form({
    id,
    title: 'Stop all access',
    submit: 'Stop it now',
    close: 'Back',
    carries: panicText(text),
    blocks: [
      section(`*${what.replace(/^a/, 'A')} is closed at once.*`),
      line('Nobody gets new access there until an operator lifts this.'),
      ...(own ? [line('You stop yourself: only another operator can lift that.')] : []),
      line(`Reason: ${reason}`),
    ],
  })
}
