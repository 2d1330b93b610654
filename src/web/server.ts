import { promises as files } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { addressPage } from './address-page.ts'
import type { AddressPageParts } from './desk.ts'
import { answerUnreadable, harden } from './hardening.ts'

export interface WebParts {
  readonly host: string
  readonly port: number
  /** What keeps the bot from being ready, in words; empty when it is. */
  readonly unready: () => readonly string[]
  readonly metrics: () => Promise<{ contentType: string; body: string }>
  /** HTTP mode: what takes `POST /slack/events` with its raw body, or null while that is still starting. */
  readonly slack: (() => SlackHandler | null) | null
  /** The page that reads a person's address; without it there is none. */
  readonly addressPage?: AddressPageParts | null
  /** Speaks TLS itself, with what these PEM files hold. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | null
}

type SlackHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export interface Web {
  readonly port: number
  close(): Promise<void>
}

const headerTimeoutMs = 10_000
const requestTimeoutMs = 20_000
/** A connection on which nothing at all happens; and how often the server looks for those that are late. */
const [idleTimeoutMs, lookEveryMs] = [30_000, 2_000]

function pages(parts: WebParts): Hono {
  const app = new Hono()
  const { addressPage: page } = parts
  if (page) app.route('/ip', addressPage(page))
  app.get('/livez', (context) => context.text('ok\n'))
  app.get('/readyz', (context) => {
    const unready = parts.unready()
    return unready.length === 0 ? context.text('ok\n') : context.text(`${unready.join('\n')}\n`, 503)
  })
  app.get('/metrics', async (context) => {
    const { contentType, body } = await parts.metrics()
    return context.body(body, 200, { 'content-type': contentType })
  })
  app.notFound((context) => context.text('There is nothing here.\n', 404))
  app.onError((_error, context) => context.text('Something went wrong here.\n', 500))
  return app
}

const listening = (server: Server, port: number, host: string) =>
  new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })

async function serverFor(
  { tls }: WebParts,
  take: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  // A request without a host is answered further in, where every answer has the same headers.
  const options = { connectionsCheckingInterval: lookEveryMs, requireHostHeader: false }
  if (!tls) return createServer(options, take)
  const [cert, key] = await Promise.all([files.readFile(tls.certFile), files.readFile(tls.keyFile)])
  return createTlsServer(
    { ...options, cert, key, minVersion: 'TLSv1.2', handshakeTimeout: headerTimeoutMs },
    take,
  )
}

/** Listens for probes, metrics, the address page and, in HTTP mode, for Slack. Rejects when the port is taken. */
export async function startWeb(parts: WebParts): Promise<Web> {
  const listener = getRequestListener(pages(parts).fetch)
  const overTls = parts.addressPage?.publicUrl.startsWith('https:') ?? false
  /** What is being answered on a connection: an answer that has begun is not mixed with another one. */
  const answering = new WeakMap<Duplex, ServerResponse>()
  const take = (request: IncomingMessage, response: ServerResponse) => {
    harden(response, overTls)
    answering.set(request.socket, response)
    const toSlack = parts.slack && request.url?.split('?', 1)[0] === '/slack/events'
    if (!toSlack) {
      void listener(request, response)
      return
    }
    const handle = parts.slack?.()
    if (handle) void handle(request, response)
    else response.writeHead(503, { 'content-type': 'text/plain' }).end('Not ready yet.\n')
  }
  const server = await serverFor(parts, take)
  server.on('checkExpectation', take)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const begun = answering.get(socket)
    if (!socket.writable || (begun?.headersSent && !begun.writableFinished)) socket.destroy()
    else answerUnreadable(socket, error.code ?? '', overTls)
  })
  server.headersTimeout = headerTimeoutMs
  server.requestTimeout = requestTimeoutMs
  server.setTimeout(idleTimeoutMs)
  const port = await listening(server, parts.port, parts.host)
  return {
    port,
    close: async () => {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      await closed.promise
    },
  }
}
