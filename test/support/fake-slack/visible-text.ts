import { isJson, type Json, listOf, textOf } from './json.ts'

export interface Names {
  user: (id: string) => string | undefined
  channel: (id: string) => string | undefined
  group: (id: string) => string | undefined
}

/** The words that a person reads in Slack's markup. */
export function readable(markup: string, names: Names): string {
  const plain = markup.replaceAll(/<([^<>]*)>/g, (whole, inside: string) => mention(inside, names) ?? whole)
  return unescaped(unstyled(plain))
}

function mention(inside: string, names: Names): string | undefined {
  const [target = '', label] = inside.split('|')
  if (target.startsWith('!date^')) return label ?? target
  if (target.startsWith('!subteam^')) return label ?? `@${names.group(target.slice(9)) ?? target.slice(9)}`
  if (target.startsWith('!')) return `@${target.slice(1)}`
  if (target.startsWith('@')) {
    const name = names.user(target.slice(1))
    // An id that Slack doesn't know is shown raw, so that a test sees the mistake.
    return name === undefined ? undefined : `@${name}`
  }
  if (target.startsWith('#')) return `#${label ?? names.channel(target.slice(1)) ?? target.slice(1)}`
  return label ?? target
}

function unstyled(text: string): string {
  const marks = ['\\*', '_', '~', '`']
  return marks.reduce(
    (done, mark) =>
      done.replaceAll(
        new RegExp(`(^|[\\s([{"'*_~])${mark}(\\S|\\S[^\\n]*?\\S)${mark}(?=$|[\\s)\\]}"'.,:;!?*_~])`, 'gm'),
        '$1$2',
      ),
    text,
  )
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

function words(text: unknown, names: Names): string {
  if (!isJson(text)) return typeof text === 'string' ? readable(text, names) : ''
  if (text['type'] === 'rich_text')
    return listOf(text['elements'])
      .map((each) => richText(each, names))
      .join('\n')
  const content = textOf(text, 'text')
  return text['type'] === 'mrkdwn' ? readable(content, names) : content
}

function element(given: Json, names: Names): string {
  switch (given['type']) {
    case 'button':
    case 'workflow_button':
      return `[${words(given['text'], names)}]`
    case 'image':
      return `(${textOf(given, 'alt_text')})`
    case 'plain_text':
    case 'mrkdwn':
      return words(given, names)
    case 'overflow':
      return '[…]'
    default:
      return `{${choice(given, names)}}`
  }
}

/** What an untouched field shows: its value, else its placeholder, else its kind. */
function choice(given: Json, names: Names): string {
  const picked = given['initial_option']
  if (isJson(picked)) return words(picked['text'], names)
  const several = listOf(given['initial_options'])
  if (several.length > 0) return several.map((each) => words(each['text'], names)).join(', ')
  const value =
    textOf(given, 'initial_value') || textOf(given, 'initial_user') || textOf(given, 'initial_date')
  if (value !== '') return value
  return words(given['placeholder'], names) || textOf(given, 'type').replaceAll('_', ' ')
}

function richText(part: Json, names: Names): string {
  const inside = listOf(part['elements'])
  switch (part['type']) {
    case 'rich_text_list':
      return inside.map((each) => `• ${richText(each, names)}`).join('\n')
    case 'rich_text_section':
    case 'rich_text_quote':
    case 'rich_text_preformatted':
      return inside.map((each) => richText(each, names)).join('')
    case 'user':
      return `@${names.user(textOf(part, 'user_id')) ?? textOf(part, 'user_id')}`
    case 'usergroup':
      return `@${names.group(textOf(part, 'usergroup_id')) ?? textOf(part, 'usergroup_id')}`
    case 'channel':
      return `#${names.channel(textOf(part, 'channel_id')) ?? textOf(part, 'channel_id')}`
    case 'link':
      return textOf(part, 'text') || textOf(part, 'url')
    case 'date':
      return textOf(part, 'fallback') || textOf(part, 'format')
    case 'emoji':
      return `:${textOf(part, 'name')}:`
    case 'broadcast':
      return `@${textOf(part, 'range')}`
    default:
      return words(part['text'], names)
  }
}

function rows(given: unknown, names: Names): string[] {
  if (!Array.isArray(given)) return []
  return given.map((row) =>
    listOf(row)
      .map((cell) => words(cell, names))
      .join(' | '),
  )
}

function block(given: Json, names: Names): string[] {
  const inside = listOf(given['elements'])
  switch (given['type']) {
    case 'divider':
      return ['---']
    case 'section': {
      const beside = isJson(given['accessory']) ? [element(given['accessory'], names)] : []
      return [
        words(given['text'], names),
        ...listOf(given['fields']).map((each) => words(each, names)),
        ...beside,
      ]
    }
    case 'actions':
    case 'context_actions':
    case 'context':
      return [inside.map((each) => element(each, names)).join(' ')]
    case 'input': {
      const field = isJson(given['element']) ? element(given['element'], names) : ''
      return [`${words(given['label'], names)}: ${field}`, words(given['hint'], names)]
    }
    case 'rich_text':
      return [words(given, names)]
    case 'image':
      return [`(${textOf(given, 'alt_text')})`]
    case 'table':
    case 'data_table':
      return [textOf(given, 'caption'), ...rows(given['rows'], names)]
    case 'container':
      return [
        words(given['title'], names),
        ...listOf(given['child_blocks']).flatMap((each) => block(each, names)),
      ]
    case 'carousel':
      return inside.flatMap((each) => block(each, names))
    case 'card': {
      const buttons = listOf(given['actions'])
        .map((each) => element(each, names))
        .join(' ')
      return [...['title', 'subtitle', 'body'].map((part) => words(given[part], names)), buttons]
    }
    default:
      return [words(given['text'], names) || words(given['title'], names)]
  }
}

/** The blocks of a message or view as a person reads them, one line or more per block. */
export function visibleBlocks(blocks: readonly Json[], names: Names): string {
  return blocks
    .flatMap((each) => block(each, names))
    .filter((line) => line !== '')
    .join('\n')
}

export function visibleView(content: Json, blocks: readonly Json[], names: Names): string {
  const title = words(content['title'], names)
  const buttons = [content['close'], content['submit']].flatMap((each) =>
    isJson(each) ? [`[${words(each, names)}]`] : [],
  )
  return [title === '' ? '' : `# ${title}`, visibleBlocks(blocks, names), buttons.join(' ')]
    .filter((line) => line !== '')
    .join('\n')
}
