import type { AllMiddlewareArgs, SlackCommandMiddlewareArgs } from '@slack/bolt'
import { parsePanic } from '../../core/panic-command.ts'
import type { Person } from '../../core/person.ts'
import { liftForm } from '../forms/lift.ts'
import { openForm } from '../forms/open.ts'
import { stopForm } from '../forms/panic.ts'
import { personOf } from '../identity.ts'
import type { Hands } from '../listener.ts'

type Args = SlackCommandMiddlewareArgs & AllMiddlewareArgs

/** Of the three seconds that Slack waits. Whoever may be an operator when it is over is shown the form. */
const longestCheckMs = 1000

export async function refused(hands: Hands, person: Person | null): Promise<string | null> {
  if (person === null || !hands.refuseStop) return null
  const check = hands.refuseStop(person).catch((error: unknown) => {
    hands.log.warn({ err: error, userId: person.userId }, 'It could not be read who the operators are')
    return null
  })
  const late = Promise.withResolvers<null>()
  const timer = setTimeout(() => late.resolve(null), longestCheckMs)
  return Promise.race([check, late.promise]).finally(() => clearTimeout(timer))
}

/** `/jit panic …` has a second deliberate step: a form that says what it will do. */
export async function panic(hands: Hands, { body, ack, client }: Args): Promise<void> {
  const say = (text: string) => ack({ response_type: 'ephemeral', text })
  const opening = { client, trigger: body.trigger_id, responseUrl: body.response_url }
  const person = personOf(body)
  const no = await refused(hands, person)
  if (no !== null) return say(no)
  const command = parsePanic(body.text)
  if (command.kind === 'mistake') return say(command.wrong)
  const unknown = command.kind === 'begin' ? (hands.refuseScope?.(command.scope) ?? null) : null
  if (unknown !== null) return say(unknown)
  await ack()
  if (command.kind === 'begin') {
    const own = command.scope.kind === 'person' && command.scope.name === person?.userId
    return openForm(hands, opening, stopForm(command, body.text, own))
  }
  const stops = await hands.stops().catch((error: unknown) => {
    hands.log.warn({ err: error, userId: person?.userId }, 'What is stopped could not be read')
    return null
  })
  if (!stops)
    return hands.answer(
      body.response_url,
      'What is stopped could not be read, so nothing was lifted. Please try again.',
    )
  if (stops.length === 0)
    return hands.answer(body.response_url, 'Nothing is stopped, so there is nothing to lift.')
  await openForm(hands, opening, liftForm(stops, command.reason, body.text))
}
