import { complaintsAbout } from './block-limits.ts'
import { ID, plain } from './element-limits.ts'
import { isJson, listOf } from './json.ts'
import { anything, boolean, complaintList, object, string } from './shape.ts'

const LARGEST_VIEW = 250_000

const shared = { private_metadata: string(3000), callback_id: ID, external_id: ID }
const modal = object(
  { title: plain(24), blocks: anything },
  {
    ...shared,
    submit: plain(24),
    close: plain(24),
    clear_on_close: boolean,
    notify_on_close: boolean,
    submit_disabled: boolean,
  },
)
const home = object({ blocks: anything }, shared)

export interface ViewRefusal {
  readonly error: 'invalid_arguments' | 'view_too_large'
  readonly messages: readonly string[]
}

/** Why Slack would refuse this view, or nothing. */
export function refusalOf(view: unknown, surface: 'modal' | 'home'): ViewRefusal | undefined {
  const complaints = complaintList()
  if (!isJson(view)) {
    return { error: 'invalid_arguments', messages: ['must provide a view object [json-pointer:/view]'] }
  }
  if (JSON.stringify(view).length > LARGEST_VIEW) return { error: 'view_too_large', messages: [] }
  if (view['type'] !== surface) complaints.add(`unsupported type: ${String(view['type'])}`, '/view/type')
  const check = surface === 'modal' ? modal : home
  check(view, '/view', complaints)
  const asks = listOf(view['blocks']).some((block) => block['type'] === 'input')
  if (surface === 'modal' && asks && view['submit'] === undefined) {
    complaints.add('missing required field: submit', '/view')
  }
  const blocks = Array.isArray(view['blocks'])
    ? complaintsAbout(view['blocks'], surface, '/view/blocks')
    : ['must be an array [json-pointer:/view/blocks]']
  const messages = [...complaints.lines, ...blocks]
  return messages.length === 0 ? undefined : { error: 'invalid_arguments', messages }
}
