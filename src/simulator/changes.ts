import { type Field, FieldError, readFields } from './fields.ts'
import { type LockLevel, lockLevels, type RuleProperties } from './world.ts'

/** A change by hand. Groups and machines go by id, or by name when the name is unique. */
export type Change =
  | { do: 'put-rule'; nsg: string; name: string; properties: RuleProperties }
  | { do: 'delete-rule'; nsg: string; name: string }
  | { do: 'rename-rule'; nsg: string; name: string; to: string }
  | { do: 'delete'; id: string }
  | { do: 'rename-vm'; vm: string; to: string }
  | { do: 'power'; vm: string; state: string }
  | { do: 'lock'; scope: string; level: LockLevel; name?: string }
  | { do: 'unlock'; scope: string }
  | { do: 'forget-operations' }

const text: Field = { type: 'string', required: true }

const changes: Record<Change['do'], Record<string, Field>> = {
  'put-rule': { nsg: text, name: text, properties: { type: 'object', required: true } },
  'delete-rule': { nsg: text, name: text },
  'rename-rule': { nsg: text, name: text, to: text },
  delete: { id: text },
  'rename-vm': { vm: text, to: text },
  power: { vm: text, state: text },
  lock: { scope: text, level: { ...text, allowed: lockLevels }, name: { type: 'string' } },
  unlock: { scope: text },
  'forget-operations': {},
}

function isChange(word: unknown): word is Change['do'] {
  return typeof word === 'string' && Object.hasOwn(changes, word)
}

export function readChange(value: unknown): Change {
  const given = typeof value === 'object' && value !== null ? value : {}
  const word: unknown = 'do' in given ? given.do : undefined
  if (!isChange(word)) throw new FieldError(`do: ${JSON.stringify(word)} is no change`, Object.keys(changes))
  const read = readFields(given, { do: { type: 'string' }, ...changes[word] })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- readFields has checked it against the table.
  return read as unknown as Change
}
