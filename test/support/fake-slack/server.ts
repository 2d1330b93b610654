import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { WebSocketServer } from 'ws'
import { respond } from './answers.ts'
import { isJson, type Json } from './json.ts'
import type { SocketMode } from './socket-mode.ts'
import { type Reply, WebApi } from './web-api.ts'
import type { Workspace } from './workspace.ts'

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(request, 'end')
  return Buffer.concat(chunks).toString()
}

/** Slack takes arguments from the query, from a form or from JSON. */
function argsOf(url: URL, type: string, body: string): Json | undefined {
  const query = Object.fromEntries(url.searchParams)
  if (!type.startsWith('application/json'))
    return { ...query, ...Object.fromEntries(new URLSearchParams(body)) }
  try {
    const parsed: unknown = JSON.parse(body)
    return isJson(parsed) ? { ...query, ...parsed } : undefined
  } catch {
    return undefined
  }
}

function finished(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.closed) resolve()
    else response.once('close', () => resolve())
  })
}

/** One HTTP server for the Web API, the response URLs and the WebSockets of Socket Mode. */
export class FakeServer {
  readonly #workspace: Workspace
  readonly #server: Server
  readonly #sockets = new WebSocketServer({ noServer: true })
  readonly #api: WebApi
  readonly #cut = new WeakSet<ServerResponse>()
  readonly #underWay = new Set<Promise<void>>()
  #origin = 'http://127.0.0.1'

  constructor(workspace: Workspace, socketMode: SocketMode) {
    this.#workspace = workspace
    this.#api = new WebApi(workspace, () => `${this.origin.replace('http', 'ws')}${socketMode.ticket()}`)
    this.#server = createServer((request, response) => {
      const served = this.#serve(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error))
      })
      const done = served.then(() => finished(response)).finally(() => this.#underWay.delete(done))
      this.#underWay.add(done)
    })
    this.#server.on('upgrade', (request, socket, head) => {
      const url = new URL(request.url ?? '/', this.origin)
      if (url.pathname !== '/link/' || !socketMode.redeem(url.searchParams.get('ticket') ?? '')) {
        socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => socketMode.connect(webSocket))
    })
  }

  get origin(): string {
    return this.#origin
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('The fake Slack has no port')
    this.#origin = `http://127.0.0.1:${address.port}`
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#sockets.close()
    // Calls under way get their answers; connections that clients opened in advance are just cut.
    await Promise.all(this.#underWay)
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin)
    const body = await bodyOf(request)
    const args = argsOf(url, request.headers['content-type'] ?? '', body)
    const reply = url.pathname.startsWith('/api/')
      ? await this.#webApi(url.pathname.slice('/api/'.length), request, response, args)
      : await this.#responseUrl(url.pathname, args)
    this.#send(reply, response)
  }

  #webApi(
    method: string,
    request: IncomingMessage,
    response: ServerResponse,
    args: Json | undefined,
  ): Promise<Reply> | Reply {
    if (args === undefined) return { status: 200, body: { ok: false, error: 'invalid_json' } }
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const token = bearer ?? (typeof args['token'] === 'string' ? args['token'] : '')
    const onGone = (tell: () => void): void => {
      // A line that the fake itself has cut was not given up by the caller.
      response.once('close', () => {
        if (!response.writableFinished && !this.#cut.has(response)) tell()
      })
    }
    return this.#api.handle({ method, args, token, onGone })
  }

  async #responseUrl(path: string, args: Json | undefined): Promise<Reply> {
    const call = this.#workspace.record.began('response_url', args ?? {})
    const fault = this.#workspace.faults.strike('response_url')
    if (fault !== undefined) call.fault = fault.kind
    if (fault?.kind === 'drop') return 'cut'
    if (fault?.kind === 'black-hole' && (await this.#workspace.faults.hold()) === 'cut') return 'cut'
    const failed = fault?.kind === '429' || fault?.kind === '500'
    const reply = failed
      ? { status: Number(fault.kind), body: { ok: false } }
      : respond(this.#workspace, path, args)
    this.#workspace.record.answered(call, reply.status, reply.body)
    return fault?.kind === 'lost-reply' ? 'cut' : reply
  }

  #send(reply: Reply, response: ServerResponse): void {
    if (reply === 'cut') {
      this.#cut.add(response)
      response.destroy()
      return
    }
    // With no connection kept alive, none can break under a call that is just sent when the test stops.
    const headers = { 'content-type': 'application/json; charset=utf-8', connection: 'close' }
    response.writeHead(reply.status, { ...headers, ...reply.headers })
    response.end(JSON.stringify(reply.body))
  }
}
