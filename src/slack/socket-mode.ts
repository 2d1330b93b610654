import { promises as timers } from 'node:timers'
import { type App, type Receiver, SocketModeReceiver } from '@slack/bolt'
import { type Log, sdkLogger } from './log.ts'
import { clientOptions } from './web-api.ts'

export interface SocketSettings {
  readonly appToken: string
  readonly slackApiUrl: string
  readonly log: Log
  /** How many connections are held open. */
  readonly connections: number
}

export interface Connectable {
  /** Resolves with the first connection. A Slack that cannot be reached is tried again until `stop`. */
  start(): Promise<void>
  stop(): Promise<void>
  connected(): boolean
}

const helloWithin = 15_000
const shortLived = 10_000
const longestPause = 30_000

const pauseAfter = (failures: number): number =>
  failures === 0 ? 0 : Math.min(longestPause, 100 * 2 ** Math.min(failures, 10)) * (0.75 + Math.random() / 2)

/**
 * One connection that is opened again whenever it ends. The SDK's own way waits five seconds first, and its
 * failure to reconnect ends the process as an unhandled rejection; both are switched off here.
 */
class Line {
  readonly #log: Log
  readonly receiver: SocketModeReceiver
  readonly #stopping = new AbortController()
  #open = false
  #ended: () => void = () => {}

  constructor({ appToken, slackApiUrl, log }: SocketSettings) {
    this.#log = log
    this.receiver = new SocketModeReceiver({
      appToken,
      autoReconnectEnabled: false,
      clientPingTimeout: 5_000,
      serverPingTimeout: 30_000,
      logger: sdkLogger(log),
      installerOptions: { clientOptions: clientOptions(slackApiUrl, log) },
    })
    this.receiver.client.on('disconnected', () => {
      this.#open = false
      this.#ended()
    })
  }

  get open(): boolean {
    return this.#open
  }

  /** Runs until `stop`; never rejects. `opened` is called at each new connection. */
  async keepOpen(opened: () => void): Promise<void> {
    const { signal } = this.#stopping
    let failures = 0
    while (!signal.aborted) {
      const since = performance.now()
      try {
        await this.#session(opened)
        failures = performance.now() - since < shortLived ? failures + 1 : 0
      } catch (error) {
        failures += 1
        this.#log.warn({ err: error, failures }, 'Slack cannot be reached over Socket Mode; trying again')
      }
      await timers.setTimeout(pauseAfter(failures), undefined, { signal }).catch(() => {})
    }
  }

  async #session(opened: () => void): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve
    })
    const giveUp = setTimeout(() => void this.receiver.client.disconnect(), helloWithin)
    try {
      await this.receiver.start()
    } finally {
      clearTimeout(giveUp)
    }
    if (this.#stopping.signal.aborted) return this.#close()
    this.#open = true
    this.#log.info({}, 'Connected to Slack over Socket Mode')
    opened()
    await ended
  }

  async #close(): Promise<void> {
    const closed = this.receiver.client.disconnect()
    // Slack may never answer the close; asking a second time ends the connection at once.
    const force = setTimeout(() => void this.receiver.client.disconnect(), 1_000)
    await closed
    clearTimeout(force)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    if (this.#open) await this.#close()
  }
}

/** Several connections in one app: while Slack renews one of them, the others hear. */
export class SocketMode implements Receiver, Connectable {
  readonly #lines: readonly Line[]
  #running: Promise<unknown> = Promise.resolve()

  constructor(settings: SocketSettings) {
    this.#lines = Array.from({ length: settings.connections }, () => new Line(settings))
  }

  init(app: App): void {
    for (const line of this.#lines) line.receiver.init(app)
  }

  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#running = Promise.all(this.#lines.map((line) => line.keepOpen(resolve))).then(() => resolve())
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.stop()))
    await this.#running
  }

  connected(): boolean {
    return this.#lines.some((line) => line.open)
  }
}
