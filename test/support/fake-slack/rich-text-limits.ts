import { anything, boolean, byType, type Check, integer, list, object, oneOf, string } from './shape.ts'

const styled = { style: anything }
const inline = byType({
  text: object({ text: string() }, styled),
  link: object({ url: string(3000, 1) }, { text: string(), unsafe: boolean, ...styled }),
  user: object({ user_id: string() }, styled),
  usergroup: object({ usergroup_id: string() }, styled),
  channel: object({ channel_id: string() }, styled),
  team: object({ team_id: string() }, styled),
  emoji: object({ name: string() }, { unicode: string(), url: string(), skin_tone: anything, ...styled }),
  broadcast: object({ range: oneOf('here', 'channel', 'everyone') }, styled),
  color: object({ value: string() }, styled),
  date: object(
    { timestamp: integer(0, 99_999_999_999), format: string() },
    { url: string(3000), fallback: string(), ...styled },
  ),
  tag: object({ text: anything }, { color: anything, ...styled }),
})

const many = 10_000
const section: Check = object({ elements: list(inline, many, 0) })
const richTextElement = byType({
  rich_text_section: section,
  rich_text_list: object(
    { elements: list(byType({ rich_text_section: section }), many), style: oneOf('bullet', 'ordered') },
    { indent: integer(0, 8), offset: integer(0, many), border: integer(0, 1) },
  ),
  rich_text_quote: object({ elements: list(inline, many) }, { border: integer(0, 1) }),
  rich_text_preformatted: object(
    { elements: list(inline, many) },
    { border: integer(0, 1), language: string() },
  ),
})

export const richText: Check = object({ elements: list(richTextElement, many) }, { block_id: string(255) })
