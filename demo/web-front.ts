import { createServer, request } from 'node:http'
import { pretendedAddress } from './pretended.ts'

const host = '127.0.0.1'

export interface WebFront {
  close(): Promise<void>
}

/**
 * Stands in front of the bot's web part as a proxy does in production, and says of everybody that they come from one
 * public address: nobody on this machine does, and the bot lets in no other.
 */
export async function serveWebFront(port: number, botPort: number): Promise<WebFront> {
  const server = createServer((from, to) => {
    const headers = { ...from.headers, 'x-forwarded-for': pretendedAddress }
    // A connection of its own for each, so that none is used again that the bot is just closing.
    const options = { host, port: botPort, method: from.method, path: from.url, headers, agent: false }
    const onward = request(options, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(to)
    })
    onward.on('error', () => {
      if (to.headersSent) to.destroy()
      else to.writeHead(502, { 'content-type': 'text/plain' }).end('The bot does not answer.\n')
    })
    to.on('close', () => onward.destroy())
    from.pipe(onward)
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
      await closed.promise
    },
  }
}
