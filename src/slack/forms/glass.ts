import type { ModalView } from '@slack/types'
import type { AskCommand } from '../../core/command.ts'
import { spanText } from '../../core/duration.ts'
import { form, line } from './parts.ts'

export const id = 'break_glass'

interface KnownAddress {
  readonly remembered: string | null
  /** Whether there is a page to confirm one on. */
  readonly page: boolean
}

function addressText({ from }: AskCommand, { remembered, page }: KnownAddress): string {
  if (from !== null) return `From ${from}.`
  if (remembered === null && page)
    return 'You gave no address and none is remembered: first I send you a link to a page where you confirm it, and nothing opens before.'
  return remembered === null
    ? 'You gave no address and none is remembered: you will be asked for it, and nothing opens before.'
    : `From ${remembered}, which you gave before and which is still remembered.`
}

/** The second deliberate step: what will happen, before it does. */
export const glassForm = (
  ask: AskCommand,
  known: KnownAddress,
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
      addressText(ask, known),
      ask.from === null && known.remembered === null
        ? 'Everybody who would have been asked is told as soon as it opens.'
        : 'Everybody who would have been asked is told at once.',
      'Somebody else reviews it afterwards. The review stays open until that is done.',
      `Reason: ${ask.reason ?? ''}`,
    ].map(line),
  })
