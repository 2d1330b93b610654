import { createHmac } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import type { Ack, Delivery, DeliveryOptions, Forgery } from './delivery.ts'
import { isJson, type Json } from './json.ts'
import type { Workspace } from './workspace.ts'

const SIX_MINUTES = 6 * 60

/** The headers of Slack's signature, version 0. */
export function signed(secret: string, body: string, seconds: number): { [header: string]: string } {
  const digest = createHmac('sha256', secret).update(`v0:${seconds}:${body}`).digest('hex')
  return { 'x-slack-request-timestamp': String(seconds), 'x-slack-signature': `v0=${digest}` }
}

function encoded(delivery: Delivery): { body: string; type: string } {
  if (delivery.type === 'events_api')
    return { body: JSON.stringify(delivery.payload), type: 'application/json' }
  const fields =
    delivery.type === 'interactive'
      ? { payload: JSON.stringify(delivery.payload) }
      : Object.fromEntries(Object.entries(delivery.payload).map(([key, value]) => [key, String(value)]))
  return { body: new URLSearchParams(fields).toString(), type: 'application/x-www-form-urlencoded' }
}

/** Bolt judges signatures by the real clock, so they are stamped by the real clock too. */
function signatureOf(secret: string, body: string, forged?: Forgery): { [header: string]: string } {
  if (forged === 'unsigned') return {}
  const shift = forged === 'stale' ? -SIX_MINUTES : forged === 'future' ? SIX_MINUTES : 0
  const used = forged === 'wrong-secret' ? `not-${secret}` : secret
  return signed(used, body, Math.floor(Date.now() / 1000) + shift)
}

/** Posts payloads to the app as Slack does when Socket Mode is off. */
export class HttpDelivery {
  readonly #workspace: Workspace
  readonly #url: string

  constructor(workspace: Workspace, url: string) {
    this.#workspace = workspace
    this.#url = url
  }

  deliver(delivery: Delivery, options: DeliveryOptions): Promise<Ack[]> {
    const { body, type } = encoded(delivery)
    const headers = {
      'content-type': type,
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      ...signatureOf(this.#workspace.signingSecret, body, options.forged),
      ...(options.retry === undefined
        ? {}
        : { 'x-slack-retry-num': String(options.retry), 'x-slack-retry-reason': 'http_timeout' }),
    }
    // The signature stands for other bytes than the ones that arrive.
    const sent = options.forged === 'altered' ? body.replace(this.#workspace.teamId, 'T0OTHER') : body
    return Promise.all(
      Array.from({ length: options.times ?? 1 }, () => this.#post(delivery.type, sent, headers)),
    )
  }

  #post(kind: string, body: string, headers: { [header: string]: string }): Promise<Ack> {
    return new Promise<Ack>((resolve) => {
      const settle = (ack: Ack): void => {
        cancel()
        this.#workspace.record.note(`${kind} by HTTP: ${ack.acked ? 'acked' : ack.error} ${ack.status ?? ''}`)
        resolve(ack)
      }
      const cancel = this.#workspace.deadlines.start(() => {
        settle({ acked: false, error: 'operation_timeout' })
        post.destroy()
      })
      const length = { 'content-length': String(Buffer.byteLength(body)) }
      const post = request(this.#url, { method: 'POST', agent: false, headers: { ...headers, ...length } })
      post.on('error', () => settle({ acked: false, error: 'dispatch_failed' }))
      post.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => settle(ackOf(response, Buffer.concat(chunks).toString())))
      })
      post.end(body)
    })
  }
}

function ackOf(response: IncomingMessage, body: string): Ack {
  const status = response.statusCode ?? 0
  if (status < 200 || status > 299) return { acked: false, error: 'dispatch_failed', status }
  const json = response.headers['content-type']?.startsWith('application/json') === true
  return { acked: true, status, body: json ? parsed(body) : body }
}

function parsed(body: string): Json | string {
  try {
    const value: unknown = JSON.parse(body)
    return isJson(value) ? value : body
  } catch {
    return body
  }
}
