import type { AllMiddlewareArgs, SlackViewMiddlewareArgs, ViewSubmitAction } from '@slack/bolt'
import { parseCommand } from '../../core/command.ts'
import type { Gesture } from '../../ports.ts'
import { personOf } from '../identity.ts'
import { type Hands, notStored } from '../listener.ts'
import { timeBlock as againBlock, changedAddress, commandIn } from './again.ts'
import { lessIn, timeBlock } from './less.ts'
import { carried, textIn } from './parts.ts'
import { portsBlock, protectIn } from './protect.ts'
import { reasonBlock } from './reason.ts'

type Args = SlackViewMiddlewareArgs<ViewSubmitAction> & AllMiddlewareArgs

/** Stores what a form said, before it closes; one that could not be stored stays open and says so. */
async function store(hands: Hands, { body, ack }: Args, gesture: Gesture, block: string): Promise<void> {
  try {
    await hands.receive({ key: body.trigger_id, receivedAt: hands.now(), gesture })
  } catch (error) {
    hands.log.error({ err: error, userId: gesture.person.userId }, 'A form could not be stored')
    await ack({ response_action: 'errors', errors: { [block]: notStored.form } })
    return
  }
  await ack()
}

/** Why somebody said no. */
export const denyReason =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const { body, view } = args
    const person = personOf(body)
    const text = textIn(view.state.values, reasonBlock)
    if (person === null || text === '') return args.ack()
    const gesture: Gesture = { kind: 'comment', person, about: view.private_metadata, text }
    return store(hands, args, gesture, reasonBlock)
  }

/** What was asked before, asked once more: an ask like any other. */
export const askAgain =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const { body, view, ack } = args
    const person = personOf(body)
    const about = carried(view.private_metadata, ['requestId', 'responseUrl', 'remembered'])
    const kase = about && (await hands.read(about.requestId))
    if (person === null || !kase) return ack()
    const read = commandIn(view.state.values, kase)
    if (!read.ok) return ack({ response_action: 'errors', errors: read.errors })
    const { text } = read
    const command = parseCommand(text, hands.services())
    const wrong =
      command.kind === 'ask'
        ? changedAddress(kase, about.remembered, await hands.remembered(person))
        : command.kind === 'mistake'
          ? command.wrong
          : 'This cannot be asked for.'
    if (wrong !== null) return ack({ response_action: 'errors', errors: { [againBlock]: wrong } })
    const gesture: Gesture = { kind: 'ask', person, text, responseUrl: about.responseUrl }
    return store(hands, args, gesture, againBlock)
  }

/** The second step of breaking the glass: the same text is an ask now. */
export const breakGlass =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const person = personOf(args.body)
    const asked = carried(args.view.private_metadata, ['text', 'responseUrl'])
    if (person === null || !asked) return args.ack()
    const gesture: Gesture = { kind: 'ask', person, ...asked }
    return store(hands, args, gesture, 'glass')
  }

/** The second step of a stop: what was typed is read again, by whoever decides. */
export const panic =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const person = personOf(args.body)
    if (person === null) return args.ack()
    const gesture: Gesture = { kind: 'panic', person, text: args.view.private_metadata }
    return store(hands, args, gesture, 'panic')
  }

/** The second step of lifting: what the form showed, and no other stop. */
export const lift =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const person = personOf(args.body)
    const shown = carried(args.view.private_metadata, ['text', 'lifts'])
    if (person === null || !shown) return args.ack()
    const gesture: Gesture = { kind: 'panic', person, text: shown.text, lifts: shown.lifts.split(' ') }
    return store(hands, args, gesture, 'lift')
  }

/** The second step of protecting: who may is decided by whoever takes it up. */
export const protect =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const { body, view, ack } = args
    const person = personOf(body)
    if (person === null) return ack()
    const read = protectIn(view.state.values)
    if (!read.ok) return ack({ response_action: 'errors', errors: read.errors })
    const gesture: Gesture = { kind: 'protect', person, vm: view.private_metadata, terms: read.terms }
    return store(hands, args, gesture, portsBlock)
  }

/** The second step of ending a protection: the one that the form showed. */
export const unprotect =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const person = personOf(args.body)
    if (person === null) return args.ack()
    const gesture: Gesture = { kind: 'unprotect', person, protectionId: args.view.private_metadata }
    return store(hands, args, gesture, 'unprotect')
  }

/** The second step of asking for another operator's yes. */
export const proposeRemoval =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const person = personOf(args.body)
    const asked = carried(args.view.private_metadata, ['protectionId', 'rule'])
    if (person === null || !asked) return args.ack()
    const gesture: Gesture = { kind: 'propose removal', person, ...asked }
    return store(hands, args, gesture, 'removal')
  }

/** A yes to a part of what was asked for. */
export const approveLess =
  (hands: Hands) =>
  async (args: Args): Promise<void> => {
    const { body, view, ack } = args
    const person = personOf(body)
    const about = carried(view.private_metadata, ['requestId', 'responseUrl'])
    const kase = about && (await hands.read(about.requestId))
    if (person === null || !kase) {
      const wrong = 'This request is not here any more. Close this form and look at its card.'
      await ack({ response_action: 'errors', errors: { [timeBlock]: wrong } })
      return
    }
    const read = lessIn(view.state.values, kase)
    if (!read.ok) {
      await ack({ response_action: 'errors', errors: read.errors })
      return
    }
    const { duration, ports, source } = read
    // Of a form from before there was any, no address had changed.
    const seen = Number(carried(view.private_metadata, ['seen'])?.seen ?? 0)
    const whole = kase.request.source.address
    const gesture: Gesture = {
      kind: 'click',
      person,
      action: 'approve',
      requestId: about.requestId,
      responseUrl: about.responseUrl || null,
      ...(seen > 0 && { seen }),
      less: { duration, ports, ...(source !== whole && { source }) },
    }
    await store(hands, args, gesture, timeBlock)
  }
