import { authorise } from '../core/approval.ts'
import { Fault } from '../core/fault.ts'
import { type Panic, panicOn, panicOver } from '../core/panic.ts'
import type { Member, Person } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import { defenderCannot, policyEntry } from '../core/policy-entry.ts'
import { lastOfBands, nearestHops, type Protection, planShield } from '../core/protection.ts'
import { protectionAudit } from '../core/protection-audit.ts'
import { protectingText } from '../core/protection-text.ts'
import { refusalText } from '../core/refusal.ts'
import type { Path, Vm } from '../core/vm.ts'
import type { Claim, Gesture, Tx } from '../ports.ts'
import type { IntakeParts } from './answer.ts'
import { backoffMs, gestureTries } from './backoff.ts'
import { again, ended, type Finish, messageOf } from './handler.ts'
import { announceJob, groupJob, policyJob } from './job-of.ts'
import { protectionIn } from './protections.ts'
import { endSaying, saying } from './say.ts'
import { prioritiesPromised } from './shield-rule.ts'
import { within } from './within.ts'

type ProtectGesture = Extract<Gesture, { kind: 'protect' }>
type UnprotectGesture = Extract<Gesture, { kind: 'unprotect' }>

const longestReadMs = 20_000
const nothing = 'Nothing was changed.'

/** Who it is and whether they may, as Slack and Entra say now; or what becomes of the gesture. */
async function whoMay(
  parts: IntakeParts,
  claim: Claim,
  verb: 'protect' | 'unprotect',
  person: Person,
): Promise<{ readonly by: Member } | { readonly finish: Finish }> {
  const policy = parts.policy()
  const by = await parts.directory.member(person, groupsNamed(policy), 'live')
  if (!by.known && claim.attempt < gestureTries)
    return { finish: again(parts.clock.now() + backoffMs(claim.attempt), 'Slack did not say who this is') }
  const refusal = authorise(verb, by, { request: null, terms: null, operators: policy.operators })
  if (refusal)
    return { finish: await endSaying(parts, claim, person.userId, refusalText(refusal, parts.wording)) }
  return { by }
}

const stoppedText = ({ wording }: IntakeParts, { by, at, reason }: Panic): string =>
  refusalText({ code: 'stopped', by, at, reason }, wording)

const alreadyText = ({ wording }: IntakeParts, { vm, by, at, state }: Protection): string =>
  state === 'unprotecting'
    ? `An earlier protection of ${wording.words(vm.name, 80)} is being removed, so ${nothing.toLowerCase()} Try again when that is done.`
    : `${wording.words(vm.name, 80)} is protected already, by ${wording.person(by)} since ${wording.time(at)}. ${nothing} To change it, take it away first with \`/jit unprotect\`.`

type Planned =
  | { readonly ok: true; readonly protection: Protection }
  | { readonly ok: false; readonly why: string }

const no = (why: string): Planned => ({ ok: false, why })

type Wanted = Omit<Protection, 'state' | 'rules' | 'entry'>

/** Neither way does anything where no group stands before the VM. */
function unguardedText(path: Exclude<Path, { kind: 'guarded' }>): string {
  return path.kind === 'unguarded'
    ? `no security group stands before ${path.networkInterface}, so there is nowhere to write a rule: ask whoever looks after the VM to put one there`
    : path.why
}

/** Our own rules, in the group that is nearest to each address. */
async function planRules(parts: IntakeParts, wanted: Wanted, signal: AbortSignal): Promise<Planned> {
  const { topology, firewall, store, policy } = parts
  const path = await topology.path(wanted.vm, 'all', signal)
  if (path.kind !== 'guarded') return no(unguardedText(path))
  const places = await Promise.all(
    nearestHops(path.hops).map(async (hop) => {
      const [existing, work, taken] = await Promise.all([
        firewall.list(hop.nsgId, signal),
        store.ruleWork(hop.nsgId),
        prioritiesPromised(store, hop.nsgId),
      ])
      if (!existing)
        throw new Fault('not found', `the security group ${hop.nsgId} does not exist`, { kind: 'try again' })
      return { hop, existing, taken: new Set([...taken, ...work.map(({ rule }) => rule.priority)]) }
    }),
  )
  const planned = planShield(wanted, places, lastOfBands(policy()))
  return planned.ok
    ? { ok: true, protection: { ...wanted, state: 'protecting', rules: planned.rules } }
    : no(planned.why)
}

