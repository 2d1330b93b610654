import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { signed } from '../test/support/fake-slack/http-delivery.ts'

/** An app that takes Slack's requests. */
export interface Target {
  readonly port: number
  readonly signingSecret: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 })

/** Posts one signed command and answers after how many milliseconds the whole ack was there. */
function post({ port, signingSecret }: Target, body: string): Promise<number> {
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(Buffer.byteLength(body)),
    ...signed(signingSecret, body, Math.floor(Date.now() / 1000)),
  }
  const sentAt = performance.now()
  return new Promise((resolve, reject) => {
    const sent = request(
      { agent, host: '127.0.0.1', port, path: '/slack/events', method: 'POST', headers },
      (response) => {
        response.resume()
        response.once('end', () => {
          if (response.statusCode === 200) resolve(performance.now() - sentAt)
          else reject(new Error(`the app answered a command with ${response.statusCode}`))
        })
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}

/** So many a second, whether the ones before are answered or not; what came of each. */
export async function paced<T, R>(
  all: readonly T[],
  perSecond: number,
  send: (one: T) => Promise<R>,
): Promise<R[]> {
  const begun = performance.now()
  const sent: Promise<R>[] = []
  for (const [index, one] of all.entries()) {
    const left = begun + (index * 1000) / perSecond - performance.now()
    if (left > 0) await pause(left)
    const under = send(one)
    // Told once all are sent: until then nobody waits for it, and Node would end the whole run.
    under.catch(() => {})
    sent.push(under)
  }
  return Promise.all(sent)
}

/** So many commands a second; the latency of each ack. */
export const atRate = (target: Target, bodies: readonly string[], perSecond: number): Promise<number[]> =>
  paced(bodies, perSecond, (body) => post(target, body))

/** How one reading of a page was answered, and after how many milliseconds all of it was there. */
export interface Answered {
  readonly status: number
  readonly ms: number
}

/** Reads a page as somebody whom a proxy says to come from this address. */
export function read(
  { port }: Pick<Target, 'port'>,
  { path, from, method }: { path: string; from: string; method: 'GET' | 'HEAD' },
): Promise<Answered> {
  const sentAt = performance.now()
  return new Promise((resolve, reject) => {
    const headers = { 'x-forwarded-for': from }
    const sent = request({ agent, host: '127.0.0.1', port, path, method, headers }, (response) => {
      response.resume()
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, ms: performance.now() - sentAt }),
      )
    })
    sent.once('error', reject)
    sent.end()
  })
}

/** As fast as they are answered, a few at a time. */
export async function inTurn(target: Target, bodies: readonly string[], atOnce: number): Promise<void> {
  const rest = bodies.values()
  const line = async () => {
    for (const body of rest) await post(target, body)
  }
  await Promise.all(Array.from({ length: atOnce }, line))
}
