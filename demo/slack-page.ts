import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

const host = '127.0.0.1'

export interface SlackPage {
  close(): Promise<void>
}

async function passWithScript(answer: IncomingMessage, response: ServerResponse, script: string) {
  const page = Buffer.concat(await answer.toArray()).toString('utf8')
  const { 'content-length': _, ...headers } = answer.headers
  response.writeHead(answer.statusCode ?? 502, headers)
  // A function, because a script may hold what `replace` would read as a pattern of its own.
  response.end(page.replace('<head>', () => `<head>\n<script>${script}</script>`))
}

function pass(from: IncomingMessage, to: ServerResponse, port: number, script: string): void {
  const { 'accept-encoding': _, ...headers } = from.headers
  const onward = request({ host, port, method: from.method, path: from.url, headers }, (answer) => {
    if (answer.headers['content-type']?.startsWith('text/html')) {
      passWithScript(answer, to, script).catch(() => to.destroy())
      return
    }
    to.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(to)
  })
  onward.on('error', () => to.destroy())
  to.on('close', () => onward.destroy())
  from.pipe(onward)
}

/** Hands a WebSocket on: what the client has sent so far, then everything in both directions. */
function passSocket(from: IncomingMessage, client: Duplex, head: Buffer, port: number): Socket {
  const onward = connect(port, host)
  const lines: string[] = []
  for (let at = 0; at < from.rawHeaders.length; at += 2) {
    lines.push(`${from.rawHeaders[at]}: ${from.rawHeaders[at + 1]}`)
  }
  onward.write(`${from.method} ${from.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  onward.write(head)
  onward.pipe(client).pipe(onward)
  onward.on('error', () => client.destroy())
  client.on('error', () => onward.destroy())
  client.on('close', () => onward.destroy())
  return onward
}

/**
 * Shows the local Slack workspace of another port, and adds to its page what it lacks of Slack's and the bot uses:
 * times in the reader's own zone, and buttons that open a page. Everything else passes through as it is.
 */
export async function serveSlackPage(port: number, workspacePort: number): Promise<SlackPage> {
  const scripts = ['slack-dates.js', 'slack-links.js'].map((name) => new URL(name, import.meta.url))
  const script = (await Promise.all(scripts.map((file) => readFile(file, 'utf8')))).join('\n')
  const sockets = new Set<Socket>()
  const server = createServer((from, to) => pass(from, to, workspacePort, script))
  server.on('upgrade', (from: IncomingMessage, client: Duplex, head: Buffer) => {
    const socket = passSocket(from, client, head, workspacePort)
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      client.destroy()
    })
  })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(port, host, () => listening.resolve())
  await listening.promise
  return {
    close: async () => {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
      await closed.promise
    },
  }
}
