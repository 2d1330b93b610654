import { Agent, get } from 'node:http'

const everyMs = 50
const patienceMs = 10_000

export interface Probed {
  /** Of each question that was answered, whatever the answer was. */
  readonly latencies: number[]
  unanswered: number
}

/** Milliseconds until the whole answer was there, or null when none came. */
function ask(agent: Agent, port: number, path: string): Promise<number | null> {
  const askedAt = performance.now()
  return new Promise((resolve) => {
    const question = get({ agent, host: '127.0.0.1', port, path, timeout: patienceMs }, (response) => {
      response.resume()
      response.once('end', () => resolve(performance.now() - askedAt))
      response.once('error', () => resolve(null))
    })
    question.once('timeout', () => question.destroy())
    question.once('error', () => resolve(null))
  })
}

/**
 * Asks all the time, whether the questions before are answered or not, as a probe from outside would. What comes
 * before the first answer is the process starting, and does not count.
 */
export function probe(port: number, path: string): () => Promise<Probed> {
  const agent = new Agent({ keepAlive: true })
  const probed: Probed = { latencies: [], unanswered: 0 }
  const open = new Set<Promise<void>>()
  const once = async () => {
    const ms = await ask(agent, port, path)
    if (ms !== null) probed.latencies.push(ms)
    else if (probed.latencies.length > 0) probed.unanswered += 1
  }
  const timer = setInterval(() => {
    const asking = once().finally(() => open.delete(asking))
    open.add(asking)
  }, everyMs)
  return async () => {
    clearInterval(timer)
    await Promise.all(open)
    agent.destroy()
    return probed
  }
}
