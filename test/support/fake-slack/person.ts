import { show } from './answers.ts'
import { ApiError } from './api-error.ts'
import type { Channel } from './channels.ts'
import type { Ack, Delivery, DeliveryOptions } from './delivery.ts'
import { entryOf, formErrors, key } from './form-state.ts'
import {
  type ClickOptions,
  type GestureOptions,
  type Outcome,
  placedOn,
  type Seen,
  watch,
} from './gestures.ts'
import { isJson, type Json, listOf } from './json.ts'
import type { Message } from './messages.ts'
import * as payloads from './payloads.ts'
import type { PersonOptions, PersonRecord } from './people.ts'
import { afterSubmission } from './submission.ts'
import type { ResponseTicket } from './tickets.ts'
import type { View } from './views.ts'
import type { Workspace } from './workspace.ts'

export interface Wire {
  deliver: (delivery: Delivery, options: DeliveryOptions) => Promise<Ack[]>
  origin: () => string
}

type Target = Message | View

function isView(target: Target): target is View {
  return 'rootId' in target
}

/** Somebody in the workspace, and what that person can do in Slack. */
export class Person {
  readonly record: PersonRecord
  readonly #workspace: Workspace
  readonly #wire: Wire
  readonly #offered = new Map<string, Json[]>()
  readonly #entries = new Map<string, Map<string, Json>>()

  constructor(record: PersonRecord, workspace: Workspace, wire: Wire) {
    this.record = record
    this.#workspace = workspace
    this.#wire = wire
  }

  get id(): string {
    return this.record.id
  }

  get name(): string {
    return this.record.name
  }

  /** Changes what Slack knows of this person, for example `{ deleted: true }`. */
  becomes(options: Omit<PersonOptions, 'id'>): void {
    Object.assign(this.record, options)
  }

  /** Types a slash command. */
  async types(
    command: string,
    text = '',
    options: GestureOptions & { channel?: string } = {},
  ): Promise<Seen> {
    const { people, channels, tickets } = this.#workspace
    if (!people.isInternal(this.record) && options.as === undefined) {
      throw new Error(`${this.name} is no member of this workspace: Slack offers them no commands`)
    }
    const channel =
      options.channel === undefined ? channels.usual(this.record) : this.#channel(options.channel)
    const actor = this.#actor(options)
    const ticket = tickets.response('commands', actor.id, channel.id)
    const payload = payloads.slashCommand(this.#workspace, actor, {
      command,
      text,
      channel,
      triggerId: tickets.trigger(actor.id),
      responseUrl: this.#url(ticket),
    })
    const seen = watch(this.#workspace, actor.id, payload)
    const acks = await this.#wire.deliver({ type: 'slash_commands', payload }, options)
    return seen(acks, this.#showAcks(acks, ticket))
  }

  /** Presses a button of a message or view, named by its action id or by its words. */
  clicks(target: Target, what: string, options: ClickOptions = {}): Promise<Seen> {
    return this.#acts(target, what, options, () => ({}))
  }

  /** Picks from a select of a message or view. */
  picks(target: Target, what: string, value: unknown, options: ClickOptions = {}): Promise<Seen> {
    return this.#acts(target, what, options, (placed) => {
      const entry = entryOf(placed, value, this.#offered.get(placed.actionId) ?? [])
      this.#entriesOf(target).set(key(placed), entry)
      return entry
    })
  }

