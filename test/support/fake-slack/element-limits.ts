import { type Json, listOf } from './json.ts'
import {
  also,
  anything,
  boolean,
  byType,
  type Check,
  type Complaints,
  integer,
  list,
  object,
  oneOf,
  string,
} from './shape.ts'

export const ID = string(255)

export function plain(max: number): Check {
  return byType({ plain_text: object({ text: string(max, 1) }, { emoji: boolean }) })
}

export function anyText(max: number): Check {
  return byType({
    plain_text: object({ text: string(max, 1) }, { emoji: boolean }),
    mrkdwn: object({ text: string(max, 1) }, { verbatim: boolean }),
  })
}

export function mrkdwn(max: number): Check {
  return byType({ mrkdwn: object({ text: string(max, 1) }, { verbatim: boolean }) })
}

const url = string(3000, 1)
const style = oneOf('primary', 'danger')
const confirm = object(
  { text: anyText(300) },
  { title: plain(100), confirm: plain(30), deny: plain(30), style },
)

function option(text: Check, withUrl = false): Check {
  return object({ text, value: string(75) }, { description: plain(75), ...(withUrl ? { url } : {}) })
}

const plainOption = option(plain(75))
const richOption = object({ text: anyText(75), value: string(75) }, { description: anyText(75) })
const optionGroup = object({ label: plain(75), options: list(plainOption, 100) })

const actionable = { action_id: ID }
const picked = { ...actionable, confirm, focus_on_load: boolean, placeholder: plain(150) }
const typed = {
  ...actionable,
  focus_on_load: boolean,
  placeholder: plain(150),
  dispatch_action_config: object({
    trigger_actions_on: list(oneOf('on_enter_pressed', 'on_character_entered'), 2),
  }),
}
const many = { max_selected_items: integer(1, 100) }

export const imageElement = also(
  object({ alt_text: string(2000) }, { image_url: url, slack_file: anything }),
  (value, pointer, complaints) => {
    if (value['image_url'] === undefined && value['slack_file'] === undefined) {
      complaints.add('must define either `image_url` or `slack_file`', pointer)
    }
  },
)

function eitherOptions(value: Json, pointer: string, complaints: Complaints): void {
  const both = (value['options'] === undefined) === (value['option_groups'] === undefined)
  if (both) complaints.add('must define either `options` or `option_groups`', pointer)
  const values = listOf(value['options']).map((each) => each['value'])
  if (new Set(values).size < values.length)
    complaints.add('options must have unique values', `${pointer}/options`)
}

const staticOptions = { options: list(plainOption, 100), option_groups: list(optionGroup, 100) }

export const button = object(
  { text: plain(75) },
  { ...actionable, url, value: string(2000), style, confirm, accessibility_label: string(75) },
)

const chosen: { [type: string]: Check } = {
  static_select: also(
    object({}, { ...picked, ...staticOptions, initial_option: plainOption }),
    eitherOptions,
  ),
  multi_static_select: also(
    object({}, { ...picked, ...many, ...staticOptions, initial_options: list(plainOption, 100) }),
    eitherOptions,
  ),
  external_select: object({}, { ...picked, initial_option: plainOption, min_query_length: integer(0, 1000) }),
  multi_external_select: object(
    {},
    { ...picked, ...many, initial_options: list(plainOption, 100), min_query_length: integer(0, 1000) },
  ),
  users_select: object({}, { ...picked, initial_user: string() }),
  multi_users_select: object({}, { ...picked, ...many, initial_users: list(string(), 1000) }),
  conversations_select: object(
    {},
    {
      ...picked,
      initial_conversation: string(),
      default_to_current_conversation: boolean,
      filter: anything,
      response_url_enabled: boolean,
    },
  ),
  multi_conversations_select: object(
    {},
    {
      ...picked,
      ...many,
      initial_conversations: list(string(), 1000),
      default_to_current_conversation: boolean,
      filter: anything,
    },
  ),
  channels_select: object({}, { ...picked, initial_channel: string(), response_url_enabled: boolean }),
  multi_channels_select: object({}, { ...picked, ...many, initial_channels: list(string(), 1000) }),
  checkboxes: object(
    { options: list(richOption, 10) },
    { ...actionable, confirm, focus_on_load: boolean, initial_options: list(richOption, 10) },
  ),
  radio_buttons: object(
    { options: list(richOption, 10) },
    { ...actionable, confirm, focus_on_load: boolean, initial_option: richOption },
  ),
  datepicker: object({}, { ...picked, initial_date: string() }),
  timepicker: object({}, { ...picked, initial_time: string(), timezone: string() }),
  datetimepicker: object(
    {},
    {
      ...actionable,
      confirm,
      focus_on_load: boolean,
      initial_date_time: integer(1_000_000_000, 9_999_999_999),
    },
  ),
}

const pressed: { [type: string]: Check } = {
  button,
  overflow: object({ options: list(option(plain(75), true), 5) }, { ...actionable, confirm }),
  workflow_button: object(
    { text: plain(75), workflow: anything },
    { ...actionable, style, accessibility_label: string(75) },
  ),
}

const written: { [type: string]: Check } = {
  plain_text_input: object(
    {},
    {
      ...typed,
      initial_value: string(3000),
      multiline: boolean,
      min_length: integer(0, 3000),
      max_length: integer(1, 3000),
    },
  ),
  rich_text_input: object(
    {},
    { ...typed, initial_value: anything, min_lines: integer(1, 100), max_lines: integer(1, 100) },
  ),
  email_text_input: object({}, { ...typed, initial_value: string() }),
  url_text_input: object({}, { ...typed, initial_value: string() }),
  number_input: object(
    { is_decimal_allowed: boolean },
    { ...typed, initial_value: string(), min_value: string(), max_value: string() },
  ),
  file_input: object({}, { ...actionable, filetypes: list(string(), 100), max_files: integer(1, 10) }),
}

const { rich_text_input: richTextInput = anything } = written

export const actionElement = byType({ ...pressed, ...chosen, rich_text_input: richTextInput })
export const accessory = byType({ ...pressed, ...chosen, image: imageElement })
export const inputElement = byType({ ...chosen, ...written })
export const contextElement = byType({
  image: imageElement,
  plain_text: object({ text: string(3000, 1) }, { emoji: boolean }),
  mrkdwn: object({ text: string(3000, 1) }, { verbatim: boolean }),
})
const feedback = object({ text: plain(75), value: string(2000) }, { accessibility_label: string(75) })
export const contextAction = byType({
  feedback_buttons: object({ positive_button: feedback, negative_button: feedback }, actionable),
  icon_button: object(
    { icon: string(), text: plain(75) },
    {
      ...actionable,
      confirm,
      value: string(2000),
      accessibility_label: string(75),
      visible_to_user_ids: anything,
    },
  ),
})
