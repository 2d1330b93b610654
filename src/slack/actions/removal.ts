import type { AllMiddlewareArgs, BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt'
import type { Gesture } from '../../ports.ts'
import { personOf } from '../identity.ts'
import { type Hands, notStored } from '../listener.ts'

type Args = SlackActionMiddlewareArgs<BlockAction> & AllMiddlewareArgs

export const agreeId = 'agree_removal'
export const keepId = 'keep_rule'

/** Whether a rule of somebody else's goes or stays; who may say so is decided later, from the database. */
export const decideRemoval =
  (agrees: boolean) =>
  (hands: Hands) =>
  async ({ body, action, ack }: Args): Promise<void> => {
    const receivedAt = hands.now()
    const person = personOf(body)
    const value = 'value' in action && typeof action.value === 'string' ? action.value : ''
    const [protectionId, removalId] = value.split(' ')
    const responseUrl = body.response_url || null
    try {
      if (person === null || !protectionId || !removalId || !body.trigger_id)
        throw new Error('The payload is not complete')
      const gesture: Gesture = {
        kind: 'decide removal',
        person,
        protectionId,
        removalId,
        agrees,
        responseUrl,
      }
      await hands.receive({ key: body.trigger_id, receivedAt, gesture })
    } catch (error) {
      hands.log.error({ err: error, userId: person?.userId }, 'A click could not be stored')
      if (responseUrl !== null) await hands.answer(responseUrl, notStored.click)
      return
    }
    await ack()
  }
