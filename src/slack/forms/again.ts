import type { ModalView } from '@slack/types'
import type { Case } from '../../core/case.ts'
import { durationText } from '../../core/duration.ts'
import { rawScope } from '../facts.ts'
import { plain } from '../words.ts'

export const id = 'ask_again'
export const timeBlock = 'time'
const reasonBlock = 'reason'
const input = 'value'
/** As long as a reason for asking may be. */
const longestReason = 300

/** What the form carries to its own submission. */
interface Carried {
  readonly requestId: string
  readonly responseUrl: string
}

export function carriedIn(metadata: string): Carried | null {
  const value: unknown = JSON.parse(metadata)
  if (typeof value !== 'object' || value === null) return null
  if (!('requestId' in value) || !('responseUrl' in value)) return null
  const { requestId, responseUrl } = value
  return typeof requestId === 'string' && typeof responseUrl === 'string' ? { requestId, responseUrl } : null
}

/** The same request, to be changed and sent once more; the policy and the approvers are asked anew. */
export const againForm = ({ request }: Case, responseUrl: string): ModalView => ({
  type: 'modal',
  callback_id: id,
  private_metadata: JSON.stringify({ requestId: request.id, responseUrl } satisfies Carried),
  title: { type: 'plain_text', text: 'Ask again' },
  submit: { type: 'plain_text', text: 'Ask' },
  close: { type: 'plain_text', text: 'Back' },
  blocks: [
    {
      type: 'section',
      text: {
        type: 'plain_text',
        text: plain(`${rawScope(request)} from ${request.source.address}`, 300),
        emoji: false,
      },
    },
    {
      type: 'input',
      block_id: timeBlock,
      label: { type: 'plain_text', text: 'How long' },
      element: {
        type: 'plain_text_input',
        action_id: input,
        initial_value: durationText(request.durationMs),
        max_length: 30,
      },
    },
    {
      type: 'input',
      block_id: reasonBlock,
      optional: true,
      label: { type: 'plain_text', text: 'Why' },
      element: {
        type: 'plain_text_input',
        action_id: input,
        max_length: longestReason,
        ...(request.reason !== null && { initial_value: request.reason }),
      },
    },
  ],
})

interface Values {
  readonly [block: string]: { readonly [input: string]: { readonly value?: string | null } }
}

/** The command that asks for the same once more. The VM is named by its subscription’s id, so that it stays the one. */
export function commandIn(values: Values, { request }: Case): string {
  const { vm, source } = request
  const time = values[timeBlock]?.[input]?.value?.trim() ?? ''
  const reason = values[reasonBlock]?.[input]?.value?.trim() ?? ''
  const ports = request.label.replaceAll(/\s*,\s*/g, ',')
  const asked = `${ports} ${vm.subscriptionId}/${vm.resourceGroup}/${vm.name} ${time} from ${source.address}`
  return reason === '' ? asked : `${asked} because ${reason}`
}
