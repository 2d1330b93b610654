import type { Ack } from './delivery.ts'
import type { Outcome } from './gestures.ts'
import { isJson, type Json } from './json.ts'
import { refusalOf } from './view-limits.ts'
import { PUSH_LIMIT, type View } from './views.ts'
import type { Workspace } from './workspace.ts'

/** Does with the modal what the app answered to its submission. */
export function afterSubmission(workspace: Workspace, view: View, acks: readonly Ack[]): Outcome {
  const first = acks[0]
  // Nobody answered: the form stays open with a trouble notice.
  if (first === undefined || !first.acked) return {}
  const body = isJson(first.body) ? first.body : {}
  switch (body['response_action']) {
    case undefined:
      workspace.views.pop(view)
      return {}
    case 'clear':
      workspace.views.clear(view.user)
      return {}
    case 'errors':
      return errors(view, body['errors'])
    case 'update':
    case 'push':
      return next(workspace, view, body)
    default:
      return refused([`unknown response_action ${String(body['response_action'])}`])
  }
}

function refused(details: readonly string[]): Outcome {
  return { error: 'invalid_view_response', details }
}

function errors(view: View, given: unknown): Outcome {
  if (!isJson(given) || Object.keys(given).length === 0) return refused(['`errors` must name a block'])
  const blocks = new Set(view.blocks.flatMap((each) => (each['type'] === 'input' ? [each['block_id']] : [])))
  const strange = Object.keys(given).filter((each) => !blocks.has(each))
  if (strange.length > 0) return refused([`no input block is called ${strange.join(', ')}`])
  return {
    viewErrors: Object.fromEntries(Object.entries(given).map(([block, text]) => [block, String(text)])),
  }
}

function next(workspace: Workspace, view: View, body: Json): Outcome {
  const refusal = refusalOf(body['view'], 'modal')
  if (refusal !== undefined) return refused(refusal.messages)
  const content = isJson(body['view']) ? body['view'] : {}
  if (body['response_action'] === 'update') {
    workspace.views.update(view, content)
    return {}
  }
  if (workspace.views.stack(view.user).length >= PUSH_LIMIT) return refused(['push_limit_reached'])
  workspace.views.push(view.user, content, '')
  return {}
}
