import type { Json } from './json.ts'
import { isJson, listOf } from './json.ts'
import type { Stamps } from './stamps.ts'

interface Version {
  readonly text: string
  readonly blocks: readonly Json[]
  readonly at: number
}

/** What stands in a conversation. Tests get copies: an old copy stays as it was when it was taken. */
export interface Message {
  readonly channel: string
  readonly ts: string
  readonly threadTs?: string
  readonly broadcast: boolean
  readonly user: string
  readonly byBot: boolean
  /** Set when only this person sees the message. */
  readonly ephemeralFor?: string
  text: string
  blocks: Json[]
  metadata?: Json
  deleted: boolean
  /** Every state of the message, the first one first, the present one last. */
  readonly versions: Version[]
}

export interface Draft {
  channel: string
  user: string
  byBot: boolean
  text: string
  blocks: readonly Json[]
  threadTs?: string
  broadcast?: boolean
  ephemeralFor?: string
  metadata?: Json
}

export class Messages {
  readonly all: Message[] = []
  readonly #stamps: Stamps
  readonly #changed: () => void

  constructor(stamps: Stamps, changed: () => void) {
    this.#stamps = stamps
    this.#changed = changed
  }

  add(draft: Draft): Message {
    const blocks = withIds(draft.blocks, this.#stamps)
    const message: Message = {
      channel: draft.channel,
      ts: this.#stamps.next(),
      broadcast: draft.broadcast ?? false,
      user: draft.user,
      byBot: draft.byBot,
      text: draft.text,
      blocks,
      deleted: false,
      versions: [{ text: draft.text, blocks, at: this.#stamps.now() }],
      ...(draft.threadTs === undefined ? {} : { threadTs: draft.threadTs }),
      ...(draft.ephemeralFor === undefined ? {} : { ephemeralFor: draft.ephemeralFor }),
      ...(draft.metadata === undefined ? {} : { metadata: draft.metadata }),
    }
    this.all.push(message)
    this.#changed()
    return message
  }

  edit(message: Message, text: string, blocks: readonly Json[]): void {
    message.text = text
    message.blocks = withIds(blocks, this.#stamps)
    message.versions.push({ text, blocks: message.blocks, at: this.#stamps.now() })
    this.#changed()
  }

  delete(message: Message): void {
    message.deleted = true
    this.#changed()
  }

  /** Ephemeral messages are in nobody's history, so only `find` with `ephemeral` reaches them. */
  find(channel: string, ts: string, ephemeral = false): Message | undefined {
    return this.all.find(
      (each) =>
        each.channel === channel &&
        each.ts === ts &&
        !each.deleted &&
        (each.ephemeralFor !== undefined) === ephemeral,
    )
  }

  flow(channel: string): Message[] {
    return this.#lasting(channel).filter((each) => each.threadTs === undefined || each.broadcast)
  }

  thread(parent: { channel: string; ts: string }): Message[] {
    return this.#lasting(parent.channel).filter((each) => each.threadTs === parent.ts)
  }

  ephemerals(user: string): Message[] {
    return this.all.filter((each) => each.ephemeralFor === user && !each.deleted)
  }

  #lasting(channel: string): Message[] {
    return this.all.filter(
      (each) => each.channel === channel && each.ephemeralFor === undefined && !each.deleted,
    )
  }
}

/** The copy of a message's blocks that Slack keeps: every block and every action has an id. */
export function withIds(blocks: readonly Json[], stamps: Stamps): Json[] {
  return structuredClone([...blocks]).map((block) => {
    if (textIsMissing(block['block_id'])) block['block_id'] = stamps.shortId()
    const interactive = [...listOf(block['elements']), block['accessory'], block['element']].filter(isJson)
    for (const element of interactive) {
      const takesId =
        element['type'] !== 'image' && element['type'] !== 'mrkdwn' && element['type'] !== 'plain_text'
      if (takesId && block['type'] !== 'rich_text' && textIsMissing(element['action_id'])) {
        element['action_id'] = stamps.shortId()
      }
    }
    return block
  })
}

function textIsMissing(value: unknown): boolean {
  return value === undefined || value === ''
}

/** The message object of Slack's payloads and answers. */
export function messageObject(message: Message, botId: string, teamId: string): Json {
  const edited = message.versions.length > 1 && message.blocks.length === 0
  return {
    type: 'message',
    user: message.user,
    ts: message.ts,
    text: message.text,
    team: teamId,
    ...(message.byBot ? { bot_id: botId } : {}),
    ...(message.blocks.length > 0 ? { blocks: structuredClone(message.blocks) } : {}),
    ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }),
    ...(message.metadata === undefined ? {} : { metadata: message.metadata }),
    ...(edited ? { edited: { user: message.user, ts: message.ts } } : {}),
  }
}
