import type { Channel, ChannelOptions } from './channels.ts'
import type { Ack, Delivery, DeliveryOptions } from './delivery.ts'
import type { Fault } from './faults.ts'
import { HttpDelivery } from './http-delivery.ts'
import type { Json } from './json.ts'
import type { Message } from './messages.ts'
import { event } from './payloads.ts'
import type { PersonOptions } from './people.ts'
import { Person } from './person.ts'
import type { Call } from './record.ts'
import { FakeServer } from './server.ts'
import { type Pick, SocketMode } from './socket-mode.ts'
import type { View } from './views.ts'
import { type Names, readable, visibleBlocks, visibleView } from './visible-text.ts'
import { Workspace, type WorkspaceOptions } from './workspace.ts'

export interface FakeSlackOptions extends WorkspaceOptions {
  /** HTTP mode: where Slack posts to. Without it, everything goes through Socket Mode. */
  eventsUrl?: string
  /** Which open connection gets the next envelope; round robin unless given. */
  pick?: Pick
}

/**
 * Starts a Slack of its own for one test:
 *
 *     const fake = await startFakeSlack()
 *     const alice = fake.person('alice')
 *     fake.channel('C0OPS', { members: ['alice'] })
 *     // … start the app with slackApiUrl: fake.apiUrl, fake.botToken and fake.appToken …
 *     const seen = await alice.types('/jit', 'rdp vm-jump01 30m')
 *     expect(fake.visible(await seen.reply())).toBe('…')
 */
export async function startFakeSlack(options: FakeSlackOptions = {}): Promise<FakeSlack> {
  const workspace = new Workspace(options)
  const socketMode = new SocketMode(workspace, options.pick)
  const server = new FakeServer(workspace, socketMode)
  await server.listen()
  const fake = new FakeSlack(workspace, socketMode, server)
  if (options.eventsUrl !== undefined) fake.postsTo(options.eventsUrl)
  return fake
}

/** A whole Slack workspace in memory, strict where the real one is. */
export class FakeSlack {
  readonly workspace: Workspace
  readonly sockets: SocketMode
  readonly #server: FakeServer
  readonly #people = new Map<string, Person>()
  #http: HttpDelivery | undefined

  constructor(workspace: Workspace, sockets: SocketMode, server: FakeServer) {
    this.workspace = workspace
    this.sockets = sockets
    this.#server = server
  }

  get apiUrl(): string {
    return `${this.#server.origin}/api/`
  }

  get botToken(): string {
    return this.workspace.botToken
  }

  get appToken(): string {
    return this.workspace.appToken
  }

  get signingSecret(): string {
    return this.workspace.signingSecret
  }

  get scopes(): Set<string> {
    return this.workspace.scopes
  }

  /** Switches to HTTP mode: from now on every gesture is posted to this URL. */
  postsTo(eventsUrl: string | undefined): void {
    this.#http = eventsUrl === undefined ? undefined : new HttpDelivery(this.workspace, eventsUrl)
  }

  person(name: string, options: PersonOptions = {}): Person {
    const wire = { deliver: this.#deliver, origin: () => this.#server.origin }
    const person = new Person(this.workspace.people.add(name, options), this.workspace, wire)
    this.#people.set(name, person)
    return person
  }

  group(
    id: string,
    handle: string,
    members: readonly string[],
  ): { members: (names: readonly string[]) => void; disable: () => void } {
    const group = this.workspace.people.group(id, handle, members)
    return {
      members: (names) => {
        group.members = names.map((each) => this.workspace.people.find(each).id)
      },
      disable: () => {
        group.disabled = true
      },
    }
  }

  /** The channel that comes back may be changed: `channel.archived = true`. */
  channel(id: string, options: ChannelOptions = {}): Channel {
    return this.workspace.channels.add(id, options)
  }

  /** What stands in a channel, thread replies left out. */
  messages(channel: string): Message[] {
    return structuredClone(this.workspace.messages.flow(channel))
  }

  thread(parent: { channel: string; ts: string }): Message[] {
    return structuredClone(this.workspace.messages.thread(parent))
  }

  /** The present state of a message that the test has a copy of. */
  now(message: Message): Message {
    const ephemeral = message.ephemeralFor !== undefined
    const live = this.workspace.messages.find(message.channel, message.ts, ephemeral)
    if (live === undefined) throw new Error('This message was deleted')
    return structuredClone(live)
  }

  dm(person: string): Message[] {
    const record = this.workspace.people.find(person)
    return structuredClone(this.workspace.messages.flow(this.workspace.channels.direct(record).id))
  }

  ephemerals(person: string): Message[] {
    return structuredClone(this.workspace.messages.ephemerals(this.workspace.people.find(person).id))
  }

  /** What a person reads in a message or view. */
  visible(shown: Message | View): string {
    if ('rootId' in shown) return visibleView(shown.content, shown.blocks, this.#names)
    return shown.blocks.length > 0
      ? visibleBlocks(shown.blocks, this.#names)
      : readable(shown.text, this.#names)
  }

  calls(filter: { method?: string } = {}): Call[] {
    return this.workspace.record.of(filter)
  }

  until<T>(
    predicate: () => T | false | null | undefined,
    options: { within?: number; what?: string } = {},
  ): Promise<T> {
    return this.workspace.record.until(predicate, options)
  }

  /** Resolves once that many Socket Mode connections are open. */
  async connected(count = 1): Promise<void> {
    await this.until(() => this.sockets.open === count, { what: `${count} open connections` })
  }

  fault(fault: Fault): void {
    this.workspace.faults.add(fault)
  }

  heal(): void {
    this.workspace.faults.heal()
  }

  /** How many gestures wait for their ack. */
  get pendingAcks(): number {
    return this.workspace.deadlines.pending
  }

  /** Ends the three seconds for every gesture that is not acknowledged yet. */
  expireAcks(): void {
    this.workspace.deadlines.expireAll()
  }

  expireTriggers(): void {
    this.workspace.tickets.expireTriggers()
  }

  expireResponseUrls(): void {
    this.workspace.tickets.expireResponseUrls()
  }

  /** Sends an event of the Events API, such as `{ type: 'user_change', user }`. */
  event(content: Json, options: DeliveryOptions = {}): Promise<Ack[]> {
    return this.#deliver({ type: 'events_api', payload: event(this.workspace, content) }, options)
  }

  async stop(): Promise<void> {
    this.expireAcks()
    this.workspace.faults.heal('cut')
    await this.sockets.stop()
    await this.#server.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  readonly #deliver = (delivery: Delivery, options: DeliveryOptions): Promise<Ack[]> =>
    (this.#http ?? this.sockets).deliver(delivery, options)

  get #names(): Names {
    const { people, channels } = this.workspace
    return {
      user: (id) => people.all.get(id)?.name,
      channel: (id) => channels.all.get(id)?.name,
      group: (id) => people.groups.get(id)?.handle,
    }
  }
}
