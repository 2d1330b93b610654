import type { ModalView } from '@slack/types'
import { parsePanic } from '../../core/panic-command.ts'
import { plain } from '../words.ts'

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
  return {
    type: 'modal',
    callback_id: id,
    private_metadata: text.slice(0, 2900),
    title: { type: 'plain_text', text: lifting ? 'Lift the stop' : 'Stop all access' },
    submit: { type: 'plain_text', text: lifting ? 'Lift' : 'Stop it now' },
    close: { type: 'plain_text', text: 'Back' },
    blocks: [
      ...lines.map((line) => ({
        type: 'section' as const,
        text: { type: 'plain_text' as const, text: plain(line, 500), emoji: false },
      })),
      {
        type: 'section',
        text: { type: 'plain_text', text: plain(`Reason: ${command.reason}`, 500), emoji: false },
      },
    ],
  }
}
