/**
 * What counts of a text when it is compared. Lower case alone writes a final sigma in two ways, and a Turkish İ as two
 * letters.
 */
export function folded(text: string): string {
  const lower = text.toLowerCase()
  // A decision folds a dozen texts, and hardly any of them has such a letter.
  if (!lower.includes('ς') && !lower.includes('\u0307')) return lower
  return lower.replaceAll('ς', 'σ').replaceAll(/i\u0307+/g, 'i')
}

/**
 * `*` stands for any run of characters and `?` for one; upper and lower case are alike. No regular expression:
 * a few stars in one, against a long tag that somebody else wrote, would stop the bot for minutes.
 */
export const globMatches = (glob: string, text: string): boolean => compileGlob(glob)(folded(text))

/** Answers for a text that is folded already. */
export type Glob = (text: string) => boolean

/** The common forms are found by one comparison; a policy has hundreds of them for each request. */
export function compileGlob(glob: string): Glob {
  const wanted = folded(glob)
  const inner = wanted.replace(/^\*+/, '').replace(/\*+$/, '')
  if (inner.includes('*') || inner.includes('?')) return general(Array.from(wanted))
  const [open, endless] = [wanted.startsWith('*'), wanted.endsWith('*')]
  if (inner === '') return open ? () => true : (text) => text === ''
  if (open && endless) return (text) => text.includes(inner)
  if (open) return (text) => text.endsWith(inner)
  if (endless) return (text) => text.startsWith(inner)
  return (text) => text === inner
}

function general(wanted: readonly string[]): Glob {
  return (text) => {
    const given = Array.from(text)
    let [at, star, resume] = [0, -1, 0]
    for (let index = 0; index < given.length; ) {
      if (wanted[at] === '*') {
        star = at
        resume = index
        at += 1
      } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[index])) {
        at += 1
        index += 1
      } else if (star >= 0) {
        // Only the last star needs another try: the ones before it are satisfied already.
        at = star + 1
        resume += 1
        index = resume
      } else {
        return false
      }
    }
    return wanted.slice(at).every((letter) => letter === '*')
  }
}

/** What every text begins with that one of the globs matches; folded, and empty when they have nothing in common. */
export function beginningOf(globs: readonly string[]): string {
  const beginnings = globs.map((glob) => folded(glob).split(/[*?]/, 1)[0] ?? '')
  const [first = '', ...more] = beginnings
  let length = first.length
  while (!more.every((one) => one.startsWith(first.slice(0, length)))) length -= 1
  return first.slice(0, length)
}

/** Whether one of the globs matches. */
export function compileGlobs(globs: readonly string[]): Glob {
  const compiled = globs.map(compileGlob)
  const [first, ...more] = compiled
  if (first !== undefined && more.length === 0) return first
  return (text) => {
    for (const one of compiled) if (one(text)) return true
    return false
  }
}
