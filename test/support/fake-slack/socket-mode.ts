import type { WebSocket } from 'ws'
import type { Ack, Delivery, DeliveryOptions } from './delivery.ts'
import { isJson, type Json } from './json.ts'
import type { Workspace } from './workspace.ts'

const MAX_CONNECTIONS = 10

/** Which of the open connections gets the next envelope. */
export type Pick = (open: number) => number

interface Connection {
  readonly id: string
  readonly socket: WebSocket
  /** After a disconnect frame Slack sends nothing more on a connection. */
  retiring: boolean
  readonly pending: Map<string, (ack: Ack) => void>
}

function roundRobin(): Pick {
  let turn = 0
  return (open) => turn++ % open
}

export class SocketMode {
  readonly #workspace: Workspace
  readonly #pick: Pick
  readonly #tickets = new Set<string>()
  readonly #connections = new Set<Connection>()
  #losing = 0

  constructor(workspace: Workspace, pick: Pick = roundRobin()) {
    this.#workspace = workspace
    this.#pick = pick
  }

  get open(): number {
    return this.#live().length
  }

  /** The path of a WebSocket URL, good for one connection. */
  ticket(): string {
    const ticket = this.#workspace.stamps.id('ticket')
    this.#tickets.add(ticket)
    return `/link/?ticket=${ticket}&app_id=${this.#workspace.appId}`
  }

  redeem(ticket: string): boolean {
    return this.#tickets.delete(ticket)
  }

  connect(socket: WebSocket): void {
    const connection: Connection = {
      id: this.#workspace.stamps.id('conn'),
      socket,
      retiring: false,
      pending: new Map(),
    }
    if (this.open >= MAX_CONNECTIONS) {
      socket.send(JSON.stringify({ type: 'disconnect', reason: 'too_many_websockets' }))
      socket.close()
      return
    }
    this.#connections.add(connection)
    socket.on('message', (data: Buffer) => this.#received(connection, data.toString()))
    socket.on('error', () => socket.terminate())
    socket.on('close', () => this.#closed(connection))
    const hello = {
      type: 'hello',
      num_connections: this.open,
      debug_info: { host: 'applink-fake', build_number: 1, approximate_connection_time: 3600 },
      connection_info: { app_id: this.#workspace.appId },
    }
    socket.send(JSON.stringify(hello))
    this.#workspace.record.note(`connection ${connection.id} opened`)
  }

  async deliver(delivery: Delivery, options: DeliveryOptions): Promise<Ack[]> {
    const live = this.#live()
    if (live.length === 0) {
      this.#workspace.record.note(`${delivery.type}: no connection is open`)
      return [{ acked: false, error: 'dispatch_failed' }]
    }
    if (options.everyConnection === true) {
      const envelope = this.#workspace.stamps.id('envelope')
      return Promise.all(live.map((connection) => this.#send(connection, envelope, delivery, options)))
    }
    const rounds = Array.from({ length: options.times ?? 1 }, () => {
      const connection = live[this.#pick(live.length) % live.length]
      if (connection === undefined)
        throw new Error('The choice of a connection must be a whole number from 0')
      return this.#send(connection, this.#workspace.stamps.id('envelope'), delivery, options)
    })
    return Promise.all(rounds)
  }

  /** Sends the frame with which Slack announces that it will close; `warning` keeps the connection in use. */
  disconnect(reason: 'warning' | 'refresh_requested' | 'link_disabled', howMany = Infinity): void {
    for (const connection of this.#live().slice(0, howMany)) {
      connection.retiring = reason !== 'warning'
      connection.socket.send(
        JSON.stringify({ type: 'disconnect', reason, debug_info: { host: 'applink-fake' } }),
      )
    }
    this.#workspace.record.note(`disconnect frames sent: ${reason}`)
  }

  /** Cuts connections with no frame at all, as a broken network does. */
  drop(howMany = Infinity): void {
    for (const connection of this.#live().slice(0, howMany)) connection.socket.terminate()
  }

  /** The next acks get lost on the way: the app believes that it answered, the person sees a failure. */
  loseAcks(times = 1): void {
    this.#losing += times
  }

  /** Closes every connection with the proper handshake, and cuts those that don't answer it. */
  async stop(): Promise<void> {
    const closing = [...this.#connections].map(
      ({ socket }) =>
        new Promise<void>((resolve) => {
          const cut = setTimeout(() => socket.terminate(), 1_000)
          socket.once('close', () => {
            clearTimeout(cut)
            resolve()
          })
          socket.close(1001)
        }),
    )
    await Promise.all(closing)
  }

  #live(): Connection[] {
    return [...this.#connections].filter(
      (each) => !each.retiring && each.socket.readyState === each.socket.OPEN,
    )
  }

  #send(
    connection: Connection,
    envelope: string,
    delivery: Delivery,
    options: DeliveryOptions,
  ): Promise<Ack> {
    const retry = options.retry === undefined ? {} : { retry_attempt: options.retry, retry_reason: 'timeout' }
    const frame = {
      envelope_id: envelope,
      type: delivery.type,
      accepts_response_payload: delivery.type !== 'events_api',
      payload: delivery.payload,
      ...retry,
    }
    return new Promise<Ack>((resolve) => {
      const settle = (ack: Ack): void => {
        cancel()
        connection.pending.delete(envelope)
        this.#workspace.record.note(
          `${delivery.type} on ${connection.id}: ${ack.acked ? 'acked' : ack.error}`,
        )
        resolve(ack)
      }
      const cancel = this.#workspace.deadlines.start(() =>
        settle({ acked: false, error: 'operation_timeout' }),
      )
      connection.pending.set(envelope, settle)
      connection.socket.send(JSON.stringify(frame))
      this.#workspace.record.note(`${delivery.type} sent on ${connection.id}`)
    })
  }

  #received(connection: Connection, data: string): void {
    const frame: unknown = JSON.parse(data)
    if (!isJson(frame) || typeof frame['envelope_id'] !== 'string') return
    const settle = connection.pending.get(frame['envelope_id'])
    // An ack after the deadline, or a second one, changes nothing that the person sees.
    if (settle === undefined) return
    if (this.#losing > 0) {
      this.#losing -= 1
      this.#workspace.record.note('an ack got lost')
      return
    }
    const payload = isJson(frame['payload']) ? frame['payload'] : ({} satisfies Json)
    settle({ acked: true, body: payload })
  }

  #closed(connection: Connection): void {
    this.#connections.delete(connection)
    for (const settle of connection.pending.values()) settle({ acked: false, error: 'operation_timeout' })
    this.#workspace.record.note(`connection ${connection.id} closed`)
  }
}
