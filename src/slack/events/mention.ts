import type { AllMiddlewareArgs, SlackEventMiddlewareArgs } from '@slack/bolt'
import { visible } from '../../core/typed-text.ts'
import { personOf } from '../identity.ts'
import type { Hands } from '../listener.ts'

type Args = SlackEventMiddlewareArgs<'app_mention'> & AllMiddlewareArgs

const longest = 1000

/**
 * Passes on what somebody writes to the app in the thread under a card. Only messages that name the app are seen:
 * reading whole channels would need a right that nothing else needs.
 */
export const mention =
  (hands: Hands) =>
  async ({ event, body }: Args): Promise<void> => {
    const { thread_ts: thread, user } = event
    // Cut first: a message may be forty times as long as what is passed on, and all of it would be searched.
    const said = event.text.slice(0, 4 * longest).replaceAll(/<@[A-Z0-9]+(?:\|[^<>]*)?>/g, ' ')
    const text = visible(said).slice(0, longest)
    const person = user === undefined ? null : personOf({ user_id: user, team_id: body.team_id })
    if (thread === undefined || person === null || text === '') return
    await hands.receive({
      key: body.event_id,
      receivedAt: hands.now(),
      gesture: { kind: 'comment', person, about: { channel: event.channel, ts: thread }, text },
    })
  }
