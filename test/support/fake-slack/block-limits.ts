import {
  accessory,
  actionElement,
  anyText,
  button,
  contextAction,
  contextElement,
  ID,
  imageElement,
  inputElement,
  mrkdwn,
  plain,
} from './element-limits.ts'
import { isJson, type Json, listOf } from './json.ts'
import { richText } from './rich-text-limits.ts'
import {
  also,
  anything,
  boolean,
  byType,
  type Check,
  type Complaints,
  complaintList,
  integer,
  list,
  object,
  oneOf,
  string,
} from './shape.ts'

export type Surface = 'message' | 'modal' | 'home'

const MOST_BLOCKS: { readonly [surface in Surface]: number } = { message: 50, modal: 100, home: 100 }
const EVERYWHERE: readonly Surface[] = ['message', 'modal', 'home']
const NOT_IN_MODALS: readonly Surface[] = ['message', 'home']

const blockId = { block_id: ID }

function uniqueActions(block: Json, pointer: string, complaints: Complaints): void {
  const ids = listOf(block['elements']).flatMap((each) =>
    typeof each['action_id'] === 'string' ? [each['action_id']] : [],
  )
  for (const id of new Set(ids.filter((each, index) => ids.indexOf(each) !== index))) {
    complaints.add(`\`action_id\` must be unique within a block: ${id}`, `${pointer}/elements`)
  }
}

const section = also(
  object(
    {},
    { ...blockId, text: anyText(3000), fields: list(anyText(2000), 10), accessory, expand: boolean },
  ),
  (block, pointer, complaints) => {
    if (block['text'] === undefined && block['fields'] === undefined) {
      complaints.add('must define either `fields` or `text`', pointer)
    }
  },
)

const cell = byType({
  raw_text: object({ text: string(Infinity, 1) }),
  raw_number: object({ value: anything }, { text: string() }),
  rich_text: richText,
})
// An action_cell of a data table holds buttons, whose exact shape is not published in a type.
const dataCell: Check = (value, pointer, complaints) => {
  if (!isJson(value) || value['type'] !== 'action_cell') cell(value, pointer, complaints)
}

function charactersWithin(max: number) {
  return (block: Json, pointer: string, complaints: Complaints): void => {
    let characters = 0
    const walk = (value: unknown): void => {
      if (Array.isArray(value)) for (const each of value) walk(each)
      else if (isJson(value)) {
        if (typeof value['text'] === 'string') characters += value['text'].length
        for (const each of Object.values(value)) walk(each)
      }
    }
    walk(block['rows'])
    if (characters > max) complaints.add(`must be less than ${max + 1} characters`, `${pointer}/rows`)
  }
}

const card = object(
  {},
  {
    ...blockId,
    hero_image: imageElement,
    icon: imageElement,
    title: mrkdwn(150),
    subtitle: mrkdwn(150),
    body: mrkdwn(200),
    actions: list(byType({ button }), 3),
  },
)
const taskCard = object(
  { task_id: string(), title: string(), status: oneOf('pending', 'in_progress', 'complete', 'error') },
  { ...blockId, details: anything, output: anything, sources: anything },
)
const video = object(
  { video_url: string(), thumbnail_url: string(), alt_text: string(), title: plain(199) },
  {
    ...blockId,
    title_url: string(),
    author_name: string(49),
    provider_name: string(),
    provider_icon_url: string(),
    description: plain(3000),
  },
)
const table = also(
  object({ rows: list(list(cell, 20), 100) }, { ...blockId, column_settings: list(anything, 20) }),
  charactersWithin(10_000),
)

interface Rule {
  readonly on: readonly Surface[]
  readonly check: Check
}

