import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A line to a server that can go silent: it takes every connection and every byte, and nothing comes back. */
export interface SilentLine {
  /** The URL of the server, by way of this line. */
  readonly url: string
  goSilent(): void
  /** From now on new connections get through; those that went silent stay so, as behind a router that forgot them. */
  speak(): void
  close(): Promise<void>
}

export async function silentLine(to: string): Promise<SilentLine> {
  const target = new URL(to)
  const sockets = new Set<Socket>()
  let silent = false
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }
  const server = createServer((near) => {
    keep(near)
    if (silent) {
      near.resume()
      return
    }
    const far = connect(Number(target.port), target.hostname)
    keep(far)
    near.pipe(far)
    far.pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = new URL(to)
  url.port = String(typeof address === 'object' && address ? address.port : 0)
  return {
    url: url.href,
    goSilent: () => {
      silent = true
      for (const socket of sockets) {
        socket.unpipe()
        socket.resume()
      }
    },
    speak: () => {
      silent = false
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
