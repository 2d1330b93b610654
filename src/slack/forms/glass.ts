import type { ModalView } from '@slack/types'
import type { AskCommand } from '../../core/command.ts'
import { form, line } from './parts.ts'

export const id = 'break_glass'

/** The second deliberate step: what will happen, before it does. */
export const glassForm = (ask: AskCommand, text: string, responseUrl: string): ModalView =>
  form({
    id,
    title: 'Break the glass',
    submit: 'Break the glass',
    close: 'Back',
    carries: JSON.stringify({ text, responseUrl }),
    blocks: [
      `${ask.ports.label} to ${ask.vmName}, without waiting for a yes, where the policy allows it.`,
      'Everybody who would have been asked is told at once.',
      'Somebody else reviews it afterwards. The review stays open until that is done.',
      `Reason: ${ask.reason ?? ''}`,
    ].map(line),
  })
