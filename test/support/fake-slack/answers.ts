import { ApiError } from './api-error.ts'
import type { Ack } from './delivery.ts'
import type { Outcome } from './gestures.ts'
import { isJson, type Json, textOf } from './json.ts'
import type { Message } from './messages.ts'
import { contentOf } from './methods-chat.ts'
import type { ResponseTicket } from './tickets.ts'
import type { Workspace } from './workspace.ts'

/** Shows what the app answered to a gesture, in the ack of a command or at its response URL. */
function show(workspace: Workspace, ticket: ResponseTicket, body: Json): Message | undefined {
  const original = originalOf(workspace, ticket)
  if (body['delete_original'] === true) {
    if (original === undefined) throw new ApiError('message_not_found')
    workspace.messages.delete(original)
    return undefined
  }
  const content = contentOf(body)
  if (body['replace_original'] === true && original !== undefined) {
    // A message keeps its audience: an ephemeral one cannot become public this way.
    if (!original.byBot) throw new ApiError('cant_update_message')
    workspace.messages.edit(original, content.text, content.blocks)
    return original
  }
  const threadTs = textOf(body, 'thread_ts')
  const message = workspace.messages.add({
    ...content,
    channel: ticket.channel,
    user: workspace.botUserId,
    byBot: true,
    ...(threadTs === '' ? {} : { threadTs }),
    ...(body['response_type'] === 'in_channel' ? {} : { ephemeralFor: ticket.user }),
  })
  ticket.original ??= { ts: message.ts, ephemeral: message.ephemeralFor !== undefined }
  return message
}

function originalOf(workspace: Workspace, ticket: ResponseTicket): Message | undefined {
  if (ticket.original === undefined) return undefined
  return workspace.messages.find(ticket.channel, ticket.original.ts, ticket.original.ephemeral)
}

/** Shows what the acks of a command say; an answer that Slack refuses is an error to the person. */
export function showAcks(workspace: Workspace, ticket: ResponseTicket, acks: readonly Ack[]): Outcome {
  let outcome: Outcome = {}
  for (const ack of acks) {
    if (!ack.acked) continue
    const body = typeof ack.body === 'string' ? { text: ack.body } : ack.body
    if (Object.keys(body).length === 0 || body['text'] === '') continue
    try {
      const message = show(workspace, ticket, body)
      if (message === undefined) continue
      const copy = structuredClone(message)
      outcome = {
        ...(message.ephemeralFor === undefined ? { posted: copy } : { ephemeral: copy }),
        ...outcome,
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      outcome = { error: 'invalid_command_response', details: [error.code, JSON.stringify(error.extra)] }
    }
  }
  return outcome
}

/** A POST to a response URL. */
export function respond(workspace: Workspace, path: string, body: unknown): { status: number; body: Json } {
  const ticket = workspace.tickets.use(path)
  if (typeof ticket === 'string') return { status: 404, body: { ok: false, error: ticket } }
  if (!isJson(body)) return { status: 400, body: { ok: false, error: 'invalid_payload' } }
  try {
    show(workspace, ticket, body)
    return { status: 200, body: { ok: true } }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return { status: 400, body: { ok: false, error: error.code, ...error.extra } }
  }
}
