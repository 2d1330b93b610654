import type { ModalView } from '@slack/types'
import type { AskCommand } from '../../core/command.ts'
import { plain } from '../words.ts'

export const id = 'break_glass'

/** What the form carries to its own submission. */
export interface Carried {
  readonly text: string
  readonly responseUrl: string
}

export function carriedIn(metadata: string): Carried | null {
  const value: unknown = JSON.parse(metadata)
  if (typeof value !== 'object' || value === null || !('text' in value) || !('responseUrl' in value))
    return null
  const { text, responseUrl } = value
  return typeof text === 'string' && typeof responseUrl === 'string' ? { text, responseUrl } : null
}

/** The second deliberate step: what will happen, before it does. */
export const glassForm = (ask: AskCommand, carried: Carried): ModalView => ({
  type: 'modal',
  callback_id: id,
  private_metadata: JSON.stringify(carried),
  title: { type: 'plain_text', text: 'Break the glass' },
  submit: { type: 'plain_text', text: 'Break the glass' },
  close: { type: 'plain_text', text: 'Back' },
  blocks: [
    `${ask.ports.label} to ${ask.vmName}, without waiting for a yes, where the policy allows it.`,
    'Everybody who would have been asked is told at once.',
    'Somebody else reviews it afterwards. The review stays open until that is done.',
    `Reason: ${ask.reason ?? ''}`,
  ].map((line) => ({
    type: 'section' as const,
    text: { type: 'plain_text' as const, text: plain(line, 500), emoji: false },
  })),
})
