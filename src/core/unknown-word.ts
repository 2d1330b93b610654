import { parseSpan } from './duration.ts'
import { nearest } from './nearest.ts'
import { parsePorts, type Service } from './service.ts'

const commands = [
  'help',
  'status',
  'vms',
  'ip',
  'why',
  'extend',
  'cancel',
  'close',
  'break-glass',
  'panic',
  'protect',
  'unprotect',
] as const
type Name = (typeof commands)[number]

const helps = '`/jit help` lists what I understand.'

interface Unknown {
  /** The command that is nearly spelt like it. */
  readonly meant: Name | null
  /** What is wrong, with the word as it may be shown. */
  readonly wrong: (word: string) => string
}

/** No request needs more before its reason; each word is read together with all that follow. */
const mostWords = 10

/** Whether anything after the first word belongs to a request for access: a length of time, a service or a port. */
function asksForAccess(words: readonly string[], services: readonly Service[]): boolean {
  const looked = words.slice(0, mostWords)
  return looked.some((word, at) => parsePorts(word, services).ok || parseSpan(looked.slice(at).join(' ')).ok)
}

/** Null when the words are a command or a request, or one of these with a mistake in it. */
export function unknownWord(
  [first = '', ...rest]: readonly string[],
  services: readonly Service[],
  more: boolean,
): Unknown | null {
  if (first === '' || /^\d/.test(first) || first.includes(',') || parsePorts(first, services).ok) return null
  const names = services.map(({ name }) => name)
  const asks = more || asksForAccess(rest, services)
  // Somebody who forgot the service begins with a VM, and half of all VMs are called nearly so.
  const command = nearest(
    first,
    commands.filter((name) => name !== 'vms' && name !== 'ip'),
  )
  const service = nearest(first, names)
  const meant = commands.find((name) => name === command) ?? null
  if (meant !== null && (service === null || !asks))
    return { meant, wrong: (word) => `“${word}” is not a command. Did you mean ${meant}? ${helps}` }
  if (asks || service !== null) return null
  return {
    meant: null,
    wrong: (word) =>
      `“${word}” is neither a command nor a service. Commands are ${commands.join(', ')}; services are ${names.join(', ')}. ${helps}`,
  }
}

/** A whole command of that name; a request for access where none was meant. */
export function commandExample(meant: Name | null, service: string, vm: string): string {
  switch (meant) {
    case null:
      return `/jit ${service} ${vm} 30m`
    case 'help':
    case 'status':
    case 'vms':
      return `/jit ${meant}`
    case 'why':
      return `/jit why ${service} ${vm} 30m`
    case 'extend':
      return '/jit extend 7k3m9x2pqr 30m'
    case 'cancel':
    case 'close':
      return `/jit ${meant} 7k3m9x2pqr`
    case 'break-glass':
      return `/jit break-glass ${service} ${vm} 30m because the shop is down`
    case 'protect':
    case 'unprotect':
      return `/jit ${meant} ${vm}`
    case 'ip':
      return '/jit ip'
    case 'panic':
      return '/jit panic all because the jump host is compromised'
    default:
      return meant satisfies never
  }
}
