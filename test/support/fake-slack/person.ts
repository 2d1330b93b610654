import { showAcks } from './answers.ts'
import type { Ack, Delivery, DeliveryOptions } from './delivery.ts'
import type { Placed } from './elements.ts'
import { entryOf, formErrors, key } from './form-state.ts'
import { type ClickOptions, type GestureOptions, placedOn, type Seen, watch } from './gestures.ts'
import { isJson, type Json, listOf } from './json.ts'
import type { Message } from './messages.ts'
import * as payloads from './payloads.ts'
import type { PersonOptions, PersonRecord } from './people.ts'
import { isView, Screen, type Target } from './screen.ts'
import { afterSubmission } from './submission.ts'
import type { ResponseTicket } from './tickets.ts'
import type { View } from './views.ts'
import type { Workspace } from './workspace.ts'

export interface Wire {
  deliver: (delivery: Delivery, options: DeliveryOptions) => Promise<Ack[]>
  origin: () => string
}

/** Somebody in the workspace, and what that person can do in Slack. */
export class Person {
  readonly record: PersonRecord
  readonly #workspace: Workspace
  readonly #wire: Wire
  readonly #screen: Screen

  constructor(record: PersonRecord, workspace: Workspace, wire: Wire) {
    this.record = record
    this.#workspace = workspace
    this.#wire = wire
    this.#screen = new Screen(workspace, record)
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

  /** Types a slash command, in `channel` or where this person usually is. */
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
      options.channel === undefined ? channels.usual(this.record) : this.#screen.channel(options.channel)
    const actor = this.#actor(options)
    const ticket = tickets.response('commands', actor.id, channel.id)
    const triggerId = tickets.trigger(actor.id)
    const typed = { command, text, channel, triggerId, responseUrl: this.#url(ticket) }
    const payload = payloads.slashCommand(this.#workspace, actor, typed)
    const seen = watch(this.#workspace, actor.id, payload)
    const acks = await this.#wire.deliver({ type: 'slash_commands', payload }, options)
    return seen(acks, showAcks(this.#workspace, ticket, acks))
  }

  /** Presses a button of a message or view, named by its action id or by its words. */
  clicks(target: Target, what: string, options: ClickOptions = {}): Promise<Seen> {
    return this.#acts(target, what, options, () => ({}))
  }

  /** Picks from a select of a message or view. */
  picks(target: Target, what: string, value: unknown, options: ClickOptions = {}): Promise<Seen> {
    return this.#acts(target, what, options, (placed, live) => {
      const entry = entryOf(placed, value, this.#screen.offered(placed.actionId))
      this.#screen.entries(live).set(key(placed), entry)
      return entry
    })
  }

  /** Puts values into the fields of a form, by block id or action id, without sending anything. */
  fills(view: View, values: { readonly [field: string]: unknown }): void {
    const live = this.#screen.view(view)
    for (const [field, value] of Object.entries(values)) this.#screen.fill(live, field, value)
  }

  /** Fills in the values and presses the submit button. */
  async submits(
    view: View,
    values: { readonly [field: string]: unknown } = {},
    options: GestureOptions = {},
  ): Promise<Seen> {
    const live = this.#screen.view(view, options)
    for (const [field, value] of Object.entries(values)) this.#screen.fill(live, field, value)
    if (live.type !== 'modal' || !isJson(live.content['submit']))
      throw new Error('This view has no submit button')
    if (this.#workspace.views.top(live.user) !== live) throw new Error('Another view lies on top of this one')
    const actor = this.#actor(options)
    const triggerId = this.#workspace.tickets.trigger(actor.id)
    const payload = payloads.viewSubmission(this.#workspace, actor, live, triggerId)
    const seen = watch(this.#workspace, actor.id, payload)
    const viewErrors = formErrors(live.blocks, live.entries)
    if (Object.keys(viewErrors).length > 0) return seen([], { viewErrors })
    const acks = await this.#wire.deliver({ type: 'interactive', payload }, options)
    return seen(acks, afterSubmission(this.#workspace, live, acks))
  }

  /** Closes a modal by its cancel button, or the whole stack with `{ all: true }`. */
  async closes(view: View, options: GestureOptions & { all?: boolean } = {}): Promise<Seen> {
    const live = this.#screen.view(view, options)
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
    const live = this.#screen.live(target, options)
    const placed = placedOn(live.blocks, what, options)
    const where = isView(live)
      ? { container: { type: 'view', view_id: live.id }, view: payloads.viewObject(live, this.#workspace) }
      : {
          container: { type: 'message', message_ts: live.ts, channel_id: live.channel },
          channel: { id: live.channel, name: this.#screen.channel(live.channel).name },
        }
    const search = { value: typed, where }
    const payload = payloads.blockSuggestion(this.#workspace, this.#actor(options), placed, search)
    const seen = watch(this.#workspace, this.id, payload)
    const acks = await this.#wire.deliver({ type: 'interactive', payload }, options)
    const body = acks[0]?.acked === true && isJson(acks[0].body) ? acks[0].body : {}
    const grouped = listOf(body['option_groups']).flatMap((group) => listOf(group['options']))
    const offered = [...listOf(body['options']), ...grouped]
    this.#screen.offer(placed.actionId, offered)
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
    const { id } = this.#screen.channel(channel)
    const threadTs = options.thread === undefined ? {} : { threadTs: options.thread }
    const draft = { channel: id, user: this.id, byBot: false, text, blocks: [], ...threadTs }
    return structuredClone(this.#workspace.messages.add(draft))
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
    entry: (placed: Placed, live: Target) => Json,
  ): Promise<Seen> {
    const live = this.#screen.live(target, options)
    const placed = placedOn(live.blocks, what, options)
    const actor = this.#actor(options)
    const forged = options.forgedValue === undefined ? {} : { value: options.forgedValue }
    const action = payloads.action(this.#workspace, placed, { ...entry(placed, live), ...forged })
    const clicked = { actions: [action], triggerId: this.#workspace.tickets.trigger(actor.id) }
    const payload = isView(live)
      ? payloads.viewAction(this.#workspace, actor, live, clicked)
      : payloads.messageAction(this.#workspace, actor, this.#place(live, actor), clicked)
    const seen = watch(this.#workspace, actor.id, payload)
    return seen(await this.#wire.deliver({ type: 'interactive', payload }, options))
  }

  #place(message: Message, actor: PersonRecord): payloads.Place {
    const channel = this.#screen.channel(message.channel)
    const original = { ts: message.ts, ephemeral: message.ephemeralFor !== undefined }
    const ticket = this.#workspace.tickets.response('actions', actor.id, channel.id, original)
    return { message, channel, responseUrl: this.#url(ticket), entries: this.#screen.entries(message) }
  }

  #actor(options: GestureOptions): PersonRecord {
    if (options.as === undefined) return this.record
    return this.#workspace.people.all.get(options.as) ?? { ...this.record, id: options.as }
  }

  #url(ticket: ResponseTicket): string {
    return `${this.#wire.origin()}${ticket.path}`
  }
}
