import type { ActionsBlock, Button, ContextBlock, HeaderBlock, KnownBlock, SectionBlock } from '@slack/types'
import { cut, plain } from './words.ts'

/** A message: what is shown, and the same meaning as plain text for screen readers and notifications. */
export interface Shown {
  readonly text: string
  readonly blocks: KnownBlock[]
}

/** `verbatim` keeps Slack from making links and mentions out of words that only look like them. */
const mrkdwn = (text: string) => ({ type: 'mrkdwn' as const, text, verbatim: true })

/** Room for what a section may hold, so that one long fact cannot make Slack refuse the whole message. */
const sectionRoom = 2900
const fieldRoom = 1900

export const header = (text: string): HeaderBlock => ({
  type: 'header',
  text: { type: 'plain_text', text: plain(text, 150) || '–', emoji: false },
})

export const section = (text: string): SectionBlock => ({
  type: 'section',
  text: mrkdwn(cut(text, sectionRoom)),
})

export const fields = (pairs: readonly (readonly [string, string])[]): SectionBlock[] => {
  const all = pairs.map(([name, value]) => mrkdwn(cut(`*${name}*\n${value || '–'}`, fieldRoom)))
  const blocks: SectionBlock[] = []
  for (let at = 0; at < all.length; at += 10) blocks.push({ type: 'section', fields: all.slice(at, at + 10) })
  return blocks
}

/** Somebody's own words: no markup is read in them. */
export const quoted = (name: string, text: string): SectionBlock => ({
  type: 'section',
  text: { type: 'plain_text', text: `${name}: ${plain(text, 1000) || '–'}`, emoji: false },
})

export const context = (lines: readonly string[]): ContextBlock => ({
  type: 'context',
  elements: lines.slice(0, 10).map((line) => mrkdwn(cut(line, fieldRoom))),
})

/** What a click asks once more. */
interface Confirm {
  readonly title: string
  readonly text: string
  readonly confirm: string
  readonly deny: string
}

const said = (text: string) => ({ type: 'plain_text' as const, text, emoji: false })

const dialogue = ({ title, text, confirm, deny }: Confirm): NonNullable<Button['confirm']> => ({
  title: said(title),
  text: said(text),
  confirm: said(confirm),
  deny: said(deny),
})

export const button = (
  id: string,
  text: string,
  value: string,
  { confirm, ...more }: Pick<Button, 'style' | 'accessibility_label'> & { readonly confirm?: Confirm } = {},
): Button => ({
  type: 'button',
  action_id: id,
  text: { type: 'plain_text', text, emoji: false },
  value,
  ...more,
  ...(confirm && { confirm: dialogue(confirm) }),
})

export const actions = (elements: readonly Button[]): ActionsBlock => ({
  type: 'actions',
  elements: [...elements],
})

/** Gives every block an id that changes with the version, so that no client keeps an old button alive. */
export const versioned = (blocks: readonly KnownBlock[], version: string): KnownBlock[] =>
  blocks.map((block, at) => ({ ...block, block_id: `${version.slice(0, 240)}.${at}` }))
