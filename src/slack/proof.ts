import type { Case } from '../core/case.ts'
import type { Grant } from '../core/grant.ts'
import { byRecord, type Proof, type Proved, ruleShown, wasSlow } from '../core/proof.ts'
import { isRange } from '../core/source.ts'
import { list } from './facts.ts'
import { seconds, time, words } from './words.ts'

interface Said {
  readonly head: string
  readonly text: string
}

const from = ({ sources }: Proof): string =>
  `${sources.length > 1 ? 'at least one of ' : ''}${list(sources.map((source) => words(source, 60)))}`

/** `the rule x (3389/tcp)`; Azure names no rule where no group stands in the way. */
const found = ({ findings }: Proof): string =>
  list(
    findings.map(({ rule, ports }) =>
      rule === ''
        ? `no security group at all (${words(ports, 200)})`
        : `the rule ${words(ruleShown(rule), 100)} (${words(ports, 200)})`,
    ),
  )

const isUnguarded = ({ findings }: Proof): boolean => findings.every(({ rule }) => rule === '')

const advice = (proof: Proof): string =>
  isUnguarded(proof)
    ? 'No security group stands before the VM any more, so everybody gets in: whoever looks after it should put one there.'
    : 'That is no rule of this request, so I leave it alone. If nobody needs it, whoever looks after it should remove it.'

/** Nobody may think that more was tried than was. */
function tried({ tried: count, possible, sources }: Proof, { request }: Case): string {
  const some = count < possible ? ` Of ${possible} combinations of address and port ${count} were tried.` : ''
  const ends =
    isRange(request.source.address) && sources.length > 0
      ? ` Of the range ${words(request.source.address, 60)} only ${list(sources.map((one) => words(one, 60)))} ${sources.length > 1 ? 'were' : 'was'} tried.`
      : ''
  return `${some}${ends}`
}

/** Azure’s own words may end with a full stop of their own. */
const why = (proof: Proof): string => `${words((proof.why ?? 'unknown').replace(/[.\s]+$/, ''), 400)}.`

const slow = (proof: Proof): string =>
  wasSlow(proof) ? ` That was ${seconds(proof.afterMs ?? 0)} after its network rule was there.` : ''

const isDefault = ({ rule }: { readonly rule: string }): boolean =>
  /^default(?:security)?rules?[/_]/i.test(rule)

function whileOpen(proof: Proof, kase: Case, { expiresAt }: Grant): Said {
  const at = time(proof.at)
  switch (proof.verdict) {
    case 'verified':
      return {
        head: 'Open (verified)',
        text: `Azure’s IP flow verify said ${at} that traffic passes by the network rule of this request.${slow(proof)}${tried(proof, kase)}`,
      }
    case 'another rule':
      return {
        head: 'Open (not verified)',
        text: `Azure’s IP flow verify said ${at} that traffic passes, but not by the network rule of this request: it names ${found(proof)}.${tried(proof, kase)}`,
      }
    case 'denied':
    case 'still its rule':
      return {
        head: 'Open (not verified yet)',
        text: `Azure’s IP flow verify still said ${at} that traffic is denied, by ${found(proof)}. The network rule of this request stands all the same, until ${time(expiresAt)}. ${
          proof.findings.every(isDefault)
            ? 'Azure may need longer: try to connect in a few minutes.'
            : 'Whoever looks after that other rule can say whether it may let this in.'
        }${tried(proof, kase)}`,
      }
    case 'not verified':
      return { head: 'Open (not verified)', text: why(proof) }
    default:
      return proof.verdict satisfies never
  }
}

function onceClosed(proof: Proof, kase: Case): Said {
  const at = time(proof.at)
  switch (proof.verdict) {
    case 'verified':
      return {
        head: 'Closed (verified)',
        text: `Azure’s IP flow verify said ${at} that new connections from ${list(proof.sources.map((one) => words(one, 60)))} are denied.${tried(proof, kase)}`,
      }
    case 'another rule':
    case 'denied':
      if (byRecord(proof))
        return {
          head: 'Closed (not verified)',
          text: `Azure’s IP flow verify said ${at} that ${from(proof)} gets in by ${found(proof)}, which belongs to another request and ends with that.${tried(proof, kase)}`,
        }
      return {
        head: 'Closed, but still reachable',
        text: `Azure’s IP flow verify said ${at} that ${from(proof)} gets in all the same, ${isUnguarded(proof) ? 'stopped' : 'let in'} by ${found(proof)}. ${advice(proof)}${tried(proof, kase)}`,
      }
    case 'still its rule':
      return {
        head: 'Closed (not verified yet)',
        text: `Its network rule is gone, and Azure’s IP flow verify still said ${at} that ${from(proof)} gets in by ${found(proof)}. Azure may need longer: check in Network Watcher whether that is over.${tried(proof, kase)}`,
      }
    case 'not verified':
      return { head: 'Closed (not verified)', text: why(proof) }
    default:
      return proof.verdict satisfies never
  }
}

const saidOf = (of: Proved, proof: Proof, kase: Case, grant: Grant): Said =>
  of === 'open' ? whileOpen(proof, kase, grant) : onceClosed(proof, kase)

/** What the card and the requester’s message say of it; nothing as long as Azure has not answered. */
export function proofLines(kase: Case, of: Proved): string[] {
  const proof = kase.grant?.proofs?.[of]
  if (!kase.grant || !proof) return []
  const { head, text } = saidOf(of, proof, kase, kase.grant)
  return [`*${head}:* ${text}`]
}

/** The same as news; null where it is over by the time it is said. */
export function proofNews(
  kase: Case,
  { of, proof }: { readonly of: Proved; readonly proof: Proof },
  what: string,
  isOpen: boolean,
): string[] | null {
  if (!kase.grant || (of === 'open' && !isOpen)) return null
  const { head, text } = saidOf(of, proof, kase, kase.grant)
  return [`*${head}:* ${what}. ${text}`]
}
