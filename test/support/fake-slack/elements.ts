import { isJson, type Json, listOf } from './json.ts'

export interface Placed {
  readonly block: Json
  readonly blockId: string
  readonly actionId: string
  readonly element: Json
}

const NOT_INTERACTIVE = new Set(['image', 'mrkdwn', 'plain_text'])

/** Every element that a person can press, pick or fill in, with the ids by which Slack names it. */
export function elementsOf(blocks: readonly Json[]): Placed[] {
  return blocks.flatMap((block) => {
    if (block['type'] === 'container') return elementsOf(listOf(block['child_blocks']))
    if (block['type'] === 'carousel') return elementsOf(listOf(block['elements']))
    if (block['type'] === 'rich_text') return []
    const inside = [
      ...listOf(block['elements']),
      ...listOf(block['actions']),
      block['accessory'],
      block['element'],
    ]
    return inside.filter(isJson).flatMap((element) => {
      if (NOT_INTERACTIVE.has(String(element['type']))) return []
      return [{ block, blockId: String(block['block_id']), actionId: String(element['action_id']), element }]
    })
  })
}

export function inputsOf(blocks: readonly Json[]): Placed[] {
  return elementsOf(blocks).filter(
    ({ element }) => !['button', 'overflow', 'workflow_button'].includes(String(element['type'])),
  )
}