  /** Puts values into the fields of a form, by block id or action id, without sending anything. */
  fills(view: View, values: { readonly [field: string]: unknown }): void {
    const live = this.#liveView(view)
    for (const [field, value] of Object.entries(values)) {
      const byBlock = live.blocks.find((each) => each['block_id'] === field && isJson(each['element']))
      const placed = placedOn(
        byBlock === undefined ? live.blocks : [byBlock],
        byBlock === undefined ? field : String((byBlock['element'] as Json)['action_id']),
        {},
      )
      live.entries.set(key(placed), entryOf(placed, value, this.#offered.get(placed.actionId) ?? []))
    }
  }

  async submits(
    view: View,
    values: { readonly [field: string]: unknown } = {},
    options: GestureOptions = {},
  ): Promise<Seen> {
    this.fills(view, values)
    const live = this.#liveView(view)
    if (live.type !== 'modal' || !isJson(live.content['submit']))
      throw new Error('This view has no submit button')
    const actor = this.#actor(options)
    const payload = payloads.viewSubmission(
      this.#workspace,
      actor,
      live,
      this.#workspace.tickets.trigger(actor.id),
    )
    const seen = watch(this.#workspace, actor.id, payload)
    const viewErrors = formErrors(live.blocks, live.entries)
    if (Object.keys(viewErrors).length > 0) return seen([], { viewErrors })
    const acks = await this.#wire.deliver({ type: 'interactive', payload }, options)
    return seen(acks, afterSubmission(this.#workspace, live, acks))
  }

  /** Closes a modal by its cancel button, or the whole stack with `{ all: true }`. */
  async closes(view: View, options: GestureOptions & { all?: boolean } = {}): Promise<Seen> {
    const live = this.#liveView(view)
    const cleared = options.all === true || live.content['clear_on_close'] === true
    if (cleared) this.#workspace.views.clear(live.user)
    else this.#workspace.views.pop(live)
    const payload = payloads.viewClosed(this.#workspace, this.#actor(options), live, cleared)
    const seen = watch(this.#workspace, this.id, payload)
    if (live.content['notify_on_close'] !== true) return seen([{ acked: true, body: {} }])
    return seen(await this.#wire.deliver({ type: 'interactive', payload }, options))
  }

  /** Types into an external select; the result's `options` are what the list then offers. */
  async suggests(target: Target, what: string, typed: string, options: ClickOptions = {}): Promise<Seen> {
    const placed = placedOn(target.blocks, what, options)
    const where = isView(target)
      ? {
          container: { type: 'view', view_id: target.id },
          view: payloads.viewObject(this.#liveView(target), this.#workspace),
        }
      : {
          container: { type: 'message', message_ts: target.ts, channel_id: target.channel },
          channel: { id: target.channel },
        }
    const payload = payloads.blockSuggestion(this.#workspace, this.#actor(options), placed, {
      value: typed,
      where,
    })
    const seen = watch(this.#workspace, this.id, payload)
    const acks = await this.#wire.deliver({ type: 'interactive', payload }, options)
    const body = acks[0]?.acked === true && isJson(acks[0].body) ? acks[0].body : {}
    const grouped = listOf(body['option_groups']).flatMap((group) => listOf(group['options']))
    const offered = [...listOf(body['options']), ...grouped]
    this.#offered.set(placed.actionId, offered)
    return seen(acks, { options: offered })
  }

  async opensHome(options: GestureOptions = {}): Promise<Seen> {
    const actor = this.#actor(options)
    const home = this.#workspace.views.home(actor.id)
    const channel = this.#workspace.channels.direct(this.record).id
    const view = home === undefined ? {} : { view: payloads.viewObject(home, this.#workspace) }
    const content = { type: 'app_home_opened', user: actor.id, channel, tab: 'home', ...view }
    const payload = payloads.event(this.#workspace, content)
    const seen = watch(this.#workspace, actor.id, payload)
    return seen(await this.#wire.deliver({ type: 'events_api', payload }, options))
  }

  /** Writes an ordinary message, which the bot gets no event of. */
  says(channel: string, text: string, options: { thread?: string } = {}): Message {
    const threadTs = options.thread === undefined ? {} : { threadTs: options.thread }
    const where = this.#channel(channel).id
    return structuredClone(
      this.#workspace.messages.add({
        channel: where,
        user: this.id,
        byBot: false,
        text,
        blocks: [],
        ...threadTs,
      }),
    )
  }

  /** The modal that is on this person's screen now. */
  modal(): View | undefined {
    return structuredClone(this.#workspace.views.top(this.id))
  }

  home(): View | undefined {
    return structuredClone(this.#workspace.views.home(this.id))
  }

  ephemerals(): Message[] {
    return structuredClone(this.#workspace.messages.ephemerals(this.id))
  }

  dm(): Message[] {
    return structuredClone(this.#workspace.messages.flow(this.#workspace.channels.direct(this.record).id))
  }

  async #acts(
    target: Target,
    what: string,
    options: ClickOptions,
    entry: (placed: ReturnType<typeof placedOn>) => Json,
  ): Promise<Seen> {
    const live = isView(target) ? this.#liveView(target) : this.#liveMessage(target, options)
    const placed = placedOn(live.blocks, what, options)
    const actor = this.#actor(options)
    const forged = options.forgedValue === undefined ? {} : { value: options.forgedValue }
    const action = payloads.action(this.#workspace, placed, { ...entry(placed), ...forged })
    const clicked = { actions: [action], triggerId: this.#workspace.tickets.trigger(actor.id) }
    const payload = isView(live)
      ? payloads.viewAction(this.#workspace, actor, live, clicked)
      : payloads.messageAction(this.#workspace, actor, this.#place(live, actor), clicked)
    const seen = watch(this.#workspace, actor.id, payload)
    return seen(await this.#wire.deliver({ type: 'interactive', payload }, options))
  }

  #place(message: Message, actor: PersonRecord) {
    const channel = this.#channel(message.channel)
    const original = { ts: message.ts, ephemeral: message.ephemeralFor !== undefined }
    const ticket = this.#workspace.tickets.response('actions', actor.id, channel.id, original)
    return { message, channel, responseUrl: this.#url(ticket), entries: this.#entriesOf(message) }
  }

  #entriesOf(target: Target): Map<string, Json> {
    if (isView(target)) return this.#liveView(target).entries
    const id = `${target.channel}/${target.ts}`
    const entries = this.#entries.get(id) ?? new Map<string, Json>()
    this.#entries.set(id, entries)
    return entries
  }

  #liveMessage(copy: Message, options: ClickOptions): Message {
    const channel = this.#channel(copy.channel)
    const reads =
      copy.ephemeralFor === undefined
        ? this.#workspace.channels.canRead(channel, this.record)
        : copy.ephemeralFor === this.id
    if (!reads && options.as === undefined) throw new Error(`${this.name} cannot see this message`)
    if (options.stale === true) return copy
    const live = this.#workspace.messages.find(copy.channel, copy.ts, copy.ephemeralFor !== undefined)
    if (live === undefined) throw new Error('This message was deleted: { stale: true } clicks an old copy')
    return live
  }

  #liveView(copy: View): View {
    const live = this.#workspace.views.find({ id: copy.id })
    if (live === undefined) throw new Error('This view is not open any more')
    return live
  }

  #showAcks(acks: readonly Ack[], ticket: ResponseTicket): Outcome {
    let outcome: Outcome = {}
    for (const ack of acks) {
      if (!ack.acked) continue
      const body = typeof ack.body === 'string' ? { text: ack.body } : ack.body
      if (Object.keys(body).length === 0 || body['text'] === '') continue
      try {
        const message = show(this.#workspace, ticket, body)
        if (message === undefined) continue
        const copy = structuredClone(message)
        outcome = {
          ...(message.ephemeralFor === undefined ? { posted: copy } : { ephemeral: copy }),
          ...outcome,
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        outcome = { error: 'invalid_command_response', details: [error.code, JSON.stringify(error.extra)] }
      }
    }
    return outcome
  }

  #actor(options: GestureOptions): PersonRecord {
    if (options.as === undefined) return this.record
    return this.#workspace.people.all.get(options.as) ?? { ...this.record, id: options.as }
  }

  #channel(id: string): Channel {
    const channel = this.#workspace.channels.all.get(id)
    if (channel === undefined) throw new Error(`There is no channel ${id}`)
    return channel
  }

  #url(ticket: ResponseTicket): string {
    return `${this.#wire.origin()}${ticket.path}`
  }
}
