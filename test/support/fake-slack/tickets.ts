import type { Stamps } from './stamps.ts'

const TRIGGER_LIFE = 3_000
const RESPONSE_URL_LIFE = 30 * 60_000
const RESPONSE_URL_USES = 5

export interface Trigger {
  readonly id: string
  readonly user: string
  readonly at: number
  spent: boolean
  expired: boolean
}

export interface ResponseTicket {
  readonly path: string
  readonly user: string
  readonly channel: string
  readonly at: number
  uses: number
  expired: boolean
  /** The message whose button was clicked, or the answer that a command was given. */
  original?: { ts: string; ephemeral: boolean }
}

/** The short-lived permissions that a gesture hands to the app: trigger ids and response URLs. */
export class Tickets {
  readonly #stamps: Stamps
  readonly #triggers = new Map<string, Trigger>()
  readonly #responses = new Map<string, ResponseTicket>()

  constructor(stamps: Stamps) {
    this.#stamps = stamps
  }

  trigger(user: string): string {
    const id = `${this.#stamps.id('1')}.${this.#stamps.id('2')}.${this.#stamps.id('f00d')}`
    this.#triggers.set(id, { id, user, at: this.#stamps.now(), spent: false, expired: false })
    return id
  }

  /** The trigger of an open that Slack may accept, or the error that it answers. */
  exchange(id: string): Trigger | string {
    const trigger = this.#triggers.get(id)
    if (trigger === undefined) return 'invalid_trigger_id'
    if (trigger.spent) return 'exchanged_trigger_id'
    const late = this.#stamps.now() - trigger.at > TRIGGER_LIFE
    return trigger.expired || late ? 'expired_trigger_id' : trigger
  }

  expireTriggers(): void {
    for (const trigger of this.#triggers.values()) trigger.expired = true
  }

  response(
    kind: 'commands' | 'actions',
    user: string,
    channel: string,
    original?: ResponseTicket['original'],
  ): ResponseTicket {
    const path = `/${kind}/${this.#stamps.id('T')}/${this.#stamps.id('')}`
    const ticket: ResponseTicket = { path, user, channel, at: this.#stamps.now(), uses: 0, expired: false }
    if (original !== undefined) ticket.original = original
    this.#responses.set(path, ticket)
    return ticket
  }

  /** The response URL, if it may be used now; each use counts. */
  use(path: string): ResponseTicket | string {
    const ticket = this.#responses.get(path)
    if (ticket === undefined) return 'invalid_url'
    const late = this.#stamps.now() - ticket.at > RESPONSE_URL_LIFE
    if (ticket.expired || late) return 'expired_url'
    if (ticket.uses >= RESPONSE_URL_USES) return 'used_url'
    ticket.uses += 1
    return ticket
  }

  expireResponseUrls(): void {
    for (const ticket of this.#responses.values()) ticket.expired = true
  }
}
