import { askingProblem, membershipProblem } from '../core/approval.ts'
import { type AskCommand, parseCommand } from '../core/command.ts'
import { endOf, startOf } from '../core/duration.ts'
import { Fault } from '../core/fault.ts'
import type { Member, Person } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import type { Ask } from '../core/request.ts'
import type { Source } from '../core/source.ts'
import { asRead, type Vm, type Way } from '../core/vm.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endWith, type IntakeParts } from './answer.ts'
import { type Addressless, awaitAddress, type Waits, whyAnyway } from './await-address.ts'
import { backoffMs, gestureTries } from './backoff.ts'
import { pathProblem, suits } from './family-of.ts'
import { findSource } from './find-source.ts'
import { again, type Finish, messageOf } from './handler.ts'
import { keepAsk } from './keep-ask.ts'
import { statusText } from './status.ts'
import { type Known, submit } from './submit-ask.ts'
import { takeExtend } from './take-extend.ts'
import { takeForget, takeIp } from './take-ip.ts'
import { takeVms, type VmsParts } from './take-vms.ts'
import { whyAsked } from './take-why.ts'
import { within } from './within.ts'

type AskGesture = Extract<Gesture, { kind: 'ask' }>
/** Either what was looked for, or the sentence that tells the person why not. */
type Found<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly say: string }

const found = <T>(value: T): Found<T> => ({ ok: true, value })
const say = (text: string): Found<never> => ({ ok: false, say: text })

const nothingStored = 'Nothing was stored.'
/** As many as an approver can read on the card. */
const mostPorts = 15
const staleAfterMs = 60_000
/** The policy decides by tags, so a list from before a long absence must not be what it decides by. */
const trustedMs = 20 * 60_000
const longestReadMs = 20_000

/** What was confirmed in the browser, when an ask that waited for that goes on. */
export interface Confirmed extends Pick<Known, 'also'> {
  readonly source: Source
}

/** Gathers what a request needs and lets the core decide; a mistake is answered and leaves nothing behind. */
export async function takeAsk(
  parts: VmsParts,
  claim: Claim,
  gesture: AskGesture,
  receivedAt: number,
  confirmed: Confirmed | null = null,
): Promise<Finish> {
  const { responseUrl: url } = gesture
  const command = parseCommand(gesture.text, parts.policy().services)
  if (command.kind === 'status') return takeStatus(parts, claim, gesture)
  if (command.kind === 'vms') return takeVms(parts, claim, gesture, command.filter)
  if (command.kind === 'ip') return takeIp(parts, claim, gesture)
  if (command.kind === 'forget') return takeForget(parts, claim, gesture)
  if (command.kind !== 'ask' && command.kind !== 'why' && command.kind !== 'extend') {
    const text =
      command.kind === 'mistake' ? `${command.wrong} For example: \`${command.example}\`` : nothingStored
    return endWith(parts, claim, url, text)
  }
  try {
    if (command.kind === 'extend') return await takeExtend(parts, claim, gesture, command)
    const member = await parts.directory.member(gesture.person, groupsNamed(parts.policy()))
    const asked = command.kind === 'why' ? command.ask : command
    const gathering = { person: gesture.person, member, command: asked, receivedAt, confirmed }
    const ask = await gather(parts, gathering)
    if (!ask.ok) return await endWith(parts, claim, url, ask.say)
    if ('waits' in ask.value) {
      const { waits } = ask.value
      return command.kind === 'why'
        ? await endWith(parts, claim, url, whyAnyway(parts, waits))
        : await keepAsk(parts, claim, url, { ...waits.wanted, ask: gesture.text })
    }
    const next = command.kind === 'why' ? whyAsked : submit
    const known = { way: ask.value.way, ...(confirmed?.also && { also: confirmed.also }) }
    return await next(parts, claim, url, member, ask.value.ask, known)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    if (error.kind === 'permanent' || claim.attempt >= gestureTries) {
      return endWith(
        parts,
        claim,
        url,
        `Azure could not be read: ${messageOf(error)}. ${command.kind === 'extend' ? 'Nothing more was opened; what is open ends at its own time.' : nothingStored} Ask again in a minute.`,
      )
    }
    return again(parts.clock.now() + backoffMs(claim.attempt), messageOf(error))
  }
}

/** How things stand is for members, as everything else is. */
async function takeStatus(
  parts: IntakeParts,
  claim: Claim,
  { person, responseUrl }: AskGesture,
): Promise<Finish> {
  const problem = membershipProblem(await parts.directory.member(person, []))
  const text = problem === null ? await statusText(parts) : `You cannot see how things stand: ${problem}.`
  return endWith(parts, claim, responseUrl, text)
}

interface Gathering {
  readonly person: Person
  readonly member: Member
  readonly command: AskCommand
  readonly receivedAt: number
  readonly confirmed: Confirmed | null
}

/** A whole ask, or one that waits for its person's address. */
type Gathered =
  | { readonly ask: Ask; readonly way: Way | undefined }
  | { readonly waits: Extract<Waits, { kind: 'waits' }> }

/** What is wrong with the ask itself, whoever asks and from wherever. */
function shapeProblem(command: AskCommand): string | null {
  if (new Set(command.ports.ports.map((port) => port.protocol)).size > 1)
    return `One network rule is either for tcp or for udp. ${nothingStored} Ask for the two separately.`
  return command.ports.ports.length > mostPorts
    ? `That is more than ${mostPorts} ports, which nobody can approve at a glance. ${nothingStored} Ask for fewer.`
    : null
}

