import type { Scope } from './panic.ts'
import { asTyped, becauseForm, straight, visible, withoutMarks } from './typed-text.ts'

export type PanicCommand =
  | {
      readonly kind: 'begin'
      readonly scope: { readonly kind: Scope['kind']; readonly name: string }
      readonly reason: string
    }
  | { readonly kind: 'lift'; readonly reason: string }
  | { readonly kind: 'mistake'; readonly wrong: string }

const mistake = (wrong: string): PanicCommand => ({
  kind: 'mistake',
  wrong: `${wrong} For example: \`/jit panic all because the jump host is compromised\`, or \`vm vm-jump01\`, \`subscription Production\`, \`person @robin\` instead of \`all\`, or \`/jit panic lift because it is clean\`.`,
})

/** A stop is said in one line; this also bounds the work that a text can cause before anybody is asked who wrote it. */
const longest = 1000
const personForm = /^<@([UW][A-Z0-9]+)>$/

/** As much of the text as counts; reading this is reading the whole. */
export const panicText = (text: string): string =>
  visible(visible(text.slice(0, 4 * longest)).slice(0, longest))

/** What to stop, in words without marks, and why; null when something is missing. */
function partsOf(text: string): { readonly words: readonly string[]; readonly reason: string } | null {
  const typed = panicText(text)
  const because = becauseForm.exec(typed)
  if (!because) return null
  const head = withoutMarks(asTyped(typed.slice(0, because.index), 'by id'))
  const reason = straight(asTyped(typed.slice(because.index + because[0].length)))
  const [verb = '', ...words] = head.split(' ')
  return verb.toLowerCase() === 'panic' && reason !== '' ? { words, reason } : null
}

/** Reads `panic all because …` as Slack delivers it, with a person as `<@U123|robin>`. */
export function parsePanic(text: string): PanicCommand {
  const parts = partsOf(text)
  if (!parts) return mistake('Say what to stop, and why after “because”.')
  const { reason } = parts
  const [word = '', ...rest] = parts.words
  const name = rest.join(' ')
  switch (word.toLowerCase()) {
    case 'lift':
      return name === '' ? { kind: 'lift', reason } : mistake('Lifting takes no name.')
    case 'all':
      return name === ''
        ? { kind: 'begin', scope: { kind: 'all', name: '' }, reason }
        : mistake('“all” takes no name.')
    case 'vm':
    case 'subscription': {
      const kind = word.toLowerCase() === 'vm' ? 'vm' : 'subscription'
      return name === ''
        ? mistake(`Say which ${word.toLowerCase()}.`)
        : { kind: 'begin', scope: { kind, name }, reason }
    }
    case 'person': {
      const [, userId] = personForm.exec(name) ?? []
      return userId === undefined
        ? mistake('Name the person with @, so that Slack says who it is.')
        : { kind: 'begin', scope: { kind: 'person', name: userId }, reason }
    }
    default:
      return mistake('I know all, subscription, vm and person to stop.')
  }
}
