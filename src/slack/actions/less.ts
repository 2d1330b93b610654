import type { AllMiddlewareArgs, BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt'
import { lessForm } from '../forms/less.ts'
import { openForm } from '../forms/open.ts'
import type { Hands } from '../listener.ts'

type Args = SlackActionMiddlewareArgs<BlockAction> & AllMiddlewareArgs

export const id = 'less'

/** Opens the form; who may approve is decided when it is sent. */
export const less =
  (hands: Hands) =>
  async ({ body, action, ack, client }: Args): Promise<void> => {
    await ack()
    const requestId = 'value' in action && typeof action.value === 'string' ? action.value : ''
    const kase = await hands.read(requestId)
    if (kase?.request.state === 'pending') {
      await openForm(
        hands,
        { client, trigger: body.trigger_id, responseUrl: body.response_url || null },
        lessForm(kase, body.response_url || ''),
      )
    } else if (body.response_url) {
      await hands.answer(
        body.response_url,
        'This request was decided already, so there is nothing to approve.',
      )
    }
  }
