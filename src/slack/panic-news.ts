import { type Lift, type Panic, type Scope, scopeName, stoppedText } from '../core/panic.ts'
import type { PanicNews } from '../ports.ts'
import { type Shown, section } from './blocks.ts'
import { scope as caseScope, list } from './facts.ts'
import { count, person, slackWording, time, words } from './words.ts'

/** What is stopped: `name` is a person’s id, or what the VM or the subscription is called. */
export const scopeText = (kind: Scope['kind'], name: string): string => stoppedText(kind, name, slackWording)

/** Who stopped what, when and why. */
export const stopText = (panic: Panic): string =>
  `*${person(panic.by)} stopped ${scopeText(panic.scope.kind, scopeName(panic.scope))}* ${time(panic.at)}: ${words(panic.reason, 300)}.`

const liftedText = (lift: Lift | undefined): string => {
  const by = lift ? ` by ${person(lift.by)} ${time(lift.at)}: ${words(lift.reason, 300)}` : ''
  return `It is lifted${by}. Access there can be asked for again, unless another stop covers it.`
}

/** How far a stop has come, as Azure has confirmed it. */
export function panicNews(panic: Panic, { closed, closing, holds }: PanicNews): Shown {
  const still =
    closing.length === 0
      ? 'Nothing there is still closing.'
      : `*Still closing: ${closing.length}.* ${list(
          closing.map(({ request }) => `${caseScope(request)} for ${person(request.requester)}`),
          8,
        )}.`
  const text = [
    stopText(panic),
    `Closed: ${count(closed, 'access', 'accesses')}. ${still}`,
    holds
      ? 'Nothing new is opened there until somebody lifts it with `/jit panic lift because …`.'
      : liftedText(panic.lifted),
  ].join('\n')
  return { text, blocks: [section(text)] }
}
