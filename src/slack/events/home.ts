import type { AllMiddlewareArgs, SlackEventMiddlewareArgs } from '@slack/bolt'
import { personOf } from '../identity.ts'
import type { Hands } from '../listener.ts'

type Args = SlackEventMiddlewareArgs<'app_home_opened'> & AllMiddlewareArgs

/** Has the Home of whoever looks at it drawn anew. Slack tells of the Messages tab too. */
export const home =
  (hands: Hands) =>
  async ({ event, body }: Args): Promise<void> => {
    const person = personOf({ user_id: event.user, team_id: body.team_id })
    if (event.tab !== 'home' || person === null) return
    const gesture = { kind: 'home', person } as const
    await hands.receive({ key: body.event_id, receivedAt: hands.now(), gesture })
  }
