import type { Channel } from './channels.ts'
import { inputsOf } from './elements.ts'
import { entryOf, key } from './form-state.ts'
import type { ClickOptions } from './gestures.ts'
import type { Json } from './json.ts'
import type { Message } from './messages.ts'
import type { PersonRecord } from './people.ts'
import type { View } from './views.ts'
import type { Workspace } from './workspace.ts'

export type Target = Message | View

export function isView(target: Target): target is View {
  return 'rootId' in target
}

/** What one person has before the eyes, and what that person has already put into it. */
export class Screen {
  readonly #workspace: Workspace
  readonly #person: PersonRecord
  readonly #offered = new Map<string, Json[]>()
  readonly #entries = new Map<string, Map<string, Json>>()

  constructor(workspace: Workspace, person: PersonRecord) {
    this.#workspace = workspace
    this.#person = person
  }

  /** The present state of what the test holds a copy of; a stale click keeps to the copy. */
  live(copy: Target, options: ClickOptions): Target {
    return isView(copy) ? this.view(copy, options) : this.#message(copy, options)
  }

  view(copy: View, options: ClickOptions = {}): View {
    if (copy.user !== this.#person.id && options.as === undefined) {
      throw new Error(`${this.#person.name} cannot see this view`)
    }
    if (options.stale === true) return copy
    const live = this.#workspace.views.find({ id: copy.id })
    if (live === undefined)
      throw new Error('This view is not open any more: { stale: true } uses an old copy')
    return live
  }

  channel(id: string): Channel {
    const channel = this.#workspace.channels.all.get(id)
    if (channel === undefined) throw new Error(`There is no channel ${id}`)
    return channel
  }

  entries(target: Target): Map<string, Json> {
    if (isView(target)) return target.entries
    const id = `${target.channel}/${target.ts}`
    const entries = this.#entries.get(id) ?? new Map<string, Json>()
    this.#entries.set(id, entries)
    return entries
  }

  fill(view: View, field: string, value: unknown): void {
    const inputs = inputsOf(view.blocks)
    const placed =
      inputs.find((each) => each.blockId === field) ?? inputs.find((each) => each.actionId === field)
    if (placed === undefined) {
      const there = inputs.map((each) => `${each.blockId} (${each.actionId})`).join(', ') || 'no field at all'
      throw new Error(`This view has no field ${field}; it has: ${there}`)
    }
    view.entries.set(key(placed), entryOf(placed, value, this.offered(placed.actionId)))
  }

  offer(actionId: string, options: Json[]): void {
    this.#offered.set(actionId, options)
  }

  /** What an external select was last told to offer. */
  offered(actionId: string): Json[] {
    return this.#offered.get(actionId) ?? []
  }

  #message(copy: Message, options: ClickOptions): Message {
    const reads =
      copy.ephemeralFor === undefined
        ? this.#workspace.channels.canRead(this.channel(copy.channel), this.#person)
        : copy.ephemeralFor === this.#person.id
    if (!reads && options.as === undefined) throw new Error(`${this.#person.name} cannot see this message`)
    if (options.stale === true) return copy
    const live = this.#workspace.messages.find(copy.channel, copy.ts, copy.ephemeralFor !== undefined)
    if (live === undefined) throw new Error('This message was deleted: { stale: true } clicks an old copy')
    return live
  }
}
