import type { Ack, DeliveryError, DeliveryOptions } from './delivery.ts'
import type { Placed } from './elements.ts'
import { elementsOf } from './elements.ts'
import { isJson, type Json, textOf } from './json.ts'
import type { Message } from './messages.ts'
import type { View } from './views.ts'
import type { Workspace } from './workspace.ts'

export interface GestureOptions extends DeliveryOptions {
  /** Sends the gesture in another user's name, as a forger would. */
  as?: string
}

export interface ClickOptions extends GestureOptions {
  /** Clicks what the given copy shows, even when the message has changed since. */
  stale?: boolean
  /** Tells apart several buttons of the same action id. */
  block?: string
  value?: string
  /** Sends this value in place of the button's own. */
  forgedValue?: string
}

/** What the person sees of a gesture once the app has acknowledged it, or failed to. */
export interface Seen {
  readonly acked: boolean
  readonly error?: DeliveryError | 'invalid_command_response' | 'invalid_view_response'
  /** Why Slack refused the app's answer. */
  readonly details?: readonly string[]
  /** HTTP mode: the status of the app's answer. */
  readonly status?: number
  /** What the ack of a command said to this person only. */
  readonly ephemeral?: Message
  /** What the ack of a command said to the channel. */
  readonly posted?: Message
  /** What stands beside the fields of a form that was not accepted. */
  readonly viewErrors?: { readonly [block: string]: string }
  readonly options?: readonly Json[]
  readonly payload: Json
  /** One per delivery, when the payload was delivered several times. */
  readonly acks: readonly Ack[]
  /** The first thing said to this person alone since the gesture: ack, response URL or chat.postEphemeral. */
  reply: () => Promise<Message>
  /** The modal that this gesture opened. */
  modal: () => Promise<View>
}

export type Outcome = Partial<Omit<Seen, 'reply' | 'modal' | 'payload' | 'acks'>>

function sinceOf(ts: string): number {
  return Number(ts.replace('.', ''))
}

/** Begins to watch what reaches `user`; the returned function makes the result of the gesture. */
export function watch(workspace: Workspace, user: string, payload: Json) {
  const since = sinceOf(workspace.stamps.last())
  const trigger = textOf(payload, 'trigger_id')
  const reply = async (): Promise<Message> => {
    const find = (): Message | undefined =>
      workspace.messages.ephemerals(user).find((each) => sinceOf(each.ts) > since)
    return structuredClone(await workspace.record.until(find, { what: `a reply to ${user}` }))
  }
  const modal = async (): Promise<View> => {
    const find = (): View | undefined => workspace.views.stack(user).find((each) => each.trigger === trigger)
    return structuredClone(await workspace.record.until(find, { what: `a modal for ${user}` }))
  }
  return (acks: readonly Ack[], outcome: Outcome = {}): Seen => {
    const first = acks[0]
    const failure = first === undefined || first.acked ? {} : { error: first.error }
    const status = first?.status === undefined ? {} : { status: first.status }
    return { acked: first?.acked ?? false, ...failure, ...status, ...outcome, payload, acks, reply, modal }
  }
}

function label({ element }: Placed): string {
  return isJson(element['text']) ? textOf(element['text'], 'text') : ''
}

/** The element that a person means by an action id or by the words on it. */
export function placedOn(blocks: readonly Json[], wanted: string, options: ClickOptions): Placed {
  const all = elementsOf(blocks)
  const byId = all.filter((each) => each.actionId === wanted)
  const named = byId.length > 0 ? byId : all.filter((each) => label(each) === wanted)
  const found = named.filter(
    (each) =>
      (options.block === undefined || each.blockId === options.block) &&
      (options.value === undefined || each.element['value'] === options.value),
  )
  const [first, second] = found
  if (first === undefined) {
    const there = all.map((each) => each.actionId).join(', ') || 'nothing to click'
    throw new Error(`There is no "${wanted}" to click any more; there is: ${there}`)
  }
  if (second !== undefined)
    throw new Error(`There are several "${wanted}": say which by { block } or { value }`)
  return first
}
