import type { InputBlock, ModalView, SectionBlock } from '@slack/types'
import { plain } from '../words.ts'

/** One line of a form. Somebody's own words may be in it, so no markup is read. */
export const line = (text: string): SectionBlock => ({
  type: 'section',
  text: { type: 'plain_text', text: plain(text, 500), emoji: false },
})

/** The same in every form, because its block says which field it is. */
export const input = 'value'

interface Field {
  readonly block: string
  readonly label: string
  readonly most: number
  readonly hint?: string
  readonly initial?: string | null
  readonly optional?: boolean
}

export const textField = ({ block, label, most, hint, initial, optional = false }: Field): InputBlock => ({
  type: 'input',
  block_id: block,
  optional,
  label: { type: 'plain_text', text: label },
  ...(hint !== undefined && { hint: { type: 'plain_text', text: hint } }),
  element: {
    type: 'plain_text_input',
    action_id: input,
    max_length: most,
    ...(initial != null && { initial_value: initial }),
  },
})

/** As long as a reason for asking may be. */
export const longestReason = 300

interface Form {
  readonly id: string
  readonly title: string
  readonly submit: string
  readonly close: string
  /** What the form carries to its own submission. */
  readonly carries: string
  readonly blocks: ModalView['blocks']
}

export const form = ({ id, title, submit, close, carries, blocks }: Form): ModalView => ({
  type: 'modal',
  callback_id: id,
  private_metadata: carries,
  title: { type: 'plain_text', text: title },
  submit: { type: 'plain_text', text: submit },
  close: { type: 'plain_text', text: close },
  blocks,
})

/** What a form says, by its fields. */
export interface Values {
  readonly [block: string]: {
    readonly [input: string]: {
      readonly value?: string | null
      readonly selected_option?: { readonly value?: string } | null
      readonly selected_options?: readonly { readonly value?: string }[]
    }
  }
}

export const textIn = (values: Values, block: string): string => values[block]?.[input]?.value?.trim() ?? ''

/** A form that was opened before an upgrade may carry something else. */
function parsed(metadata: string): unknown {
  try {
    return JSON.parse(metadata)
  } catch {
    return null
  }
}

/** Reads back what a form carried as JSON; null when it is not all there. */
export function carried<Name extends string>(
  metadata: string,
  names: readonly Name[],
): Readonly<Record<Name, string>> | null {
  const value = parsed(metadata)
  const found: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const one: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : null
    if (typeof one !== 'string') return null
    found[name] = one
  }
  return isWhole(found, names) ? found : null
}

const isWhole = <Name extends string>(
  found: Partial<Record<Name, string>>,
  names: readonly Name[],
): found is Record<Name, string> => names.every((name) => found[name] !== undefined)
