import type { Message } from '../support/fake-slack/messages.ts'
import { channels } from '../support/world.ts'
import type { Scene } from './scene.ts'

const isCard = ({ channel, threadTs }: Message) => channel === channels.approvals && !threadTs

/** Lets one grant live from the command to the notice of its end, whatever happens to the bot meanwhile. */
export class Life {
  readonly token: string
  readonly #scene: Scene
  readonly #since: number
  #requestId: string | undefined

  constructor(scene: Scene, token: string) {
    this.#scene = scene
    this.token = token
    this.#since = scene.slack.workspace.messages.all.length
  }

  async whole(): Promise<void> {
    await this.untilOpen()
    await this.warned()
    await this.toTheEnd()
  }

  async untilOpen(): Promise<void> {
    await this.ask()
    await this.approveOwn()
    await this.approve()
    await this.opened()
  }

  async toTheEnd(): Promise<void> {
    await this.expire()
    await this.closed()
    await this.#scene.settled()
  }

  async ask(): Promise<void> {
    const { people } = this.#scene
    const text = `rdp vm-jump01 10m from 81.2.69.142 because ${this.token}`
    await this.#scene.insist({ token: this.token, kind: 'ask' }, () =>
      people.robin.types('/jit', text, { channel: channels.access }),
    )
    await this.#scene.until(() => this.#card(), `the card of ${this.token}`)
  }

  /** The requester tries it too, and must not come through. */
  async approveOwn(): Promise<void> {
    await this.#click('approve own')
    // First come, first served: an own yes that counted would otherwise hide behind the other one.
    await this.#scene.untilHeld(({ next }) => next['people'] === undefined, 'an answer to every gesture')
  }

  async approve(): Promise<void> {
    await this.#click('approve')
  }

  async opened(): Promise<void> {
    await this.#noted(/Open until|Opened/, 'opened')
  }

  async warned(): Promise<void> {
    const { expiresAt } = await this.grant()
    this.#scene.jump(expiresAt - 5 * 60_000)
    await this.#noted(/ left:/, 'a warning')
  }

  async expire(): Promise<void> {
    const { expiresAt } = await this.grant()
    this.#scene.jump(expiresAt)
  }

  async closed(): Promise<void> {
    await this.#noted(/Closed:|Ended without opening:/, 'closed')
  }

  /** The grant as the database holds it. */
  async grant(): Promise<{ id: string; expiresAt: number }> {
    return this.#scene.untilHeld(() => {
      return this.#scene.cases.get(this.#requestId ?? '')?.grant
    }, `a grant of ${this.token}`)
  }

  async #click(kind: 'approve' | 'approve own'): Promise<void> {
    const { people, slack } = this.#scene
    const person = kind === 'approve' ? people.avery : people.robin
    await this.#scene.insist({ token: this.token, kind }, () => {
      const card = this.#card()
      // When Slack shows a failure and the card shows the yes all the same, nobody clicks again.
      if (!card || !JSON.stringify(card.blocks).includes('"approve"')) return null
      this.#requestId ??= /Request (\w{10})/.exec(card.text)?.[1]
      return person.clicks(slack.now(card), 'approve')
    })
  }

  /** Everything that was posted since this life began and holds these words. */
  #mine(words: string): Message[] {
    const all = this.#scene.slack.workspace.messages.all.slice(this.#since)
    return all.filter((message) => message.text.includes(words))
  }

  /**
   * The card that people look at: once somebody has clicked, that of the same request. A command that was repeated
   * made two, and a bot that died between posting a card and noting where posts it again.
   */
  #card(): Message | undefined {
    return this.#mine(this.#requestId ?? this.token).findLast(isCard)
  }

  async #noted(pattern: RegExp, what: string): Promise<void> {
    const has = (messages: readonly Message[]) => messages.some((message) => pattern.test(message.text))
    await this.#scene.until(() => {
      const about = this.#mine(`Request ${this.#requestId}`)
      const below = about.filter((message) => message.threadTs !== undefined)
      const direct = about.filter((message) => message.channel.startsWith('D'))
      return has(below) && has(direct)
    }, `${what} in the thread and to the requester`)
  }
}
