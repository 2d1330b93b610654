import type { ModalView } from '@slack/types'
import type { Case } from '../../core/case.ts'
import { durationText } from '../../core/duration.ts'
import { rawScope } from '../facts.ts'
import { form, line, longestReason, textField, textIn, type Values } from './parts.ts'

export const id = 'ask_again'
export const timeBlock = 'time'
const reasonBlock = 'reason'

/** The same request, to be changed and sent once more; the policy and the approvers are asked anew. */
export const againForm = ({ request }: Case, responseUrl: string): ModalView =>
  form({
    id,
    title: 'Ask again',
    submit: 'Ask',
    close: 'Back',
    carries: JSON.stringify({ requestId: request.id, responseUrl }),
    blocks: [
      line(`${rawScope(request)} from ${request.source.address}`),
      textField({ block: timeBlock, label: 'How long', most: 30, initial: durationText(request.durationMs) }),
      textField({
        block: reasonBlock,
        label: 'Why',
        most: longestReason,
        initial: request.reason,
        optional: true,
      }),
    ],
  })

/** The command that asks for the same once more. The VM is named by its subscription’s id, so that it stays the one. */
export function commandIn(values: Values, { request }: Case): string {
  const { vm, source } = request
  const reason = textIn(values, reasonBlock)
  const ports = request.label.replaceAll(/\s*,\s*/g, ',')
  const where = `${vm.subscriptionId}/${vm.resourceGroup}/${vm.name}`
  const asked = `${ports} ${where} ${textIn(values, timeBlock)} from ${source.address}`
  return reason === '' ? asked : `${asked} because ${reason}`
}
