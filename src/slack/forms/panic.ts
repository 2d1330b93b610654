import type { ModalView } from '@slack/types'
import { parsePanic } from '../../core/panic-command.ts'
import { form, line } from './parts.ts'

export const id = 'panic'

/** The second deliberate step: what will happen, before it does. */
export function panicForm(text: string): ModalView | null {
  const command = parsePanic(text)
  if (command.kind === 'mistake') return null
  const lifting = command.kind === 'lift'
  const what =
    lifting || command.scope.kind === 'all'
      ? ''
      : ` of ${command.scope.kind} ${
          text
            .split(/\s+/)
            .slice(2)
            .join(' ')
            .split(/\s+because/i)[0] ?? ''
        }`
  const lines = lifting
    ? ['Access can be asked for again. What was closed stays closed.']
    : [`All access${what} is closed at once.`, 'Nobody gets new access there until you lift this.']
  return form({
    id,
    title: lifting ? 'Lift the stop' : 'Stop all access',
    submit: lifting ? 'Lift' : 'Stop it now',
    close: 'Back',
    carries: text.slice(0, 2900),
    blocks: [...lines, `Reason: ${command.reason}`].map(line),
  })
}
