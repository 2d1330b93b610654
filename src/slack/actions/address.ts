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

/** The browser goes there without us. */
export const openPage =
  () =>
  async ({ ack }: Args): Promise<void> =>
    ack()

export const confirmAddress = storing(({ person, responseUrl }) => ({
  kind: 'confirm address',
  person,
  requestId: null,
  responseUrl,
}))

/** Starts the page for one request. */
export const addressChanged = storing(({ person, value: requestId, responseUrl }) =>
  requestId === '' ? null : { kind: 'confirm address', person, requestId, responseUrl },
)

export const forgetAddress = storing(({ person, responseUrl }) => ({
  kind: 'forget address',
  person,
  responseUrl,
}))