/** What the policy of Defender for Cloud is to say of this VM, and what it says now. */
async function planEntry(
  { jitPolicies, topology }: IntakeParts,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Planned> {
  if (!jitPolicies) return no('Defender for Cloud is not connected here')
  const { vm, terms } = wanted
  const [path, { policyId, hasPlan, stands }] = await Promise.all([
    topology.path(vm, 'all', signal),
    jitPolicies.place(vm, signal),
  ])
  if (path.kind !== 'guarded') return no(unguardedText(path))
  const cannot = defenderCannot(vm, policyId, hasPlan)
  if (cannot !== null) return no(cannot)
  const before = await jitPolicies.entry({ policyId, vmId: vm.id, location: vm.location }, signal)
  const entry = {
    policyId,
    entry: policyEntry(vm, terms, before),
    before,
    ...(stands && { stood: true as const }),
  }
  return { ok: true, protection: { ...wanted, state: 'protecting', rules: [], entry } }
}

function findVm({ inventory, wording }: IntakeParts, name: string): Vm | string {
  const [vm, other] = inventory.find(name)
  if (vm && !other) return vm
  return `${vm ? 'More than one VM is' : 'No VM that I can see is'} named ${wording.words(name, 120)}. ${nothing}`
}

/** Puts the protection on record, with the work that comes of it; answers why not. */
async function begin(
  parts: IntakeParts,
  claim: Claim,
  by: Member,
  protection: Protection,
): Promise<'begun' | 'not ours' | 'protected' | Panic> {
  const { store, clock } = parts
  return store.transact(async (tx) => {
    const now = clock.now()
    const stop = panicOn(await tx.panics(), by)
    if (stop) return stop
    if (!(await tx.finish([claim], now)).has(claim.id)) return 'not ours'
    if (!(await tx.putProtection(protection))) {
      await tx.endIntake(claim.subject, now)
      return 'protected'
    }
    const { rules, entry } = protection
    await tx.audit([protectionAudit('protection.begun', protection, now, by.person)])
    const groups = [...new Set(rules.map(({ nsgId }) => nsgId))]
    await tx.putJobs(
      [
        announceJob(now),
        ...groups.map((nsgId) => groupJob(nsgId, 'present', now)),
        ...(entry ? [policyJob(entry.policyId, now)] : []),
      ],
      now,
    )
    await tx.endIntake(claim.subject, now)
    return 'begun'
  })
}

const alreadyOf = async ({ store }: IntakeParts, vmId: string): Promise<Protection | null> =>
  (await store.protections()).find(({ vm }) => vm.id === vmId) ?? null

/** Who may is decided here, however the form came to be sent. Only rules of our own are written. */
export async function takeProtect(
  parts: IntakeParts,
  claim: Claim,
  { person, vm: name, terms }: ProtectGesture,
): Promise<Finish> {
  const say = (text: string) => endSaying(parts, claim, person.userId, text)
  const may = await whoMay(parts, claim, 'protect', person)
  if ('finish' in may) return may.finish
  const vm = findVm(parts, name)
  if (typeof vm === 'string') return say(vm)
  const already = await alreadyOf(parts, vm.id)
  if (already) return say(alreadyText(parts, already))
  const wanted: Wanted = { id: parts.newId(), vm, terms, by: may.by.person, at: parts.clock.now() }
  let planned: Planned
  try {
    const plan = terms.way === 'nsg' ? planRules : planEntry
    planned = await within(parts.clock, longestReadMs, null, (signal) => plan(parts, wanted, signal))
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    if (error.kind !== 'permanent' && claim.attempt < gestureTries)
      return again(parts.clock.now() + backoffMs(claim.attempt), messageOf(error))
    return say(
      `Azure could not be read: ${parts.wording.words(messageOf(error), 300)}. ${nothing} Try again in a minute.`,
    )
  }
  if (!planned.ok)
    return say(
      `${parts.wording.words(vm.name, 80)} cannot be protected like this: ${parts.wording.words(planned.why, 500)}. ${nothing}`,
    )
  const begun = await begin(parts, claim, may.by, planned.protection)
  if (begun === 'not ours') return ended
  if (begun === 'begun') {
    await saying(parts, person.userId, protectingText(planned.protection, parts.wording))
    return ended
  }
  if (begun !== 'protected') return say(stoppedText(parts, begun))
  const other = await alreadyOf(parts, vm.id)
  await saying(
    parts,
    person.userId,
    other ? alreadyText(parts, other) : `It was protected a moment ago. ${nothing}`,
  )
  return ended
}

/** Why nobody may open anything there now, or this person may not; null when nothing is against it. */
async function objection(tx: Tx, parts: IntakeParts, by: Member, { vm }: Protection): Promise<string | null> {
  const stops = await tx.panics()
  const own = panicOn(stops, by)
  if (own) return stoppedText(parts, own)
  const over = panicOver(stops, { vm, requester: by.person }, by.entraId)
  if (!over) return null
  return `${parts.wording.person(over.by)} stopped all access there at ${parts.wording.time(over.at)}, and without its protection the VM would be opened. ${nothing} It can be done once that is lifted.`
}

/** Undoes what the form showed, and nothing else. */
export async function takeUnprotect(
  parts: IntakeParts,
  claim: Claim,
  { person, protectionId }: UnprotectGesture,
): Promise<Finish> {
  const { store, clock, wording } = parts
  const may = await whoMay(parts, claim, 'unprotect', person)
  if ('finish' in may) return may.finish
  const outcome = await store.transact(async (tx) => {
    const now = clock.now()
    const found = await tx.protection(protectionId)
    if (!found) return { said: `There is no such protection on record. ${nothing}` }
    const wrong = await objection(tx, parts, may.by, found)
    if (wrong !== null) return { said: wrong }
    if (!(await tx.finish([claim], now)).has(claim.id)) return { said: null }
    const next = await protectionIn(tx, protectionId, { type: 'unprotect', by: may.by.person }, now)
    await tx.endIntake(claim.subject, now)
    const name = wording.words(found.vm.name, 80)
    return {
      over: true,
      said: next
        ? `The protection of ${name} is being removed. I message you when Azure shows that it is gone, with what lets somebody in then.`
        : `The protection of ${name} was ended already, so nothing changed.`,
    }
  })
  if (outcome.said === null) return ended
  if (!('over' in outcome)) return endSaying(parts, claim, person.userId, outcome.said)
  await saying(parts, person.userId, outcome.said)
  return ended
}
