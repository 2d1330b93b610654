import type { AllMiddlewareArgs, BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt'
import { convertId } from '../exposure-lines.ts'
import { personOf } from '../identity.ts'
import { type Hands, notStored } from '../listener.ts'

type Args = SlackActionMiddlewareArgs<BlockAction> & AllMiddlewareArgs

export const id = convertId

/** Asks how what stands open on a VM would be turned into access on request. It changes nothing. */
export const convert =
  (hands: Hands) =>
  async ({ body, action, ack }: Args): Promise<void> => {
    const receivedAt = hands.now()
    const person = personOf(body)
    const vmId = 'value' in action && typeof action.value === 'string' ? action.value : null
    const responseUrl = body.response_url || null
    try {
      if (person === null || !vmId || !body.trigger_id) throw new Error('The payload is not complete')
      const gesture = { kind: 'convert', person, vmId, responseUrl } as const
      await hands.receive({ key: body.trigger_id, receivedAt, gesture })
    } catch (error) {
      hands.log.error({ err: error, userId: person?.userId }, 'A click could not be stored')
      if (responseUrl !== null) await hands.answer(responseUrl, notStored.click)
      return
    }
    await ack()
  }
