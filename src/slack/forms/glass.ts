import type { ModalView } from '@slack/types'
import type { AskCommand } from '../../core/command.ts'
import { spanText } from '../../core/duration.ts'
import { form, line } from './parts.ts'

export const id = 'break_glass'

function addressText({ from }: AskCommand, remembered: string | null): string {
  if (from !== null) return `From ${from}.`
  return remembered === null
    ? 'You gave no address and none is remembered: you will be asked for it, and nothing opens before.'
    : `From ${remembered}, which you gave before and which is still remembered.`
}

/** The second deliberate step: what will happen, before it does. */
export const glassForm = (
  ask: AskCommand,
  remembered: string | null,
  text: string,
  responseUrl: string,
): ModalView =>
  form({
    id,
    title: 'Break the glass',
    submit: 'Break the glass',
    close: 'Back',
    carries: JSON.stringify({ text, responseUrl }),
    blocks: [
      `${ask.ports.label} to ${ask.vmName} ${spanText(ask.span)}, without waiting for a yes, where the policy allows it.`,
      addressText(ask, remembered),
      'Everybody who would have been asked is told at once.',
      'Somebody else reviews it afterwards. The review stays open until that is done.',
      `Reason: ${ask.reason ?? ''}`,
    ].map(line),
  })
