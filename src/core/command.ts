import { findStart, parseSpan, type Span, type Start } from './duration.ts'
import { nearest } from './nearest.ts'
import { type Ports, parsePorts, type Service } from './service.ts'
import { asTyped, becauseForm, straight, withoutMarks } from './typed-text.ts'
import { commandExample, unknownWord } from './unknown-word.ts'

export interface AskCommand {
  readonly kind: 'ask'
  readonly ports: Ports
  readonly vmName: string
  readonly span: Span
  /** When access is to begin; null is as soon as it may. */
  readonly start: Start | null
  /** Raw: `core/source.ts` judges it. */
  readonly from: string | null
  readonly reason: string | null
  /** There is no time to wait for a yes. */
  readonly emergency?: true
}

/** What a person typed after `/jit`. `wrong` and `example` hold their own words, so escape them where they are shown. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'list' }
  | { readonly kind: 'status' }
  /** What is remembered of their address. */
  | { readonly kind: 'ip' }
  /** Of their address. */
  | { readonly kind: 'forget' }
  /** Words that a VM must fit, as they were typed. */
  | { readonly kind: 'vms'; readonly filter: string }
  /** `core/panic-command.ts` reads the rest. */
  | { readonly kind: 'panic' }
  /** `remove` names somebody else's rule that is to go. */
  | { readonly kind: 'protect' | 'unprotect'; readonly vmName: string; readonly remove?: string }
  | { readonly kind: 'cancel' | 'close'; readonly requestId: string }
  | {
      readonly kind: 'extend'
      readonly requestId: string
      readonly extraMs: number
      readonly reason: string | null
    }
  | AskCommand
  /** What the policy would say to this, without asking for it. */
  | { readonly kind: 'why'; readonly ask: AskCommand }
  | { readonly kind: 'mistake'; readonly wrong: string; readonly example: string }

const longestReason = 300
/** More than a command needs; it bounds the work that a text can cause before anybody is asked who wrote it. */
const longestText = 1000
/** Slack writes some letters and links longer than they were typed. */
const longestSent = 4 * longestText
const someVm = 'vm-jump01'

const clip = (text: string) => {
  const letters = Array.from(text)
  return letters.length > 60 ? `${letters.slice(0, 59).join('')}…` : text
}

const mistake = (wrong: string, example: string): Command => ({ kind: 'mistake', wrong, example })

interface Parts {
  readonly words: readonly string[]
  readonly from: string | null
  /** Null when nothing was said; `wrong` when the time does not exist. */
  readonly start: Start | 'wrong' | null
  /** Null when there was no `because`; the text may be empty. */
  readonly because: string | null
}

const fillers = new Set(['to', 'on', 'for'])
const keywords = new Set([...fillers, 'from', 'and', 'because', 'until'])

