import type { AllMiddlewareArgs, BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt'
import type { Gesture } from '../../ports.ts'
import { personOf } from '../identity.ts'
import { type Hands, notStored } from '../listener.ts'

type Args = SlackActionMiddlewareArgs<BlockAction> & AllMiddlewareArgs
type Action = Extract<Gesture, { kind: 'click' }>['action']

/**
 * Every button does the same: what was clicked is stored, and who may do it is decided later, from the database.
 * A click that could not be stored is not acknowledged, so that Slack marks the button as failed.
 */
export const click =
  (action: Action) =>
  (hands: Hands) =>
  async ({ body, action: button, ack }: Args): Promise<void> => {
    const receivedAt = hands.now()
    const person = personOf(body)
    // Which address the card showed stands behind the id, where it was not the first.
    const value = 'value' in button && typeof button.value === 'string' ? button.value : ''
    const [requestId = '', seen] = value.split(' ')
    const responseUrl = body.response_url || null
    try {
      if (person === null || !requestId || !body.trigger_id) throw new Error('The payload is not complete')
      const shown = seen === undefined ? {} : { seen: Number(seen) }
      const gesture: Gesture = { kind: 'click', person, action, requestId, responseUrl, ...shown }
      await hands.receive({ key: body.trigger_id, receivedAt, gesture })
    } catch (error) {
      hands.log.error({ err: error, userId: person?.userId, requestId }, 'A click could not be stored')
      if (responseUrl !== null) await hands.answer(responseUrl, notStored.click)
      return
    }
    await ack()
  }
