import type { AllMiddlewareArgs, SlackCommandMiddlewareArgs } from '@slack/bolt'
import { type AskCommand, type Command, parseCommand } from '../../core/command.ts'
import { spanText } from '../../core/duration.ts'
import type { Person } from '../../core/person.ts'
import type { Gesture } from '../../ports.ts'
import { glassForm } from '../forms/glass.ts'
import { openForm } from '../forms/open.ts'
import { personOf } from '../identity.ts'
import { type Hands, notStored } from '../listener.ts'
import { words } from '../words.ts'
import { helpText } from './help.ts'
import { panic } from './panic.ts'
import { protect } from './protect.ts'

export const id = '/jit'

type Args = SlackCommandMiddlewareArgs & AllMiddlewareArgs

const mistakeText = (wrong: string, example: string): string =>
  `${words(wrong, 1500)}\nTry: \`${words(example, 500).replaceAll('`', '')}\``

/** The answer to what cannot be handed on, or null. */
function refusal(command: Command, hands: Hands): string | null {
  switch (command.kind) {
    case 'help':
      return helpText(hands.services(), hands.addressPage)
    case 'list':
      return 'The list of open access is not here yet. Your own is in this app’s Home and in your messages from it.'
    case 'mistake':
      return mistakeText(command.wrong, command.example)
    case 'ask':
    case 'why': {
      const no = hands.refuseAsk?.(command.kind === 'why' ? command.ask : command) ?? null
      return no === null ? null : words(no, 1500)
    }
    case 'panic':
    case 'protect':
    case 'unprotect':
    case 'extend':
    case 'status':
    case 'ip':
    case 'forget':
    case 'vms':
    case 'cancel':
    case 'close':
      return null
    default:
      return command satisfies never
  }
}

/** Nobody knows yet which zone the person lives in, so the day is said only where they said it. */
function startText(start: AskCommand['start']): string {
  if (start === null) return ''
  const at = `at ${start.hour}:${String(start.minute).padStart(2, '0')}`
  return start.tomorrow
    ? `, beginning tomorrow ${at}`
    : `, beginning ${at}, or tomorrow if that time has passed`
}

const askText = ({ ports, vmName, span, start }: AskCommand): string =>
  `${words(ports.label, 100)} to ${words(vmName, 100)} ${spanText(span)}${startText(start)}`

function accepted(command: Command): string {
  if (command.kind === 'ask') return `Got it: ${askText(command)}. Checking the policy.`
  if (command.kind === 'why') {
    return `Reading what the policy says about ${askText(command.ask)}. Nobody is asked for approval.`
  }
  if (command.kind === 'status') return 'Reading how things stand.'
  if (command.kind === 'ip') return 'Reading what I remember of your address.'
  if (command.kind === 'forget') return 'Forgetting your address.'
  if (command.kind === 'vms') return 'Reading how the VMs are guarded.'
  return `Got it. Checking whether you may ${command.kind} it.`
}

function gestureOf(command: Command, text: string, person: Person, responseUrl: string): Gesture {
  return command.kind === 'cancel' || command.kind === 'close'
    ? { kind: 'click', person, action: command.kind, requestId: command.requestId, responseUrl }
    : { kind: 'ask', person, text, responseUrl }
}

/** Breaking the glass has a second deliberate step, which shows the address too. */
async function breakGlass(hands: Hands, { body, client }: Args, command: AskCommand): Promise<void> {
  const person = personOf(body)
  const remembered =
    command.from !== null || person === null
      ? null
      : await hands.remembered(person).catch((error: unknown) => {
          hands.log.warn({ err: error, userId: person.userId }, 'The remembered address could not be read')
          return null
        })
  const opening = { client, trigger: body.trigger_id, responseUrl: body.response_url }
  const known = { remembered, page: hands.addressPage ?? false }
  await openForm(hands, opening, glassForm(command, known, body.text, body.response_url))
}

export const jit =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const { body, ack } = args
    const receivedAt = hands.now()
    const say = (text: string) => ack({ response_type: 'ephemeral', text })
    const command = parseCommand(body.text, hands.services())
    if (command.kind === 'panic') return panic(hands, args)
    const no = refusal(command, hands)
    if (no === null && command.kind === 'ask' && command.emergency) {
      await ack()
      return breakGlass(hands, args, command)
    }
    if (no !== null) return say(no)
    if (command.kind === 'protect' || command.kind === 'unprotect') return protect(hands, args, command)
    const person = personOf(body)
    let fresh: boolean
    try {
      // Without a key of its own this gesture would look like a repetition of another one.
      if (person === null || !body.trigger_id) throw new Error('The payload names no person or no trigger')
      const gesture = gestureOf(command, body.text, person, body.response_url)
      fresh = await hands.receive({ key: body.trigger_id, receivedAt, gesture })
    } catch (error) {
      hands.log.error({ err: error, userId: person?.userId }, 'A command could not be stored')
      return say(notStored.ask)
    }
    await (fresh ? say(accepted(command)) : ack())
  }
