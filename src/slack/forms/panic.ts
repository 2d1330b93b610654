import type { ModalView } from '@slack/types'
import type { Scope } from '../../core/panic.ts'
import { type PanicCommand, panicText } from '../../core/panic-command.ts'
import { section } from '../blocks.ts'
import { scopeText } from '../panic-news.ts'
import { form, line } from './parts.ts'

export const id = 'panic'

/** Slack shows at most 24 letters. */
const titles: Readonly<Record<Scope['kind'], string>> = {
  all: 'Stop all access',
  subscription: 'Stop one subscription',
  vm: 'Stop access to one VM',
  person: 'Stop one person',
}

const meanwhile = (kind: Scope['kind']): string =>
  kind === 'person'
    ? 'They get no new access, and approve and sign nothing, until an operator lifts this.'
    : `Nobody gets new access${kind === 'all' ? '' : ' there'} until an operator lifts this.`

/** The second deliberate step: what will happen, before it does. */
export function stopForm(
  { scope, reason }: Extract<PanicCommand, { kind: 'begin' }>,
  text: string,
  own: boolean,
): ModalView {
  const what = scopeText(scope.kind, scope.name)
  return form({
    id,
    title: titles[scope.kind],
    submit: 'Stop it now',
    close: 'Back',
    carries: panicText(text),
    blocks: [
      section(`*${what.replace(/^a/, 'A')} is closed at once.*`),
      line(meanwhile(scope.kind)),
      ...(own ? [line('You stop yourself: only another operator can lift that.')] : []),
      line(`Reason: ${reason}`),
    ],
  })
}
