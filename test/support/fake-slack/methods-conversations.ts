import { ApiError, missing } from './api-error.ts'
import { type Channel, channelObject } from './channels.ts'
import { flag, type Json, textOf } from './json.ts'
import { messageObject } from './messages.ts'
import { page } from './paging.ts'
import type { Methods } from './web-api.ts'
import type { Workspace } from './workspace.ts'

/** The conversation, if the bot may know of it; each kind of conversation has its own scope. */
function visible(args: Json, workspace: Workspace, access: 'read' | 'history'): Channel {
  const id = textOf(args, 'channel')
  if (id === '') throw missing('channel')
  const channel = workspace.channels.all.get(id)
  if (channel === undefined || (channel.private && !channel.botIsMember))
    throw new ApiError('channel_not_found')
  const family = channel.kind === 'im' ? 'im' : channel.private ? 'groups' : 'channels'
  const needed = `${family}:${access}`
  // Slack lets `im:write` see the conversations that it opened.
  const granted = workspace.scopes.has(needed) || (needed === 'im:read' && workspace.scopes.has('im:write'))
  if (!granted) throw new ApiError('missing_scope', { needed, provided: [...workspace.scopes].join(',') })
  return channel
}

function open(args: Json, workspace: Workspace): Json {
  const users = textOf(args, 'users').split(',').filter(Boolean)
  const known = workspace.channels.all.get(textOf(args, 'channel'))
  if (users.length === 0 && known?.kind === 'im') return { channel: { id: known.id } }
  if (users.length === 0) throw new ApiError('users_list_not_supplied')
  if (users.length > 1) throw new ApiError('method_not_supported_for_channel_type')
  const person = workspace.people.all.get(users[0] ?? '')
  if (person === undefined) throw new ApiError('user_not_found')
  if (person.bot === true) throw new ApiError('cannot_dm_bot')
  if (person.deleted === true) throw new ApiError('user_disabled')
  const before = workspace.channels.all.size
  const channel = workspace.channels.direct(person)
  const fresh = workspace.channels.all.size > before
  const object = flag(args, 'return_im') ? channelObject(channel, workspace.teamId) : { id: channel.id }
  return { ...(fresh ? {} : { no_op: true, already_open: true }), channel: object }
}

function info(args: Json, workspace: Workspace): Json {
  return { channel: channelObject(visible(args, workspace, 'read'), workspace.teamId) }
}

function members(args: Json, workspace: Workspace): Json {
  const channel = visible(args, workspace, 'read')
  const everybody = [...channel.members, ...(channel.botIsMember ? [workspace.botUserId] : [])]
  const { items, metadata } = page(everybody, args)
  return { members: items, ...metadata }
}

function history(args: Json, workspace: Workspace): Json {
  const channel = visible(args, workspace, 'history')
  if (!channel.botIsMember) throw new ApiError('not_in_channel')
  const { items, metadata } = page(workspace.messages.flow(channel.id).toReversed(), args)
  const messages = items.map((each) => messageObject(each, workspace.botId, workspace.teamId))
  return { messages, has_more: Object.keys(metadata).length > 0, ...metadata }
}

function replies(args: Json, workspace: Workspace): Json {
  const channel = visible(args, workspace, 'history')
  const parent = workspace.messages.find(channel.id, textOf(args, 'ts'))
  if (parent === undefined) throw new ApiError('thread_not_found')
  const { items, metadata } = page([parent, ...workspace.messages.thread(parent)], args)
  const messages = items.map((each) => messageObject(each, workspace.botId, workspace.teamId))
  return { messages, has_more: Object.keys(metadata).length > 0, ...metadata }
}

export const conversationMethods: Methods = {
  'conversations.open': { scopes: ['im:write'], run: open },
  'conversations.info': { run: info },
  'conversations.members': { run: members },
  'conversations.history': { run: history },
  'conversations.replies': { run: replies },
}
