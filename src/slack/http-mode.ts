import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type App,
  HTTPModuleFunctions,
  HTTPResponseAck,
  type Receiver,
  verifySlackRequest,
} from '@slack/bolt'
import { type Log, sdkLogger } from './log.ts'
import type { Connectable } from './socket-mode.ts'

export interface HttpSettings {
  readonly signingSecret: string
  readonly log: Log
}

const bodyLimit = 1_000_000
const skew = 5 * 60

const end = (res: ServerResponse, status: number): void => {
  if (!res.headersSent) res.writeHead(status)
  res.end()
}

/** The check of the server's certificate comes unsigned; whatever else such a request carries is never read. */
const isCertificateCheck = (body: string): boolean => new URLSearchParams(body).get('ssl_check') === '1'

/**
 * Slack's requests over HTTP. Bolt's own receiver would take a request whose stamp lies in the future for as long as
 * that stamp says; here both sides of the five minutes count.
 */
export class HttpMode implements Receiver, Connectable {
  readonly #settings: HttpSettings
  #app: App | undefined
  #started = false

  constructor(settings: HttpSettings) {
    if (settings.signingSecret === '') throw new Error('An empty signing secret would let anybody in')
    this.#settings = settings
  }

  init(app: App): void {
    this.#app = app
  }

  async start(): Promise<void> {
    this.#started = true
  }

  async stop(): Promise<void> {
    this.#started = false
  }

  connected(): boolean {
    return this.#started
  }

  /** Answers one request; the server that listens hands over every request to `/slack/events`. */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { log } = this.#settings
    try {
      if (req.method !== 'POST') return end(res, 405)
      const buffered = await HTTPModuleFunctions.bufferIncomingMessage(req, bodyLimit)
      const raw = buffered.rawBody.toString()
      if (isCertificateCheck(raw)) return end(res, 200)
      if (!this.#genuine(req, raw)) return end(res, 401)
      const body = HTTPModuleFunctions.parseHTTPRequestBody(buffered)
      if (body?.type === 'url_verification')
        return HTTPModuleFunctions.buildUrlVerificationResponse(res, body)
      await this.#process(req, res, body)
    } catch (error) {
      log.warn({ err: error }, 'A request to the Slack endpoint could not be handled')
      end(res, HTTPModuleFunctions.isRawBodyError(error) ? error.statusCode : 400)
    }
  }

  #genuine(req: IncomingMessage, body: string): boolean {
    const { signingSecret, log } = this.#settings
    const [stamp, signature] = ['x-slack-request-timestamp', 'x-slack-signature'].map(
      (name) => req.headers[name],
    )
    const at = Number(stamp)
    // Slack stamps by the world's clock, whatever clock the rest of the bot keeps.
    const seconds = Math.floor(Date.now() / 1000)
    if (typeof signature !== 'string' || typeof stamp !== 'string' || !/^\d{1,12}$/.test(stamp)) return false
    if (Math.abs(seconds - at) > skew) {
      log.warn(
        { stamp: at, now: seconds },
        'A request to the Slack endpoint has a stamp that is too old or too new',
      )
      return false
    }
    try {
      const headers = { 'x-slack-signature': signature, 'x-slack-request-timestamp': at }
      verifySlackRequest({ signingSecret, body, headers, nowMilliseconds: seconds * 1000 })
      return true
    } catch (error) {
      log.warn({ err: error }, 'A request to the Slack endpoint is not signed by Slack')
      return false
    }
  }

  async #process(req: IncomingMessage, res: ServerResponse, body: Record<string, unknown>): Promise<void> {
    const response = new HTTPResponseAck({
      logger: sdkLogger(this.#settings.log),
      processBeforeResponse: false,
      httpRequest: req,
      httpRequestBody: body,
      httpResponse: res,
    })
    await this.#app?.processEvent({ body, ack: response.bind() })
    // A listener that ended without acknowledging has failed; Slack need not wait three seconds to learn it.
    if (!res.headersSent) {
      response.ack()
      end(res, 500)
    }
  }
}