const simple: { readonly [type: string]: Rule } = {
  section: { on: EVERYWHERE, check: section },
  header: { on: EVERYWHERE, check: object({ text: plain(150) }, blockId) },
  divider: { on: EVERYWHERE, check: object({}, blockId) },
  context: { on: EVERYWHERE, check: object({ elements: list(contextElement, 10) }, blockId) },
  actions: {
    on: EVERYWHERE,
    check: also(object({ elements: list(actionElement, 25) }, blockId), uniqueActions),
  },
  image: {
    on: EVERYWHERE,
    check: object(
      { alt_text: string(2000, 1) },
      { ...blockId, image_url: string(3000, 1), slack_file: anything, title: plain(2000) },
    ),
  },
  input: {
    on: EVERYWHERE,
    check: object(
      { label: plain(2000), element: inputElement },
      { ...blockId, hint: plain(2000), optional: boolean, dispatch_action: boolean },
    ),
  },
  rich_text: { on: EVERYWHERE, check: richText },
  video: { on: EVERYWHERE, check: video },
  file: { on: ['message'], check: object({ external_id: string(), source: oneOf('remote') }, blockId) },
  markdown: { on: ['message'], check: object({ text: string(12_000, 1) }, blockId) },
  alert: {
    on: ['modal'],
    check: object(
      { text: anyText(200) },
      { ...blockId, level: oneOf('default', 'info', 'warning', 'error', 'success') },
    ),
  },
  table: { on: NOT_IN_MODALS, check: table },
  card: { on: EVERYWHERE, check: card },
  carousel: { on: NOT_IN_MODALS, check: object({ elements: list(byType({ card }), 10) }, blockId) },
  data_table: {
    on: NOT_IN_MODALS,
    check: also(
      object(
        { rows: list(list(dataCell, 20), 201), caption: string(Infinity, 1) },
        { ...blockId, page_size: integer(1, 100), row_header_column_index: integer(0, 19) },
      ),
      charactersWithin(20_000),
    ),
  },
  data_visualization: { on: NOT_IN_MODALS, check: anything },
  plan: { on: ['message'], check: object({ title: string() }, { ...blockId, tasks: list(anything, 50, 0) }) },
  task_card: { on: ['message'], check: taskCard },
  context_actions: {
    on: ['message'],
    check: also(object({ elements: list(contextAction, 5) }, blockId), uniqueActions),
  },
}

const INSIDE_CONTAINERS = [
  'actions',
  'context',
  'divider',
  'file',
  'header',
  'image',
  'input',
  'rich_text',
  'section',
  'table',
  'video',
]
const insideContainer = byType(
  Object.fromEntries(INSIDE_CONTAINERS.flatMap((type) => (simple[type] ? [[type, simple[type].check]] : []))),
)
const rules: { readonly [type: string]: Rule } = {
  ...simple,
  container: {
    on: NOT_IN_MODALS,
    check: object(
      { child_blocks: list(insideContainer, 10) },
      {
        ...blockId,
        title: plain(150),
        rich_text_title: anything,
        subtitle: anyText(150),
        width: oneOf('narrow', 'standard', 'wide', 'full'),
        icon: imageElement,
        is_collapsible: boolean,
        default_collapsed: boolean,
        has_header_divider: boolean,
      },
    ),
  },
}

/** What Slack would say against these blocks on this surface; empty when it takes them. */
export function complaintsAbout(blocks: unknown, surface: Surface, pointer = '/blocks'): string[] {
  const complaints = complaintList()
  const allowed = Object.entries(rules).flatMap(([type, rule]) =>
    rule.on.includes(surface) ? [[type, rule.check]] : [],
  )
  const block = byType(Object.fromEntries(allowed))
  list(block, MOST_BLOCKS[surface], 0)(blocks, pointer, complaints)
  acrossBlocks(listOf(blocks), surface, pointer, complaints)
  return complaints.lines
}

function acrossBlocks(blocks: Json[], surface: Surface, pointer: string, complaints: Complaints): void {
  const ids = blocks.flatMap((each) =>
    typeof each['block_id'] === 'string' && each['block_id'] !== '' ? [each['block_id']] : [],
  )
  for (const id of new Set(ids.filter((each, index) => ids.indexOf(each) !== index))) {
    complaints.add(`\`block_id\` must be unique: ${id}`, pointer)
  }
  const count = (type: string): number => blocks.filter((each) => each['type'] === type).length
  if (surface === 'message' && count('table') > 1) complaints.add('only one table allowed', pointer)
  if (surface === 'message' && count('data_visualization') > 2)
    complaints.add('no more than 2 items allowed', pointer)
  const markdown = blocks.filter((each) => each['type'] === 'markdown' && typeof each['text'] === 'string')
  const characters = markdown.reduce((sum, each) => sum + String(each['text']).length, 0)
  if (characters > 12_000) complaints.add('must be less than 12001 characters', pointer)
}
