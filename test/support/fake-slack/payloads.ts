import type { Channel } from './channels.ts'
import type { Placed } from './elements.ts'
import { stateOf } from './form-state.ts'
import { type Json, textOf } from './json.ts'
import { type Message, messageObject } from './messages.ts'
import type { PersonRecord } from './people.ts'
import type { View } from './views.ts'
import type { Workspace } from './workspace.ts'

/** The legacy verification token, which nobody should read. */
const TOKEN = 'fake-verification-token'

function common(workspace: Workspace, person: PersonRecord): Json {
  const enterprise = workspace.enterpriseId
  return {
    user: { id: person.id, username: person.name, name: person.name, team_id: person.team },
    api_app_id: workspace.appId,
    token: TOKEN,
    team: {
      id: workspace.teamId,
      domain: workspace.teamDomain,
      ...(enterprise === undefined ? {} : { enterprise_id: enterprise, enterprise_name: 'Example Org' }),
    },
    enterprise: enterprise === undefined ? null : { id: enterprise, name: 'Example Org' },
    is_enterprise_install: false,
  }
}

export interface Typed {
  readonly command: string
  readonly text: string
  readonly channel: Channel
  readonly triggerId: string
  readonly responseUrl: string
}

export function slashCommand(workspace: Workspace, person: PersonRecord, typed: Typed): Json {
  const enterprise = workspace.enterpriseId
  return {
    token: TOKEN,
    team_id: workspace.teamId,
    team_domain: workspace.teamDomain,
    channel_id: typed.channel.id,
    channel_name:
      typed.channel.private && typed.channel.kind === 'channel' ? 'privategroup' : typed.channel.name,
    user_id: person.id,
    user_name: person.name,
    command: typed.command,
    text: typed.text,
    api_app_id: workspace.appId,
    is_enterprise_install: 'false',
    ...(enterprise === undefined ? {} : { enterprise_id: enterprise, enterprise_name: 'Example Org' }),
    response_url: typed.responseUrl,
    trigger_id: typed.triggerId,
  }
}

/** One entry of `actions`: what was pressed, or what was picked. */
export function action(workspace: Workspace, placed: Placed, entry: Json): Json {
  const { element } = placed
  const kept = [
    'text',
    'value',
    'url',
    'style',
    'confirm',
    'placeholder',
    'initial_option',
    'min_query_length',
  ]
  const copied = Object.fromEntries(
    kept.flatMap((name) => (element[name] === undefined ? [] : [[name, element[name]]])),
  )
  return {
    ...copied,
    ...entry,
    type: element['type'],
    action_id: placed.actionId,
    block_id: placed.blockId,
    action_ts: workspace.stamps.next(),
  }
}

/** Where a message stands, and what its reader has put into its fields. */
export interface Place {
  readonly message: Message
  readonly channel: Channel
  readonly responseUrl: string
  readonly entries: ReadonlyMap<string, Json>
}

export interface Clicked {
  readonly actions: readonly Json[]
  readonly triggerId: string
}

export function messageAction(workspace: Workspace, person: PersonRecord, on: Place, clicked: Clicked): Json {
  const { message, channel } = on
  const ephemeral = message.ephemeralFor !== undefined
  return {
    type: 'block_actions',
    ...common(workspace, person),
    container: {
      type: 'message',
      message_ts: message.ts,
      channel_id: channel.id,
      is_ephemeral: ephemeral,
      ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }),
    },
    trigger_id: clicked.triggerId,
    channel: { id: channel.id, name: channel.name },
    // Slack does not keep ephemeral messages, so it cannot send them along.
    ...(ephemeral ? {} : { message: messageObject(message, workspace.botId, workspace.teamId) }),
    state: stateOf(message.blocks, on.entries),
    response_url: on.responseUrl,
    actions: clicked.actions,
  }
}

export function viewAction(workspace: Workspace, person: PersonRecord, view: View, clicked: Clicked): Json {
  return {
    type: 'block_actions',
    ...common(workspace, person),
    container: { type: 'view', view_id: view.id },
    trigger_id: clicked.triggerId,
    view: viewObject(view, workspace),
    actions: clicked.actions,
  }
}

export function viewSubmission(
  workspace: Workspace,
  person: PersonRecord,
  view: View,
  triggerId: string,
): Json {
  return {
    type: 'view_submission',
    ...common(workspace, person),
    trigger_id: triggerId,
    view: viewObject(view, workspace),
    response_urls: [],
  }
}

export function viewClosed(workspace: Workspace, person: PersonRecord, view: View, cleared: boolean): Json {
  return {
    type: 'view_closed',
    ...common(workspace, person),
    view: viewObject(view, workspace),
    is_cleared: cleared,
  }
}

export function blockSuggestion(
  workspace: Workspace,
  person: PersonRecord,
  placed: Placed,
  typed: { value: string; where: Json },
): Json {
  return {
    type: 'block_suggestion',
    ...common(workspace, person),
    ...typed.where,
    action_id: placed.actionId,
    block_id: placed.blockId,
    value: typed.value,
  }
}

export function event(workspace: Workspace, content: Json): Json {
  return {
    token: TOKEN,
    team_id: workspace.teamId,
    api_app_id: workspace.appId,
    event: { event_ts: workspace.stamps.next(), ...content },
    type: 'event_callback',
    event_id: workspace.stamps.id('Ev'),
    event_time: Math.floor(workspace.stamps.now() / 1000),
    authorizations: [
      {
        enterprise_id: workspace.enterpriseId ?? null,
        team_id: workspace.teamId,
        user_id: workspace.botUserId,
        is_bot: true,
        is_enterprise_install: false,
      },
    ],
    is_ext_shared_channel: false,
  }
}

/** The view object of payloads and answers. */
export function viewObject(view: View, workspace: Workspace): Json {
  const { content } = view
  return {
    id: view.id,
    team_id: workspace.teamId,
    app_id: workspace.appId,
    app_installed_team_id: workspace.teamId,
    bot_id: workspace.botId,
    type: view.type,
    title: content['title'] ?? { type: 'plain_text', text: 'View Title', emoji: true },
    submit: content['submit'] ?? null,
    close: content['close'] ?? null,
    blocks: structuredClone(view.blocks),
    private_metadata: textOf(content, 'private_metadata'),
    callback_id: textOf(content, 'callback_id'),
    external_id: textOf(content, 'external_id'),
    state: stateOf(view.blocks, view.entries),
    hash: view.hash,
    clear_on_close: content['clear_on_close'] === true,
    notify_on_close: content['notify_on_close'] === true,
    root_view_id: view.rootId,
    previous_view_id: view.previousId,
  }
}
