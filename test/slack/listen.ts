import type { RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'

/** A server on a free port of this computer. */
export async function listen(answer: RequestListener): Promise<{ origin: string; server: Server }> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port')
  return { origin: `http://127.0.0.1:${address.port}`, server }
}

export function shut(server: Server): void {
  server.closeAllConnections()
  server.close()
}
