import type { ModalView } from '@slack/types'
import type { Case } from '../../core/case.ts'
import { rawSubject } from '../facts.ts'
import { form, line, longestReason, textField } from './parts.ts'

export const id = 'deny_reason'
export const reasonBlock = 'reason'

/** Opens once the no stands; closing it takes nothing back. */
export const reasonForm = ({ request }: Case): ModalView =>
  form({
    id,
    title: 'Denied',
    submit: 'Send',
    close: 'Say nothing',
    carries: request.id,
    blocks: [
      line(`You denied ${rawSubject(request)}.`),
      textField({
        block: reasonBlock,
        label: 'Why?',
        hint: 'The person who asked reads this, and it stands in the thread.',
        most: longestReason,
      }),
    ],
  })
