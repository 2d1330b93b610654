import type { Json } from './json.ts'
import { listOf, textOf } from './json.ts'
import { withIds } from './messages.ts'
import type { Stamps } from './stamps.ts'

export interface View {
  readonly id: string
  readonly type: 'modal' | 'home'
  readonly user: string
  /** The trigger that opened it; a pushed or submitted-in view keeps none. */
  readonly trigger: string
  rootId: string
  previousId: string | null
  hash: string
  /** The view as the app gave it, with the ids that Slack added to its blocks. */
  content: Json
  blocks: Json[]
  /** What the person has typed or picked so far, by `block_id/action_id`. */
  entries: Map<string, Json>
  open: boolean
}

export const PUSH_LIMIT = 3

/** Modals, a stack of three at most per person, and one Home per person. */
export class Views {
  readonly #stamps: Stamps
  readonly #changed: () => void
  readonly #stacks = new Map<string, View[]>()
  readonly #homes = new Map<string, View>()

  constructor(stamps: Stamps, changed: () => void) {
    this.#stamps = stamps
    this.#changed = changed
  }

  stack(user: string): View[] {
    return this.#stacks.get(user) ?? []
  }

  top(user: string): View | undefined {
    return this.stack(user).at(-1)
  }

  home(user: string): View | undefined {
    return this.#homes.get(user)
  }

  /** A new modal takes the place of whatever stack the person had open. */
  open(user: string, content: Json, trigger: string): View {
    this.clear(user)
    return this.push(user, content, trigger)
  }

  push(user: string, content: Json, trigger: string): View {
    const below = this.top(user)
    const view = this.#make('modal', user, content, trigger)
    if (below !== undefined) {
      view.rootId = below.rootId
      view.previousId = below.id
    }
    this.#stacks.set(user, [...this.stack(user), view])
    this.#changed()
    return view
  }

  publish(user: string, content: Json): View {
    const known = this.#homes.get(user)
    if (known !== undefined) return this.update(known, content)
    const view = this.#make('home', user, content, '')
    this.#homes.set(user, view)
    this.#changed()
    return view
  }

  update(view: View, content: Json): View {
    view.content = content
    view.blocks = this.#blocks(content)
    view.hash = this.#hash()
    this.#changed()
    return view
  }

  pop(view: View): void {
    view.open = false
    this.#stacks.set(
      view.user,
      this.stack(view.user).filter((each) => each !== view),
    )
    this.#changed()
  }

  clear(user: string): void {
    for (const view of this.stack(user)) view.open = false
    this.#stacks.set(user, [])
    this.#changed()
  }

  find(match: { id: string } | { externalId: string }): View | undefined {
    const all = [...[...this.#stacks.values()].flat(), ...this.#homes.values()]
    return all.find((view) =>
      'id' in match ? view.id === match.id : textOf(view.content, 'external_id') === match.externalId,
    )
  }

  #make(type: 'modal' | 'home', user: string, content: Json, trigger: string): View {
    const id = this.#stamps.id('V')
    const blocks = this.#blocks(content)
    return {
      id,
      type,
      user,
      trigger,
      rootId: id,
      previousId: null,
      hash: this.#hash(),
      content,
      blocks,
      entries: new Map(),
      open: true,
    }
  }

  #blocks(content: Json): Json[] {
    return withIds(listOf(content['blocks']), this.#stamps)
  }

  #hash(): string {
    return `${this.#stamps.next().split('.')[0]}.${this.#stamps.id('h')}`
  }
}
