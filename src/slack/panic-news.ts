import type { Panic, Scope } from '../core/panic.ts'
import type { PanicNews } from '../ports.ts'
import { type Shown, section } from './blocks.ts'
import { scope as caseScope, list } from './facts.ts'
import { count, person, time, words } from './words.ts'

function scopeText(scope: Scope): string {
  switch (scope.kind) {
    case 'all':
      return 'all access'
    case 'person':
      return `all access of ${person(scope.person)}`
    case 'vm':
    case 'subscription':
      return `all access to ${scope.kind === 'vm' ? 'the VM' : 'VMs of the subscription'} ${words(scope.name, 80)}`
    default:
      return scope satisfies never
  }
}

/** How far a stop has come, as Azure has confirmed it. */
export function panicNews(panic: Panic, { total, closing, holds }: PanicNews): Shown {
  const closed = total - closing.length
  const still =
    closing.length === 0
      ? 'Nothing of it is still closing.'
      : `*Still closing: ${closing.length}.* ${list(
          closing.map(({ request }) => `${caseScope(request)} for ${person(request.requester)}`),
          8,
        )}.`
  const text = [
    `*${person(panic.by)} stopped ${scopeText(panic.scope)}* ${time(panic.at)}: ${words(panic.reason, 300)}.`,
    `Closed: ${count(closed, 'access', 'accesses')}. ${still}`,
    holds
      ? 'Nothing new is opened there until somebody lifts it with `/jit panic lift because …`.'
      : 'It is lifted: access there can be asked for again.',
  ].join('\n')
  return { text, blocks: [section(text)] }
}
