/** From the first address to the last, as numbers. */
type Span<N> = readonly [first: N, last: N]
type FamilySpan =
  | { readonly v6: false; readonly span: Span<number> }
  | { readonly v6: true; readonly span: Span<bigint> }

/** Many ranges of addresses of both families, in which one is found at once. */
export interface Spans {
  /** Whether any address of this range is in them. What cannot be read is in none. */
  readonly touches: (source: string) => boolean
  /** How many stretches they come to, once those that touch are one. */
  readonly size: number
}

const fourForm = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
const groupForm = /^[\da-f]{1,4}$/i

/** Lists hold a hundred thousand lines, so they are read here and not by the slower library. */
function readFour(text: string, bits: number): FamilySpan | null {
  const parts = fourForm.exec(text)
  if (!parts || bits > 32) return null
  let value = 0
  for (let at = 1; at <= 4; at += 1) {
    const part = parts[at] ?? ''
    // A leading zero means octal to some programs.
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return null
    value = value * 256 + Number(part)
  }
  const size = 2 ** (32 - bits)
  const first = value - (value % size)
  return { v6: false, span: [first, first + size - 1] }
}

/** The 32 hexadecimal digits of an IPv6 address, or null. */
function digitsOf(text: string): string | null {
  const [before = '', after, ...more] = text.split('::')
  if (more.length > 0) return null
  const left = before === '' && after !== undefined ? [] : before.split(':')
  const right = after === undefined || after === '' ? [] : after.split(':')
  const count = left.length + right.length
  if (after === undefined ? count !== 8 : count > 7) return null
  const groups = [...left, ...Array.from({ length: 8 - count }, () => '0'), ...right]
  if (!groups.every((group) => groupForm.test(group))) return null
  return groups.map((group) => group.padStart(4, '0')).join('')
}

function readSix(text: string, bits: number): FamilySpan | null {
  const digits = bits > 128 ? null : digitsOf(text)
  // Everybody who comes from such an address counts as coming from the IPv4 one in it, so a range of them finds nobody.
  if (digits === null || digits.startsWith('00000000000000000000ffff')) return null
  const rest = BigInt(128 - bits)
  const first = (BigInt(`0x${digits}`) >> rest) << rest
  return { v6: true, span: [first, first + (1n << rest) - 1n] }
}

function readSpan(text: string): FamilySpan | null {
  const [address = '', bits, ...more] = text.split('/')
  if (more.length > 0 || (bits !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(bits))) return null
  return address.includes(':') ? readSix(address, Number(bits ?? 128)) : readFour(address, Number(bits ?? 32))
}

/** Whether a text is one address or a range in CIDR form that can be read in one way only. */
export const isSpan = (text: string): boolean => readSpan(text) !== null

function byFirst<N extends number | bigint>(a: Span<N>, b: Span<N>): number {
  if (a[0] === b[0]) return 0
  return a[0] < b[0] ? -1 : 1
}

/** In order, and those that overlap or follow each other at once as one. */
function merged<N extends number | bigint>(spans: Span<N>[], next: (last: N) => N): readonly Span<N>[] {
  const out: Span<N>[] = []
  for (const span of spans.toSorted(byFirst)) {
    const before = out.at(-1)
    if (!before || span[0] > next(before[1])) out.push(span)
    else if (span[1] > before[1]) out[out.length - 1] = [before[0], span[1]]
  }
  return out
}

/** Whether the last span that begins before the end of this one reaches into it. */
function touched<N extends number | bigint>(spans: readonly Span<N>[], [first, last]: Span<N>): boolean {
  let [low, high] = [0, spans.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const begins = spans[middle]?.[0]
    if (begins !== undefined && begins <= last) low = middle + 1
    else high = middle
  }
  const found = spans[low - 1]
  return found !== undefined && found[1] >= first
}

/** What cannot be read is left out: `isSpan` says beforehand whether it can. */
export function spansOf(ranges: Iterable<string>): Spans {
  const [four, six]: [Span<number>[], Span<bigint>[]] = [[], []]
  for (const range of ranges) {
    const read = readSpan(range)
    if (read?.v6) six.push(read.span)
    else if (read) four.push(read.span)
  }
  const v4 = merged(four, (last) => last + 1)
  const v6 = merged(six, (last) => last + 1n)
  return {
    size: v4.length + v6.length,
    touches: (source) => {
      const asked = readSpan(source)
      if (!asked) return false
      return asked.v6 ? touched(v6, asked.span) : touched(v4, asked.span)
    },
  }
}
