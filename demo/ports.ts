import { createServer } from 'node:net'

const host = '127.0.0.1'

/** Listens for a moment; answers the port, or null when somebody else listens there. */
async function tried(port: number): Promise<number | null> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<number | null>()
  server.once('error', () => resolve(null))
  server.listen(port, host, () => {
    const address = server.address()
    const found = typeof address === 'object' && address ? address.port : port
    server.close(() => resolve(found))
  })
  return promise
}

export const isFree = async (port: number): Promise<boolean> => (await tried(port)) !== null

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const port = await tried(0)
  if (port === null) throw new Error('This machine has no free port.')
  return port
}
