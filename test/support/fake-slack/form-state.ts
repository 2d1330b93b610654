import { inputsOf, type Placed } from './elements.ts'
import { isJson, type Json, listOf, textOf } from './json.ts'

const SINGLE: { readonly [type: string]: string } = {
  users_select: 'selected_user',
  conversations_select: 'selected_conversation',
  channels_select: 'selected_channel',
  datepicker: 'selected_date',
  timepicker: 'selected_time',
  datetimepicker: 'selected_date_time',
}
const SEVERAL: { readonly [type: string]: string } = {
  multi_users_select: 'selected_users',
  multi_conversations_select: 'selected_conversations',
  multi_channels_select: 'selected_channels',
}
const OPTION = new Set(['static_select', 'external_select', 'radio_buttons', 'overflow'])
const OPTIONS = new Set(['multi_static_select', 'multi_external_select', 'checkboxes'])

export function key(placed: Placed): string {
  return `${placed.blockId}/${placed.actionId}`
}

/** The options that the person can choose from; an external select offers what it was last told. */
function optionsOf(element: Json, offered: readonly Json[]): Json[] {
  const grouped = listOf(element['option_groups']).flatMap((group) => listOf(group['options']))
  return [...listOf(element['options']), ...grouped, ...offered]
}

function choose(element: Json, wanted: unknown, offered: readonly Json[]): Json {
  const options = optionsOf(element, offered)
  const found = options.find((option) => {
    const label = isJson(option['text']) ? option['text']['text'] : undefined
    return option['value'] === wanted || label === wanted
  })
  if (found !== undefined) return found
  const there = options.map((option) => String(option['value'])).join(', ')
  throw new Error(
    `The list "${String(element['action_id'])}" has no option ${String(wanted)}; it has: ${there}`,
  )
}

/** What Slack keeps of one element once the person has put `value` into it. */
export function entryOf(placed: Placed, value: unknown, offered: readonly Json[]): Json {
  const type = textOf(placed.element, 'type')
  const several = Array.isArray(value) ? (value as unknown[]) : [value]
  if (OPTION.has(type)) {
    return { type, selected_option: value === null ? null : choose(placed.element, value, offered) }
  }
  if (OPTIONS.has(type)) {
    return { type, selected_options: several.map((each) => choose(placed.element, each, offered)) }
  }
  const single = SINGLE[type]
  if (single !== undefined) return { type, [single]: value }
  const plural = SEVERAL[type]
  if (plural !== undefined) return { type, [plural]: several }
  return { type, value }
}

/** What stands in an element that nobody has touched. */
function untouched(element: Json): Json {
  const type = textOf(element, 'type')
  if (OPTION.has(type)) return { type, selected_option: element['initial_option'] ?? null }
  if (OPTIONS.has(type)) return { type, selected_options: element['initial_options'] ?? [] }
  const single = SINGLE[type]
  if (single !== undefined) return { type, [single]: element[single.replace('selected', 'initial')] ?? null }
  const plural = SEVERAL[type]
  if (plural !== undefined) return { type, [plural]: element[plural.replace('selected', 'initial')] ?? [] }
  return { type, value: element['initial_value'] ?? null }
}

export function stateOf(blocks: readonly Json[], entries: ReadonlyMap<string, Json>): Json {
  const values: { [block: string]: Json } = {}
  for (const placed of inputsOf(blocks)) {
    const entry = entries.get(key(placed)) ?? untouched(placed.element)
    values[placed.blockId] = { ...values[placed.blockId], [placed.actionId]: entry }
  }
  return { values }
}

/** What Slack's own form says before it sends anything: required fields and lengths. */
export function formErrors(
  blocks: readonly Json[],
  entries: ReadonlyMap<string, Json>,
): { [block: string]: string } {
  const errors: { [block: string]: string } = {}
  for (const placed of inputsOf(blocks)) {
    if (placed.block['type'] !== 'input') continue
    const entry = entries.get(key(placed)) ?? untouched(placed.element)
    const values = Object.entries(entry).flatMap(([name, value]) => (name === 'type' ? [] : [value]))
    const empty = values.every(
      (value) => value === null || value === '' || (Array.isArray(value) && value.length === 0),
    )
    if (empty && placed.block['optional'] !== true)
      errors[placed.blockId] = 'Please complete this required field.'
    const length = typeof entry['value'] === 'string' ? entry['value'].length : 0
    const { min_length: min, max_length: max } = placed.element
    if (!empty && typeof min === 'number' && length < min)
      errors[placed.blockId] = `Please use at least ${min} characters.`
    if (typeof max === 'number' && length > max)
      errors[placed.blockId] = `Please use at most ${max} characters.`
  }
  return errors
}
