import type { AllMiddlewareArgs, BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt'
import { againForm } from '../forms/again.ts'
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
    if (kase)
      await client.views.open({ trigger_id: body.trigger_id, view: againForm(kase, body.response_url) })
  }