async function gather(parts: VmsParts, gathering: Gathering): Promise<Found<Gathered>> {
  const { person, member, command, receivedAt, confirmed } = gathering
  const problem = askingProblem(member)
  if (problem !== null) return say(`You cannot ask for access: ${problem}. ${nothingStored}`)
  const wrong = shapeProblem(command)
  if (wrong !== null) return say(wrong)
  const from = confirmed
    ? ({ kind: 'found', source: confirmed.source } as const)
    : await findSource(parts, person, command, receivedAt)
  if (from.kind === 'no') return say(`${from.why} ${nothingStored}`)
  const vm = await findVm(parts, command)
  if (!vm.ok) return vm
  const times = timesOf(command, receivedAt, member.timeZone)
  const addressless = { person, member, command, receivedAt, vm: vm.value, times }
  if (from.kind === 'unknown') return waiting(parts, addressless)
  const { source } = from
  const [path, guard] = await within(parts.clock, longestReadMs, null, (signal) =>
    Promise.all([
      parts.topology.path(vm.value, source.family, signal),
      parts.defender?.guard(vm.value, signal),
    ]),
  )
  const isRemembered = command.from === null && confirmed === null
  // What was confirmed before is no last word where only another kind of address gets there.
  if (isRemembered && parts.addressPages && !(await suits(parts, vm.value, source, path)))
    return waiting(parts, addressless)
  if (path.kind !== 'guarded') return say(`${pathProblem(vm.value, path)} ${nothingStored}`)
  const ask: Ask = {
    id: parts.newId(),
    requester: person,
    vm: asRead(vm.value, path),
    hops: path.hops,
    connectTo: path.connectTo,
    ...(guard && { guard }),
    label: command.ports.label,
    ports: command.ports.ports,
    source,
    ...times,
    reason: command.reason,
    ...(command.emergency && { emergency: true }),
  }
  return found({ ask, way: path.way })
}

async function waiting(parts: IntakeParts, asked: Addressless): Promise<Found<Gathered>> {
  const waits = await awaitAddress(parts, asked)
  return waits.kind === 'no' ? say(waits.why) : found({ waits })
}

/** A start fixes the end as well, so that a late yes shortens the access and never moves it. */
function timesOf(
  { span, start }: AskCommand,
  now: number,
  zone: string | null,
): Pick<Ask, 'durationMs' | 'until' | 'startsAt'> {
  const startsAt = start === null ? now : startOf(start, now, zone)
  const end = endOf(span, startsAt, zone)
  const fixed = start !== null || span.kind === 'until'
  return { durationMs: end - startsAt, until: fixed ? end : null, ...(start !== null && { startsAt }) }
}

function nearestText(names: readonly string[]): string {
  if (names.length === 0) return 'No VM has a name like it.'
  return names.length === 1
    ? `The nearest name is ${names[0]}.`
    : `The nearest names are ${names.join(', ')}.`
}

/** A name that can be typed: one with a space or a slash in it cannot, but its id can. */
const qualified = ({ subscriptionName, subscriptionId, resourceGroup, name }: Vm) =>
  `${/^[\w.-]+$/.test(subscriptionName) ? subscriptionName : subscriptionId}/${resourceGroup}/${name}`

/** The tenants that are missing from the list of VMs, or older than it. */
const lateText = ({ inventory, wording }: IntakeParts): string =>
  (inventory.late?.() ?? [])
    .map(
      ({ tenantId, readAt }) =>
        ` The tenant ${wording.words(tenantId, 60)} could not be read${readAt === null ? '' : `, and its VMs are as of ${wording.time(readAt)}`}.`,
    )
    .join('')

const tooOldText = ({ inventory, wording }: IntakeParts, { id, name }: Vm): string => {
  const at = inventory.readAt(id)
  return `What is known of ${wording.words(name, 80)} is from ${at === null ? 'some time ago' : wording.time(at)}, because its tenant could not be read since. ${nothingStored} Ask again when it can be read; the operators have been told.`
}

async function findVm(parts: IntakeParts, command: AskCommand): Promise<Found<Vm>> {
  const { inventory, clock, log, wording } = parts
  let matches = inventory.find(command.vmName)
  const ageOf = (all: readonly Vm[]) => {
    const at = inventory.readAt(all[0]?.id)
    return at === null ? Number.POSITIVE_INFINITY : clock.now() - at
  }
  const before = inventory.readAt()
  // A VM that was made a moment ago is worth one more look.
  if (ageOf(matches) > (matches.length === 0 ? staleAfterMs : trustedMs)) {
    try {
      await within(clock, longestReadMs, null, (signal) => inventory.refresh(signal))
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'the inventory could not be read again')
      if (before === null || matches.length === 1) throw error
    }
    matches = inventory.find(command.vmName)
  }
  const [first, second] = matches
  if (first && !second && ageOf(matches) > trustedMs) return say(tooOldText(parts, first))
  if (first && !second) return found(first)
  if (first) {
    const names = matches.slice(0, 8).map((vm) => `\`${qualified(vm)}\``)
    return say(
      `There is more than one VM named ${command.vmName}. ${nothingStored} Say which: ${names.join(' or ')}.`,
    )
  }
  const nearest = inventory.nearest(command.vmName, 3).map((name) => `\`${name}\``)
  const hint = nearestText(nearest)
  const readAt = inventory.readAt()
  const when = readAt === null ? '' : ` The list of VMs is from ${wording.time(readAt)}.${lateText(parts)}`
  return say(`There is no VM named ${command.vmName} that I can see.${when} ${hint} ${nothingStored}`)
}
