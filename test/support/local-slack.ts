import { setTimeout as wait } from 'node:timers/promises'

export interface LocalMessage {
  readonly ts: string
  readonly thread_ts?: string
  readonly user?: string
  readonly text?: string
  readonly subtype?: string
  readonly blocks?: readonly LocalBlock[]
}

interface LocalElement {
  readonly action_id?: string
  readonly value?: string
}

interface LocalBlock {
  readonly elements?: readonly LocalElement[]
}

interface LocalChannel {
  readonly id: string
  readonly is_im: boolean
  readonly members: readonly string[]
}

async function json<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the control API of a pinned tool, in a test
  return (await response.json()) as T
}

/** The demo's Slack workspace as its control API shows it: what people see, type and press. */
export class LocalSlack {
  readonly #url: string

  constructor(url: string) {
    this.#url = `${url}/_control`
  }

  async #post(path: string, body: object): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    await json(await fetch(`${this.#url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) }))
  }

  types(user: string, channel: string, text: string): Promise<void> {
    return this.#post('/command', { channel, user, command: '/jit', text })
  }

  async messages(channel: string): Promise<readonly LocalMessage[]> {
    const answer = await json<{ messages: readonly LocalMessage[] }>(
      await fetch(`${this.#url}/messages/${channel}`),
    )
    return answer.messages
  }

  /** The direct messages of a person with the app. */
  async direct(user: string): Promise<readonly LocalMessage[]> {
    const { channels } = await json<{ channels: readonly LocalChannel[] }>(await fetch(`${this.#url}/state`))
    const found = channels.find(({ is_im: direct, members }) => direct && members.includes(user))
    return found ? this.messages(found.id) : []
  }

  /** Presses a button as the page does: with its id and its value. */
  async presses(user: string, channel: string, message: LocalMessage, actionId: string): Promise<void> {
    const button = message.blocks
      ?.flatMap((block) => block.elements ?? [])
      .find((element) => element.action_id === actionId)
    if (!button) throw new Error(`There is no button ${actionId} on: ${message.text}`)
    const action = { type: 'button', action_id: actionId, value: button.value }
    await this.#post('/interact', { channel, messageTs: message.ts, user, action })
  }
}

/** Asks again until the answer is there; fails with what it waited for. */
export async function until<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs / 1000} s`)
    await wait(100)
  }
}
