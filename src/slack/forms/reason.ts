import type { ModalView } from '@slack/types'
import type { Case } from '../../core/case.ts'
import { rawScope } from '../facts.ts'
import { plain } from '../words.ts'

export const id = 'deny_reason'
const [block, input] = ['reason', 'text']
/** As long as a reason for asking may be. */
const longest = 300

/** Opens once the no stands; closing it takes nothing back. */
export const reasonForm = ({ request }: Case): ModalView => ({
  type: 'modal',
  callback_id: id,
  private_metadata: request.id,
  title: { type: 'plain_text', text: 'Denied' },
  submit: { type: 'plain_text', text: 'Send' },
  close: { type: 'plain_text', text: 'Say nothing' },
  blocks: [
    {
      type: 'section',
      text: { type: 'plain_text', text: plain(`You denied ${rawScope(request)}.`, 300), emoji: false },
    },
    {
      type: 'input',
      block_id: block,
      label: { type: 'plain_text', text: 'Why?' },
      hint: { type: 'plain_text', text: 'The person who asked reads this, and it stands in the thread.' },
      element: { type: 'plain_text_input', action_id: input, max_length: longest },
    },
  ],
})

interface Values {
  readonly [block: string]: { readonly [input: string]: { readonly value?: string | null } }
}

export const reasonIn = (values: Values): string => values[block]?.[input]?.value?.trim() ?? ''
