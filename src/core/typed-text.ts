/** Leaves what a reader sees: characters that hide, reorder or break lines are gone. */
export const visible = (text: string): string =>
  text
    .replaceAll(/[\p{Cf}\p{Cs}\p{Co}\u115f\u1160\u3164\uffa0]/gu, '')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()

const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' }

const personForm = /^@[UW][A-Z0-9]+$/

/**
 * Undoes what Slack does to typed text: `<http://vm.corp|vm.corp>`, `&amp;`, curly quotes. Whom a mention means can be
 * kept, as `<@U123>`.
 */
export function asTyped(text: string, people: 'by name' | 'by id' = 'by name'): string {
  const unlinked = text.replaceAll(/<([^<>|]*)(?:\|([^<>]*))?>/g, (_, target: string, label?: string) => {
    if (people === 'by id' && personForm.test(target)) return `<${target}>`
    const sign = /^[@#!]/.test(target) ? target.charAt(0) : ''
    return sign + (label ?? target.replace(/^(?:[@#!]|https?:\/\/|mailto:|tel:)/, '')).replace(/^[@#!]/, '')
  })
  return visible(unlinked.replaceAll(/&(?:lt|gt|amp);/g, (entity) => entities[entity] ?? entity))
}

export const straight = (text: string) => text.replaceAll(/[“”„«»]/g, '"').replaceAll(/[‘’‚]/g, "'")

/** Bold, italic, strike, code and quotes around words; an underscore inside a name is part of the name. */
export function withoutMarks(text: string): string {
  const bare = straight(text).replaceAll(/[*~`"']+/g, ' ')
  const italic = /(^|[\s,])_(\S(?:.*?\S)?)_(?=$|[\s,])/g
  return bare.replaceAll(italic, '$1$2').replaceAll(/\s+/g, ' ').trim()
}

/** Every part of this begins at another letter, so no text makes it slow. */
export const becauseForm = /(?:^|\s)[*_~`]*because[*_~`]*:?(?=\s|$)/i
