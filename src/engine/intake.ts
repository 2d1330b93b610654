import { done, type Handler } from './handler.ts'
import { takeConfirmed } from './take-address.ts'
import { takeAsk } from './take-ask.ts'
import { takeClick } from './take-click.ts'
import { takeComment } from './take-comment.ts'
import { takeAskConversion, takeConversionDecision } from './take-conversion.ts'
import { takeConvert } from './take-convert.ts'
import { takeForget, takeWantsLink } from './take-ip.ts'
import { takePanic } from './take-panic.ts'
import { takeProtect, takeUnprotect } from './take-protect.ts'
import { takeDecision, takeProposal } from './take-removal.ts'
import { takeHome, type VmsParts } from './take-vms.ts'

/** Does what a person asked for, after it was stored and acknowledged. */
export const intake =
  (parts: VmsParts): Handler =>
  async (claim) => {
    const stored = await parts.store.intake(claim.subject)
    if (!stored) return done
    const { gesture } = stored
    switch (gesture.kind) {
      case 'ask':
        return takeAsk(parts, claim, gesture, stored.receivedAt)
      case 'click':
        return takeClick(parts, claim, gesture)
      case 'panic':
        return takePanic(parts, claim, gesture)
      case 'protect':
        return takeProtect(parts, claim, gesture)
      case 'unprotect':
        return takeUnprotect(parts, claim, gesture)
      case 'propose removal':
        return takeProposal(parts, claim, gesture)
      case 'decide removal':
        return takeDecision(parts, claim, gesture)
      case 'home':
        return takeHome(parts, claim, gesture)
      case 'convert':
        return takeConvert(parts, claim, gesture)
      case 'ask conversion':
        return takeAskConversion(parts, claim, gesture)
      case 'decide conversion':
        return takeConversionDecision(parts, claim, gesture)
      case 'address confirmed':
        return takeConfirmed(parts, claim, gesture)
      case 'confirm address':
        return takeWantsLink(parts, claim, gesture)
      case 'forget address':
        return takeForget(parts, claim, gesture)
      case 'comment':
        return takeComment(parts, claim, gesture)
      default:
        return gesture satisfies never
    }
  }
