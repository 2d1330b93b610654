import { ApiError, missing } from './api-error.ts'
import { flag, type Json, textOf } from './json.ts'
import { page } from './paging.ts'
import { type Group, userObject } from './people.ts'
import type { Methods } from './web-api.ts'
import type { Workspace } from './workspace.ts'

function info(args: Json, workspace: Workspace): Json {
  const id = textOf(args, 'user')
  if (id === '') throw missing('user')
  const person = workspace.people.all.get(id)
  if (person === undefined) throw new ApiError('user_not_found')
  return { user: userObject(person, workspace.stamps.now(), workspace.scopes.has('users:read.email')) }
}

function list(args: Json, workspace: Workspace): Json {
  const internal = [...workspace.people.all.values()].filter((each) => workspace.people.isInternal(each))
  const { items, metadata } = page(internal, args)
  const withEmail = workspace.scopes.has('users:read.email')
  const members = items.map((each) => userObject(each, workspace.stamps.now(), withEmail))
  return { members, cache_ts: Math.floor(workspace.stamps.now() / 1000), ...metadata }
}

function lookupByEmail(args: Json, workspace: Workspace): Json {
  const email = textOf(args, 'email').toLowerCase()
  const person = [...workspace.people.all.values()].find(
    (each) => each.deleted !== true && (each.email ?? `${each.name}@example.com`).toLowerCase() === email,
  )
  if (person === undefined) throw new ApiError('users_not_found')
  return { user: userObject(person, workspace.stamps.now(), true) }
}

function groupObject(group: Group, workspace: Workspace, withUsers: boolean): Json {
  return {
    id: group.id,
    team_id: workspace.teamId,
    is_usergroup: true,
    name: group.handle,
    handle: group.handle,
    date_delete: group.disabled ? 1 : 0,
    user_count: group.members.length,
    ...(withUsers ? { users: group.members } : {}),
  }
}

function groups(args: Json, workspace: Workspace): Json {
  const all = [...workspace.people.groups.values()]
  const shown = all.filter((each) => !each.disabled || flag(args, 'include_disabled'))
  return { usergroups: shown.map((each) => groupObject(each, workspace, flag(args, 'include_users'))) }
}

function groupUsers(args: Json, workspace: Workspace): Json {
  const id = textOf(args, 'usergroup')
  if (id === '') throw missing('usergroup')
  const group = workspace.people.groups.get(id)
  if (group === undefined || (group.disabled && !flag(args, 'include_disabled'))) {
    throw new ApiError('no_such_subteam')
  }
  return { users: group.members }
}

export const peopleMethods: Methods = {
  'users.info': { scopes: ['users:read'], run: info },
  'users.list': { scopes: ['users:read'], run: list },
  'users.lookupByEmail': { scopes: ['users:read.email'], run: lookupByEmail },
  'usergroups.list': { scopes: ['usergroups:read'], run: groups },
  'usergroups.users.list': { scopes: ['usergroups:read'], run: groupUsers },
}
