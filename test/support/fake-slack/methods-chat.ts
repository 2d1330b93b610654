import { ApiError, missing, withMessages } from './api-error.ts'
import { complaintsAbout } from './block-limits.ts'
import type { Channel } from './channels.ts'
import { flag, isJson, type Json, listOf, structured, textOf } from './json.ts'
import { type Message, messageObject } from './messages.ts'
import type { Methods } from './web-api.ts'
import type { Workspace } from './workspace.ts'

const LONGEST_TEXT = 40_000

export interface Content {
  readonly text: string
  readonly blocks: Json[]
}

/** Text and blocks of a message, refused as Slack refuses them. */
export function contentOf(args: Json): Content {
  const text = textOf(args, 'text')
  const given = structured(args, 'blocks')
  if (given === null || (given !== undefined && !Array.isArray(given)))
    throw new ApiError('invalid_blocks_format')
  const complaints = complaintsAbout(given ?? [], 'message')
  if (complaints.length > 0) throw withMessages('invalid_blocks', complaints)
  const blocks = listOf(given)
  const attachments = structured(args, 'attachments')
  const attached = Array.isArray(attachments) && attachments.length > 0
  if (text.trim() === '' && blocks.length === 0 && !attached) throw new ApiError('no_text')
  if (text.length > LONGEST_TEXT) throw new ApiError('msg_too_long')
  return { text, blocks }
}

function metadataOf(args: Json): Json | undefined {
  const metadata = structured(args, 'metadata')
  if (metadata === undefined) return undefined
  if (!isJson(metadata)) throw new ApiError('invalid_metadata_format')
  if (Object.keys(metadata).length === 0) return metadata
  if (typeof metadata['event_type'] !== 'string' || !isJson(metadata['event_payload'])) {
    throw new ApiError('invalid_metadata_schema')
  }
  return metadata
}

/** Where a post goes: a channel id, a channel name, or a person, whose direct conversation is opened. */
function destination(workspace: Workspace, given: string): Channel {
  const { people, channels } = workspace
  const person = people.all.get(given)
  if (person?.bot === true) throw new ApiError('cannot_dm_bot')
  const named = [...channels.all.values()].find(
    (each) => each.kind === 'channel' && each.name === given.replace(/^#/, ''),
  )
  const channel = person === undefined ? (channels.all.get(given) ?? named) : channels.direct(person)
  if (channel === undefined || (channel.private && !channel.botIsMember))
    throw new ApiError('channel_not_found')
  if (channel.archived) throw new ApiError('is_archived')
  const partner = channel.kind === 'im' ? people.all.get([...channel.members][0] ?? '') : undefined
  if (partner?.deleted === true) throw new ApiError('user_disabled')
  return channel
}

function mayPost(workspace: Workspace, channel: Channel): void {
  const open = !channel.private && workspace.scopes.has('chat:write.public')
  if (!channel.botIsMember && !open) throw new ApiError('not_in_channel')
}

function threadOf(workspace: Workspace, channel: string, args: Json): { threadTs: string } | Json {
  const threadTs = textOf(args, 'thread_ts')
  if (threadTs === '') return {}
  const parent = workspace.messages.find(channel, threadTs)
  if (parent === undefined) throw new ApiError('thread_not_found')
  if (parent.threadTs !== undefined) throw new ApiError('cannot_reply_to_message')
  return { threadTs }
}

function postMessage(args: Json, workspace: Workspace): Json {
  const given = textOf(args, 'channel')
  if (given === '') throw missing('channel')
  const channel = destination(workspace, given)
  mayPost(workspace, channel)
  const content = contentOf(args)
  const metadata = metadataOf(args)
  const message = workspace.messages.add({
    ...content,
    ...threadOf(workspace, channel.id, args),
    channel: channel.id,
    user: workspace.botUserId,
    byBot: true,
    broadcast: flag(args, 'reply_broadcast'),
    ...(metadata === undefined ? {} : { metadata }),
  })
  return {
    channel: channel.id,
    ts: message.ts,
    message: messageObject(message, workspace.botId, workspace.teamId),
  }
}

/** The bot's own lasting message; Slack takes conversation ids here, never user ids. */
function ownMessage(args: Json, workspace: Workspace, foreign: string): Message {
  const channel = workspace.channels.all.get(textOf(args, 'channel'))
  if (channel === undefined || (channel.private && !channel.botIsMember))
    throw new ApiError('channel_not_found')
  const message = workspace.messages.find(channel.id, textOf(args, 'ts'))
  if (message === undefined) throw new ApiError('message_not_found')
  if (!message.byBot) throw new ApiError(foreign)
  if (channel.archived) throw new ApiError('is_inactive')
  return message
}

function rich(blocks: readonly Json[]): boolean {
  return blocks.some((block) => block['type'] === 'rich_text')
}

function update(args: Json, workspace: Workspace): Json {
  const message = ownMessage(args, workspace, 'cant_update_message')
  const { text, blocks } = contentOf(args)
  if (rich(message.blocks) && blocks.length > 0 && !rich(blocks)) throw new ApiError('block_mismatch')
  const metadata = metadataOf(args)
  if (metadata !== undefined) message.metadata = metadata
  workspace.messages.edit(message, text, blocks)
  const object = messageObject(message, workspace.botId, workspace.teamId)
  return { channel: message.channel, ts: message.ts, text: message.text, message: object }
}

function postEphemeral(args: Json, workspace: Workspace): Json {
  const channel = workspace.channels.all.get(textOf(args, 'channel'))
  if (channel === undefined) throw new ApiError('channel_not_found')
  if (channel.archived) throw new ApiError('is_archived')
  if (!channel.botIsMember) throw new ApiError('not_in_channel')
  const person = workspace.people.all.get(textOf(args, 'user'))
  if (person === undefined || person.deleted === true || !channel.members.has(person.id)) {
    throw new ApiError('user_not_in_channel')
  }
  const message = workspace.messages.add({
    ...contentOf(args),
    ...threadOf(workspace, channel.id, args),
    channel: channel.id,
    user: workspace.botUserId,
    byBot: true,
    ephemeralFor: person.id,
  })
  return { message_ts: message.ts }
}

function remove(args: Json, workspace: Workspace): Json {
  const message = ownMessage(args, workspace, 'cant_delete_message')
  workspace.messages.delete(message)
  return { channel: message.channel, ts: message.ts }
}

function permalink(args: Json, workspace: Workspace): Json {
  const channel = workspace.channels.all.get(textOf(args, 'channel'))
  if (channel === undefined) throw new ApiError('channel_not_found')
  const message = workspace.messages.find(channel.id, textOf(args, 'message_ts'))
  if (message === undefined) throw new ApiError('message_not_found')
  const archive = `https://${workspace.teamDomain}.slack.com/archives/${channel.id}/p${message.ts.replace('.', '')}`
  const thread = message.threadTs === undefined ? '' : `?thread_ts=${message.threadTs}&cid=${channel.id}`
  return { channel: channel.id, permalink: `${archive}${thread}` }
}

const scopes = ['chat:write']

export const chatMethods: Methods = {
  'chat.postMessage': { scopes, run: postMessage },
  'chat.update': { scopes, run: update },
  'chat.postEphemeral': { scopes, run: postEphemeral },
  'chat.delete': { scopes, run: remove },
  'chat.getPermalink': { run: permalink },
}
