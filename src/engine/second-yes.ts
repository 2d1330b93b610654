import { canonical } from '../core/audit.ts'
import { type AskedConversion, lapsesAt, proposalJson, undecidedText } from '../core/conversion.ts'
import type { Conversion } from '../core/convert.ts'
import type { IntakeParts } from './answer.ts'
import { foundVm, propose } from './propose-conversion.ts'

/** Whether what was asked for is still what stands there. */
export type StillAsked =
  | { readonly kind: 'yes' }
  /** It is certain that it is not, and why, without a full stop. */
  | { readonly kind: 'no'; readonly because: string }
  | { readonly kind: 'not known'; readonly why: string }

const same = (a: Conversion, b: Conversion) => canonical(proposalJson(a)) === canonical(proposalJson(b))

/** A second operator agrees to what the message shows; by now another change may be needed, or more VMs be met by it. */
export async function stillAsked(parts: IntakeParts, asked: AskedConversion): Promise<StillAsked> {
  if (parts.clock.now() >= lapsesAt(asked)) return { kind: 'no', because: undecidedText }
  const found = foundVm(parts, asked.proposal.vm.id)
  if (!found) return { kind: 'not known', why: 'the VM is not in the list of VMs that was read last' }
  const now = await propose(parts, found)
  if (same(now, asked.proposal)) return now.doubt ? unread : { kind: 'yes' }
  if (now.doubt) return unread
  return {
    kind: 'no',
    because:
      'what would have to change is not what was shown any more, because rules, or the VMs behind a security group, are others now',
  }
}

const unread: StillAsked = { kind: 'not known', why: 'not everything in front of the VM could be read' }
