/* global WebSocket, window */
// Added to the page of the local Slack workspace. In Slack a button with a URL opens it in the browser, and the click
// is sent to the app as well; this workspace would only send the click.

/** The buttons with a URL in the messages that the page was sent, by message and action id. */
const links = new Map()
const keyOf = (ts, actionId) => `${ts} ${actionId}`

function rememberLinks(value) {
  if (typeof value !== 'object' || value === null) return
  if (typeof value.ts === 'string' && Array.isArray(value.blocks)) {
    for (const element of value.blocks.flatMap((block) => block.elements ?? []))
      if (/^https?:/.test(element.url ?? '')) links.set(keyOf(value.ts, element.action_id), element.url)
  }
  for (const part of Object.values(value)) rememberLinks(part)
}

window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given)
    this.addEventListener('message', ({ data }) => rememberLinks(JSON.parse(data)))
  }

  send(data) {
    super.send(data)
    const { t: kind, messageTs, action } = JSON.parse(data)
    const url = kind === 'block_action' && links.get(keyOf(messageTs, action.action_id))
    if (url) window.open(url, '_blank', 'noopener')
  }
}