function split(typed: string): Parts {
  const because = becauseForm.exec(typed)
  const whole = withoutMarks(because ? typed.slice(0, because.index) : typed)
  const start = findStart(whole)
  const head = start ? whole.replace(start.found, ' ') : whole
  const reason = because ? straight(typed.slice(because.index + because[0].length)).trim() : null
  const folded = head.replaceAll(/\s+and\s+/gi, ',').replaceAll(/\s*,[\s,]*/g, ',')
  const words = folded.split(' ').filter((word) => word !== '' && !fillers.has(word.toLowerCase()))
  const at = words.findIndex((word) => word.toLowerCase() === 'from')
  return {
    words: at < 0 ? words : words.toSpliced(at, 2),
    from: at < 0 ? null : (words[at + 1] ?? ''),
    start: start ? (start.start ?? 'wrong') : null,
    because: reason === null ? null : reason.replace(/^(["'])(.*)\1$/, '$2').trim(),
  }
}

const isService = (word: string, services: readonly Service[]) =>
  services.some((service) => service.name === word.toLowerCase())
const isSpan = (text: string) => parseSpan(text).ok
const vmForm = /^[\p{L}\p{N}_](?:[\p{L}\p{N}._()-]*[\p{L}\p{N}_)])?$/u
const isVm = (word: string) => word.length <= 260 && word.split('/').every((part) => vmForm.test(part))

/** As the policy may call a range; whether it does is for the policy to say. */
const isNameLike = (text: string) =>
  /^[a-z][a-z0-9-]{0,30}$/i.test(text) && !keywords.has(text.toLowerCase()) && !isSpan(text)
const isAddressLike = (text: string) => text.length <= 60 && /[.:]/.test(text) && !/[<>,]/.test(text)

/** Takes the words that make up a duration out of the list: `until 18:00`, `1h 30 m`, `90 min`, a bare `30`. */
function takeSpan(words: string[]): string {
  for (const length of [4, 3, 2, 1]) {
    for (let at = 0; at + length <= words.length; at += 1) {
      const text = words.slice(at, at + length).join(' ')
      if (text.length <= 24 && isSpan(text)) return words.splice(at, length).join(' ')
    }
  }
  const bare = words.findLastIndex((word) => /^[1-9]\d{0,2}$/.test(word))
  return bare < 0 ? '30m' : `${words.splice(bare, 1)[0]}m`
}

/** Whoever copies the example must not ask for now who wanted later. */
function startText(start: Parts['start']): string {
  if (start === null) return ''
  const { tomorrow, hour, minute } = start === 'wrong' ? { tomorrow: false, hour: 18, minute: 0 } : start
  return ` ${tomorrow ? 'tomorrow' : 'at'} ${hour}:${String(minute).padStart(2, '0')}`
}

/** A start without its time of day, which the example has to keep; a VM may be called that too. */
function takeTomorrow(words: string[]): Start | null {
  const at = words.findIndex((word, index) => index > 1 && word.toLowerCase() === 'tomorrow')
  if (at < 0) return null
  const next = words[at + 1] ?? ''
  const said = /^\d{1,2}$/.test(next) && Number(next) < 24
  words.splice(at, said ? 2 : 1)
  return { tomorrow: true, hour: said ? Number(next) : 9, minute: 0 }
}

/** The address behind a `from` that was mistyped. */
function takeFrom(words: string[]): string | null {
  const at = words.findIndex(
    (word, index) =>
      index > 1 && nearest(word, ['from']) !== null && /^[\da-f.:/]+$/i.test(words[index + 1] ?? ''),
  )
  const address = words[at + 1]
  if (at < 0 || address === undefined || !isAddressLike(address)) return null
  words.splice(at, 2)
  return address
}

/** A command that would work, made of as much of what was typed as can be understood. */
function corrected(parts: Parts, services: readonly Service[]): string {
  const words = parts.words.flatMap((word) => word.split(',')).filter((word) => word !== '')
  const names = services.map((service) => service.name)
  const start = parts.start ?? takeTomorrow(words)
  const given = parts.from ?? takeFrom(words)
  const take = (test: (word: string) => boolean) => {
    const at = words.findIndex(test)
    return at < 0 ? null : (words.splice(at, 1)[0] ?? null)
  }
  const named = words.filter((word) => isService(word, services))
  for (const word of named) words.splice(words.indexOf(word), 1)
  const span = takeSpan(words)
  const close = named.length > 0 ? null : take((word) => nearest(word, names) !== null)
  const ports = take((word) => parsePorts(word, services).ok)
  const guessed = (close === null ? null : nearest(close, names)) ?? ports ?? names[0] ?? '3389'
  const service = named.length > 0 ? named.join(',') : guessed
  const vms = words.filter(
    (word) =>
      isVm(word) &&
      !isSpan(word) &&
      !/^\d+[a-z]*(?:\/|$)/i.test(word) &&
      !keywords.has(word.toLowerCase().replaceAll('_', '')),
  )
  // A first word that is no service stands where the service should be, so it is hardly the VM.
  const vm = (vms[0] === parts.words[0] ? vms[1] : undefined) ?? vms[0] ?? someVm
  const from = given && (isAddressLike(given) || isNameLike(given)) ? ` from ${given}` : ''
  return `/jit ${service.toLowerCase()} ${vm} ${span}${startText(start)}${from}`
}

function unknownService(word: string, services: readonly Service[]): string {
  const names = services.map((service) => service.name)
  const near = nearest(word, names)
  const meant = near === null ? '' : ` Did you mean ${near}?`
  if (/^\d+(\/\w+)?$/.test(word)) {
    return `“${clip(word)}” is not a port. A port is a number from 1 to 65535, with /tcp or /udp after it if you like.`
  }
  return `“${clip(word)}” is not a service.${meant} Services are ${names.join(', ')}; a port such as 443/tcp works too.`
}

function ask(parts: Parts, services: readonly Service[]): Command {
  const [first = '', vmName, ...rest] = parts.words
  const fail = (wrong: string) => mistake(wrong, corrected(parts, services))
  if (first === '') return fail('You did not say which service, which VM, and for how long.')
  const ports = parsePorts(first, services)
  if (!ports.ok) return fail(unknownService(ports.unknown, services))
  if (vmName === undefined) return fail('You did not say which VM, and for how long.')
  if (isSpan([vmName, ...rest].join(' '))) return fail('You did not say which VM.')
  if (isSpan(vmName)) return fail('The VM comes before the duration.')
  if (rest.length > 1 && isService(vmName, services)) return fail('Put a comma between services.')
  if (!isVm(vmName)) return fail(`“${clip(vmName)}” is not the name of a VM.`)
  if (parts.from !== null && (parts.from === '' || isSpan(parts.from))) {
    return fail('After “from” comes the address that you connect from.')
  }
  if (rest.length === 0) return fail('You did not say for how long.')
  const span = parseSpan(rest.join(' '))
  if (!span.ok && rest.some((word) => word.toLowerCase() === 'tomorrow'))
    return fail('After “tomorrow” comes a time of day.')
  if (!span.ok)
    return fail(clip(rest.join(' ')) === rest.join(' ') ? span.why : 'I did not understand the duration.')
  if (parts.start === 'wrong') return fail('The start is not a time of day. Write it as in at 18:00.')
  if (parts.because === '') return fail('After “because” comes a reason.')
  const length = Array.from(parts.because ?? '').length
  if (length > longestReason) {
    return fail(
      `The reason has ${length} characters; at most ${longestReason} fit on the card. Please shorten it.`,
    )
  }
  return {
    kind: 'ask',
    ports: ports.value,
    vmName,
    span: span.span,
    start: parts.start,
    from: parts.from,
    reason: parts.because,
  }
}

/** The same words with `why` before them. */
function why(parts: Parts, services: readonly Service[]): Command {
  const asked = ask({ ...parts, words: parts.words.slice(1) }, services)
  if (asked.kind === 'mistake') return { ...asked, example: asked.example.replace('/jit ', '/jit why ') }
  return asked.kind === 'ask' ? { kind: 'why', ask: asked } : asked
}

const comingLater: Readonly<Record<string, string>> = {
  audit: 'Reading the audit trail here is not possible yet.',
}

const idForm = /^[a-z0-9][a-z0-9_-]{0,63}$/i

function byId(kind: 'cancel' | 'close', words: readonly string[]): Command {
  const [id, ...rest] = words.map((word) => word.replace(/^#/, ''))
  const example = `/jit ${kind} 7k3m9x2pqr`
  if (id === undefined)
    return mistake('You did not say which request. Its id is at the bottom of its card.', example)
  if (rest.length > 0 || !idForm.test(id)) {
    return mistake(
      `“${clip([id, ...rest].join(' '))}” is not the id of a request. It is at the bottom of its card.`,
      example,
    )
  }
  return { kind, requestId: id.toLowerCase() }
}

/** As Azure has it. */
const ruleForm = /^\w[\w.-]{0,79}$/

function protect(kind: 'protect' | 'unprotect', words: readonly string[]): Command {
  const [vmName, ...rest] = words
  const example = `/jit ${kind} ${someVm}`
  if (vmName === undefined) return mistake('You did not say which VM.', example)
  const [verb = '', remove = '', ...more] = rest
  if (kind === 'protect' && isVm(vmName) && verb.toLowerCase() === 'remove')
    return ruleForm.test(remove) && more.length === 0
      ? { kind, vmName, remove }
      : mistake('After “remove” comes the name of one rule.', `${example} remove allow-all`)
  return rest.length > 0 || !isVm(vmName)
    ? mistake(`“${clip(words.join(' '))}” is not the name of one VM.`, example)
    : { kind, vmName }
}

function breakGlass(parts: Parts, services: readonly Service[]): Command {
  const read = ask({ ...parts, words: parts.words.slice(1) }, services)
  if (read.kind === 'mistake')
    return mistake(read.wrong, `${read.example.replace('/jit', '/jit break-glass')} because the shop is down`)
  if (read.kind !== 'ask') return read
  const example = `/jit break-glass ${parts.words.slice(1).join(' ')} because the shop is down`
  if (!read.reason) return mistake('Whoever breaks the glass says why, after “because”.', example)
  if (read.start) return mistake('Whoever can wait for a start can wait for a yes.', example)
  return { ...read, emergency: true }
}

function extend(parts: Parts): Command {
  const [, id = '', ...more] = parts.words
  const rest = more.filter((word) => word.toLowerCase() !== 'by')
  const read = byId('close', [id])
  const span = parseSpan(rest.join(' '))
  const example = `/jit extend ${read.kind === 'close' ? read.requestId : '7k3m9x2pqr'} 30m`
  if (read.kind !== 'close')
    return mistake('Say which request, by the id at the bottom of its card, and how much longer.', example)
  if (rest.length === 0) return mistake('You did not say how much longer.', example)
  if (!span.ok) return mistake(span.why, example)
  if (span.span.kind !== 'length') return mistake('Say how much longer, not until when.', example)
  return { kind: 'extend', requestId: read.requestId, extraMs: span.span.ms, reason: parts.because || null }
}

/** Words that are no request: what was meant is perhaps a command. */
function unknown({ words, from, start, because }: Parts, services: readonly Service[]): Command | null {
  const [first = '', ...rest] = words
  const more = from !== null || start !== null || because !== null
  const found = unknownWord(words, services, more)
  if (!found) return null
  const { meant } = found
  const usual = commandExample(meant, services[0]?.name ?? '3389', someVm)
  const same = [meant, ...rest].join(' ')
  // What these are about stands in the words behind them.
  const keeps = meant === 'extend' || meant === 'cancel' || meant === 'close' || meant === 'why'
  const understood = keeps && parseCommand(same, services).kind === meant
  return mistake(found.wrong(clip(first)), understood ? `/jit ${same}` : usual)
}

/** Everything behind the command: a VM may be called what is a word of a request elsewhere. */
const vmFilter = (typed: string): string => withoutMarks(typed).trim().split(/\s+/).slice(1).join(' ')

/** Reads what a person typed after `/jit`. Pure and total: what cannot be understood is a `mistake` that helps. */
export function parseCommand(text: string, services: readonly Service[]): Command {
  const typed = Array.from(asTyped(text.slice(0, longestSent)))
  const parts = split(typed.slice(0, longestText).join(''))
  const [verb = '', ...rest] = parts.words
  const name = verb.toLowerCase()
  if (verb === '' && parts.because === null && parts.from === null) return { kind: 'help' }
  // Before its length counts: nobody is kept from stopping access by a long reason.
  if (name === 'panic') return { kind: 'panic' }
  if (typed.length > longestText || text.length > longestSent)
    return mistake(
      `This is too long, so nothing was done. A command is at most ${longestText} letters long, and a reason at most ${longestReason}.`,
      commandExample(null, services[0]?.name ?? '3389', someVm),
    )
  if (name === 'help' || name === '?' || parts.words.includes('--help')) return { kind: 'help' }
  if (name === 'ip' && rest[0]?.toLowerCase() === 'forget') return { kind: 'forget' }
  if (name === 'list' || name === 'status' || name === 'ip') return { kind: name }
  if (name === 'vms') return { kind: 'vms', filter: vmFilter(typed.join('')) }
  if (name === 'break-glass') return breakGlass(parts, services)
  if (name === 'extend') return extend(parts)
  if (name === 'cancel' || name === 'close') return byId(name, rest)
  if (name === 'protect' || name === 'unprotect') return protect(name, rest)
  if (name === 'why') return why(parts, services)
  const later = Object.hasOwn(comingLater, name) ? comingLater[name] : undefined
  if (later !== undefined) return mistake(later, `/jit ${services[0]?.name ?? '3389'} ${someVm} 30m`)
  return unknown(parts, services) ?? ask(parts, services)
}
