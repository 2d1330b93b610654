import { mayType, waysToSay } from '../core/address-policy.ts'
import type { Anyway } from '../core/any-address.ts'
import type { AskCommand } from '../core/command.ts'
import { beginningText, lengthOf } from '../core/duration.ts'
import { panicOver } from '../core/panic.ts'
import type { Member, Person } from '../core/person.ts'
import { refusalText } from '../core/refusal.ts'
import type { Ask } from '../core/request.ts'
import type { Vm } from '../core/vm.ts'
import type { IntakeParts } from './answer.ts'
import { familyOf } from './family-of.ts'
import type { Wanted } from './keep-ask.ts'
import { verdictAnyway } from './verdict.ts'

/** An ask without the address that it will be opened for. */
export interface Addressless {
  readonly person: Person
  readonly member: Member
  readonly command: AskCommand
  readonly receivedAt: number
  readonly vm: Vm
  readonly times: Pick<Ask, 'durationMs' | 'until' | 'startsAt'>
}

/** It waits for its person's address, or there is no use in that. */
export type Waits =
  | { readonly kind: 'waits'; readonly wanted: Omit<Wanted, 'ask'>; readonly anyway: Anyway }
  | { readonly kind: 'no'; readonly why: string }

function aboutOf({ command, receivedAt, member, vm, times }: Addressless): NonNullable<Wanted['about']> {
  const { ports, span, emergency } = command
  const begins = times.startsAt == null ? null : beginningText(times.startsAt, receivedAt, member.timeZone)
  return {
    label: ports.label,
    vm: vm.name,
    howLong: lengthOf(span, begins),
    ...(emergency && { emergency: true }),
  }
}

/** Nobody is sent to the page for what could not be opened from any address. */
export async function awaitAddress(parts: IntakeParts, asked: Addressless): Promise<Waits> {
  const { person, member, command, vm, times } = asked
  const { reason, emergency } = command
  const judged = {
    requester: person,
    vm,
    ports: command.ports.ports,
    source: nowhere,
    reason,
    ...times,
    ...(emergency && { emergency: true as const }),
  }
  const stop = panicOver(await parts.store.panics(), judged, member.entraId)
  if (stop) return { kind: 'no', why: refusalText({ code: 'panic', ...stop }, parts.wording) }
  const about = aboutOf(asked)
  const anyway = await verdictAnyway(parts, parts.policy(), judged, member)
  if (anyway.kind === 'denied') {
    const what = `${about.label} to ${vm.name} for ${about.howLong}`
    const why = `Denied by the policy, whichever address you come from: ${what}. Why: ${anyway.because}. ${noHarm}`
    return { kind: 'no', why }
  }
  const reached = await familyOf(parts, vm)
  return 'why' in reached
    ? { kind: 'no', why: `${reached.why} Nothing was stored.` }
    : { kind: 'waits', wanted: { person, requestId: null, about, family: reached.family }, anyway }
}

/** Not looked at. */
const nowhere = { address: '', family: 'IPv4', learnt: 'confirmed', learntAt: 0 } as const

const noHarm = 'Nobody was asked, and nothing was stored or opened.'

/** What the policy says to somebody who wonders and named no address. */
export function whyAnyway(
  { policy }: Pick<IntakeParts, 'policy'>,
  { wanted: { about }, anyway }: Extract<Waits, { kind: 'waits' }>,
): string {
  if (anyway.kind === 'same')
    return `${about?.label} to ${about?.vm} for ${about?.howLong}, from any single address that may come in: ${anyway.verdict.tree.because}. ${noHarm}`
  const looks = 'The policy looks at the address you come from'
  const now = policy()
  if (mayType(now)) return `${looks}; add \`from\` and your address to see what it says. ${noHarm}`
  return (now.address?.ranges ?? []).length > 0
    ? `${looks}. ${waysToSay(now, false)} Then I can see what it says. ${noHarm}`
    : `${looks}, and takes none that is typed, so only a request shows what it says. ${noHarm}`
}
