import type { AllMiddlewareArgs, BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt'
import type { Person } from '../../core/person.ts'
import type { Gesture } from '../../ports.ts'
import { personOf } from '../identity.ts'
import { type Hands, notStored } from '../listener.ts'

type Args = SlackActionMiddlewareArgs<BlockAction> & AllMiddlewareArgs
interface Click {
  readonly person: Person
  readonly value: string
  readonly responseUrl: string | null
}

/** Stores what a button stands for; who may press it is decided later, from the database. */
const storing =
  (gestureOf: (click: Click) => Gesture | null) =>
  (hands: Hands) =>
  async ({ body, action, ack }: Args): Promise<void> => {
    const receivedAt = hands.now()
    const person = personOf(body)
    const value = 'value' in action && typeof action.value === 'string' ? action.value : ''
    const responseUrl = body.response_url || null
    try {
      const gesture = person && gestureOf({ person, value, responseUrl })
      if (!gesture || !body.trigger_id) throw new Error('The payload is not complete')
      await hands.receive({ key: body.trigger_id, receivedAt, gesture })
    } catch (error) {
      hands.log.error({ err: error, userId: person?.userId }, 'A click could not be stored')
      if (responseUrl !== null) await hands.answer(responseUrl, notStored.click)
      return
    }
    await ack()
  }

/** Asks another operator whether the change that was shown is made. */
export const askConversion = storing(({ person, value, responseUrl }) => {
  const [mark, vmId] = value.split(/ (.*)/s)
  return mark && vmId ? { kind: 'ask conversion', person, vmId, mark, responseUrl } : null
})

/** Whether the change is made, or every rule stays as it is. */
export const decideConversion = (agrees: boolean) =>
  storing(({ person, value: conversionId, responseUrl }) =>
    conversionId ? { kind: 'decide conversion', person, conversionId, agrees, responseUrl } : null,
  )
