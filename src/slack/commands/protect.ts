import type { AllMiddlewareArgs, SlackCommandMiddlewareArgs } from '@slack/bolt'
import type { Command } from '../../core/command.ts'
import { openForm } from '../forms/open.ts'
import { protectForm, removalForm, unprotectForm } from '../forms/protect.ts'
import { personOf } from '../identity.ts'
import type { Hands } from '../listener.ts'
import { person as shownPerson, time, words } from '../words.ts'
import { refused } from './panic.ts'

type Args = SlackCommandMiddlewareArgs & AllMiddlewareArgs

/** `/jit protect` and `/jit unprotect` have a second deliberate step: a form that says what it will do. */
export async function protect(
  hands: Hands,
  { body, ack, client }: Args,
  { kind, vmName, remove }: Extract<Command, { kind: 'protect' | 'unprotect' }>,
): Promise<void> {
  const say = (text: string) => ack({ response_type: 'ephemeral', text })
  const no = await refused(hands, personOf(body))
  if (no !== null) return say(no)
  const found = await hands.protectable?.(vmName).catch((error: unknown) => {
    hands.log.warn({ err: error }, 'What is protected could not be read')
    return null
  })
  if (!found) return say('What is protected could not be read, so nothing was changed. Please try again.')
  if (found.kind === 'no') return say(found.why)
  const { vm, protection } = found
  const name = words(vm.name, 80)
  const opening = { client, trigger: body.trigger_id, responseUrl: body.response_url }
  if (kind === 'protect' && remove === undefined) {
    if (protection)
      return say(
        `${name} is protected already, by ${shownPerson(protection.by)} since ${time(protection.at)}. Nothing was changed. To change it, take it away first with \`/jit unprotect\`.`,
      )
    await ack()
    return openForm(hands, opening, protectForm(found))
  }
  if (!protection)
    return say(
      remove === undefined
        ? `Jitney does not protect ${name}, so there is nothing to undo. What somebody else set up in Azure is theirs to take away.`
        : `Jitney does not protect ${name}, so nothing was changed. Protect it first with \`/jit protect\`.`,
    )
  await ack()
  if (remove !== undefined) return openForm(hands, opening, removalForm(protection, remove))
  await openForm(hands, opening, unprotectForm(protection, found.grants))
}
