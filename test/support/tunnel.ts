import { createServer } from 'node:http'
import { connect } from 'node:net'

export interface Tunnel {
  readonly url: string
  /** The hosts that somebody wanted to reach, one for each connection. */
  readonly hosts: string[]
  readonly close: () => void
}

/** An HTTPS proxy that leads every host to one port here, so that real names, and real checks of them, can be tried. */
export async function startTunnel(port: number): Promise<Tunnel> {
  const hosts: string[] = []
  const open = new Set<{ destroy: () => void }>()
  const server = createServer()
  server.on('connect', (request, client) => {
    hosts.push(String(request.url).split(':')[0] ?? '')
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(client)
      client.pipe(upstream)
    })
    for (const socket of [upstream, client]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const address = server.address()
  const bound = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${bound}`,
    hosts,
    close: () => {
      for (const socket of open) socket.destroy()
      server.close()
    },
  }
}
