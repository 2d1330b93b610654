/* global document, MutationObserver, Node */
// Added to the page of the local Slack workspace. Slack shows `<!date^seconds^form|text>` as a time in the reader's
// own zone; this workspace would show the token itself.

const token = /<!date\^(\d+)\^([^<>|]*)\|[^<>|]*>/g
const day = 86_400_000

const dayOf = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()

function prettyDay(date, short) {
  const away = Math.round((dayOf(date) - dayOf(new Date())) / day)
  return { [-1]: 'yesterday', 0: 'today', 1: 'tomorrow' }[away] ?? short
}

function written(seconds, form) {
  const date = new Date(Number(seconds) * 1000)
  const short = date.toLocaleDateString([], { day: 'numeric', month: 'short', year: 'numeric' })
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return form
    .replaceAll('{date_short_pretty}', prettyDay(date, short))
    .replaceAll('{date_short}', short)
    .replaceAll('{time}', time)
}

function writeDates(node) {
  if (node.nodeType === Node.TEXT_NODE) {
    const text = node.data.replaceAll(token, (_, seconds, form) => written(seconds, form))
    if (text !== node.data) node.data = text
    return
  }
  for (const child of node.childNodes) writeDates(child)
}

new MutationObserver((changes) => {
  for (const change of changes) {
    if (change.type === 'characterData') writeDates(change.target)
    for (const node of change.addedNodes) writeDates(node)
  }
}).observe(document, { childList: true, characterData: true, subtree: true })
