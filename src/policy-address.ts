import { z } from 'zod'
import { type AddressList, type AddressPolicy, addressRefusal } from './core/address-policy.ts'
import { parseSpan } from './core/duration.ts'
import { addressesIn, countText, parseSource, widestRange } from './core/source.ts'
import { isSpan, spansOf } from './core/spans.ts'
import { duration } from './policy-match-shape.ts'
import type { Flaw } from './policy-yaml.ts'

const expectedName =
  'the name of a range has letters, digits and hyphens, begins with a letter, and is no word of a request such as to or until'
/** After `from` these would mean something else. */
const taken = new Set(['to', 'on', 'for', 'from', 'and', 'because', 'until', 'at', 'by', 'tomorrow', 'noon'])
const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/i, { error: expectedName })
  .refine((text) => !taken.has(text.toLowerCase()) && !parseSpan(text).ok, { error: expectedName })
  .transform((text) => text.toLowerCase())

const expectedOne = 'expected one range such as 81.2.69.0/28; each further range needs a name of its own'
const named = z
  .union([z.string(), z.array(z.string()).length(1, { error: expectedOne })], { error: expectedOne })
  .transform((value, context): string => {
    const parsed = parseSource(typeof value === 'string' ? value : (value[0] ?? ''), widestRange)
    if (parsed.ok) return parsed.address
    context.addIssue({ code: 'custom', message: parsed.why })
    return z.NEVER
  })

export const expectedRange =
  'expected a range such as 81.2.69.0/24 or 2a00:1450::/32, without leading zeros, and IPv4 as IPv4'
const ranges = z.array(
  z.string({ error: expectedRange }).refine((text) => isSpan(text), { error: expectedRange }),
)

export const addressShape = z.strictObject({
  remember: duration.optional(),
  confirmed: duration.optional(),
  typed: z.boolean().optional(),
  ranges: z.record(name, named).optional(),
  shared: ranges.optional(),
  never: ranges.optional(),
  neverFiles: z.array(z.string().min(1)).max(50).optional(),
})

type AddressFile = z.infer<typeof addressShape>

const place = (key: string) => ['address', 'ranges', key]

/** What the shape cannot see: whether anybody can ever use what has a name. */
function flawsOfRanges(address: AddressPolicy, most: number, keys: readonly string[]): Flaw[] {
  const keyOf = (range: string) => keys.find((key) => key.toLowerCase() === range) ?? range
  const twice = keys.filter((key) => keys.some((other) => other !== key && other.toLowerCase() === key))
  const doubled = twice.map((key) => ({ path: place(key), message: 'stands here twice' }))
  return address.ranges.reduce<Flaw[]>((flaws, range) => {
    const path = place(keyOf(range.name))
    const count = addressesIn(range.range)
    if (count > most)
      flaws.push({
        path,
        message: `stands for ${countText(count)}, and no rule lets as many in at once; give a rule maxAddresses: ${count}`,
      })
    const refusal = addressRefusal({ address }, range.range)
    if (refusal !== null) flaws.push({ path, message: refusal })
    return flaws
  }, doubled)
}

/** What the file says of addresses; absent where it says nothing but how long they are remembered. */
export function addressOf(
  file: AddressFile | undefined,
  keys: readonly string[],
  most: number,
  lists: readonly AddressList[],
  flaws: Flaw[],
): AddressPolicy | null {
  if (!file || Object.keys(file).every((key) => key === 'remember')) return null
  const own = file.never ?? []
  const address: AddressPolicy = {
    confirmedWindowMs: file.confirmed ?? 0,
    typed: file.typed ?? true,
    ranges: Object.entries(file.ranges ?? {}).map(([key, range]) => ({ name: key, range })),
    shared: file.shared ? spansOf(file.shared) : null,
    never: [...(own.length > 0 ? [{ what: 'the policy’s own list', spans: spansOf(own) }] : []), ...lists],
  }
  flaws.push(...flawsOfRanges(address, most, keys))
  return address
}
