import type { Scope } from './panic.ts'

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

const form = /^panic\s+(.*?)\s+because:?\s+(.+)$/is
const personForm = /^<@([UW][A-Z0-9]+)(?:\|[^>]*)?>$/

/** Reads `panic all because …` as Slack delivers it, with a person as `<@U123|robin>`. */
export function parsePanic(text: string): PanicCommand {
  const [, what = '', reason = ''] = form.exec(text.trim()) ?? []
  if (reason === '') return mistake('Say what to stop, and why after “because”.')
  const [word = '', ...rest] = what.split(/\s+/)
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
