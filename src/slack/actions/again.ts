import type { AllMiddlewareArgs, BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt'
import { againForm } from '../forms/again.ts'
import { openForm } from '../forms/open.ts'
import { personOf } from '../identity.ts'
import type { Hands } from '../listener.ts'

type Args = SlackActionMiddlewareArgs<BlockAction> & AllMiddlewareArgs

export const id = 'again'

/** Opens the form with what was asked for; whoever sends it asks for themselves. */
export const again =
  (hands: Hands) =>
  async ({ body, action, ack, client }: Args): Promise<void> => {
    await ack()
    const requestId = 'value' in action && typeof action.value === 'string' ? action.value : ''
    const kase = await hands.read(requestId)
    const person = personOf(body)
    if (!kase || person === null) return
    const remembered = await hands.remembered(person)
    const opening = { client, trigger: body.trigger_id, responseUrl: body.response_url || null }
    await openForm(hands, opening, againForm(kase, remembered, body.response_url))
  }
