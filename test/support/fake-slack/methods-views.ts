import { ApiError, missing, withMessages } from './api-error.ts'
import { isJson, type Json, structured, textOf } from './json.ts'
import { viewObject } from './payloads.ts'
import { refusalOf } from './view-limits.ts'
import { PUSH_LIMIT, type View } from './views.ts'
import type { Methods } from './web-api.ts'
import type { Workspace } from './workspace.ts'

/** The view that a call brings, refused as Slack refuses it. */
function viewOf(args: Json, surface: 'modal' | 'home'): Json {
  const view = structured(args, 'view')
  if (view === undefined) throw missing('view')
  const refusal = refusalOf(view, surface)
  if (refusal?.error === 'view_too_large') throw new ApiError('view_too_large')
  if (refusal !== undefined) throw withMessages(refusal.error, refusal.messages)
  return isJson(view) ? view : {}
}

function uniqueExternalId(view: Json, workspace: Workspace, except?: View): void {
  const externalId = textOf(view, 'external_id')
  if (externalId === '') return
  const other = workspace.views.find({ externalId })
  if (other !== undefined && other !== except) throw new ApiError('duplicate_external_id')
}

function open(args: Json, workspace: Workspace): Json {
  const view = viewOf(args, 'modal')
  const trigger = workspace.tickets.exchange(textOf(args, 'trigger_id'))
  if (typeof trigger === 'string') throw new ApiError(trigger)
  uniqueExternalId(view, workspace)
  trigger.spent = true
  return { view: viewObject(workspace.views.open(trigger.user, view, trigger.id), workspace) }
}

function push(args: Json, workspace: Workspace): Json {
  const view = viewOf(args, 'modal')
  const trigger = workspace.tickets.exchange(textOf(args, 'trigger_id'))
  if (typeof trigger === 'string') throw new ApiError(trigger)
  const depth = workspace.views.stack(trigger.user).length
  if (depth === 0) throw new ApiError('not_found')
  if (depth >= PUSH_LIMIT) throw new ApiError('push_limit_reached')
  uniqueExternalId(view, workspace)
  trigger.spent = true
  return { view: viewObject(workspace.views.push(trigger.user, view, trigger.id), workspace) }
}

function update(args: Json, workspace: Workspace): Json {
  const id = textOf(args, 'view_id')
  const externalId = textOf(args, 'external_id')
  if (id === '' && externalId === '') throw missing('view_id')
  const known = workspace.views.find(id === '' ? { externalId } : { id })
  if (known === undefined) throw new ApiError('not_found')
  const view = viewOf(args, known.type)
  checkHash(args, known)
  uniqueExternalId(view, workspace, known)
  return { view: viewObject(workspace.views.update(known, view), workspace) }
}

function publish(args: Json, workspace: Workspace): Json {
  const user = textOf(args, 'user_id')
  if (user === '') throw missing('user_id')
  if (!workspace.people.all.has(user)) throw new ApiError('user_not_found')
  const view = viewOf(args, 'home')
  const known = workspace.views.home(user)
  if (known !== undefined) checkHash(args, known)
  return { view: viewObject(workspace.views.publish(user, view), workspace) }
}

function checkHash(args: Json, view: View): void {
  const hash = textOf(args, 'hash')
  if (hash !== '' && hash !== view.hash) throw new ApiError('hash_conflict')
}

export const viewMethods: Methods = {
  'views.open': { run: open },
  'views.push': { run: push },
  'views.update': { run: update },
  'views.publish': { run: publish },
}
