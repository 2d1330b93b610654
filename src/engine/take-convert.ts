import { authorise, membershipProblem } from '../core/approval.ts'
import { canonical } from '../core/audit.ts'
import { type Asking, askingProblem, proposalJson } from '../core/conversion.ts'
import type { Conversion } from '../core/convert.ts'
import type { Member, Person } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import { refusalText } from '../core/refusal.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endWith } from './answer.ts'
import { done, type Finish, messageOf } from './handler.ts'
import { foundVm, propose } from './propose-conversion.ts'
import { endSaying } from './say.ts'
import type { VmsParts } from './take-vms.ts'

export const goneText = 'That VM is not in the list of VMs any more, so there is nothing to change.'

/** The same for the same proposal, however often it is worked out. */
export const markOf = ({ newId }: Pick<VmsParts, 'newId'>, conversion: Conversion): string =>
  newId(canonical(proposalJson(conversion)))

/** Who may ask for it: an operator, while there is something that can be asked for. */
function askingOf(parts: VmsParts, by: Member, conversion: Conversion): Asking | null {
  const { wording } = parts
  if (conversion.changes.length === 0) return null
  const problem = askingProblem(conversion)
  if (problem !== null) return { why: `Nobody can ask for it here: ${wording.words(problem, 300)}.` }
  const { operators } = parts.policy()
  const refusal = authorise('protect', by, { request: null, terms: null, operators })
  if (refusal?.code !== 'not an operator')
    return refusal ? { why: refusalText(refusal, wording) } : { mark: markOf(parts, conversion) }
  const who = [...operators.users.map(wording.user), ...operators.groups.map(wording.group)].slice(0, 20)
  return {
    why:
      who.length > 0
        ? `An operator can ask for it here, and it is made when another operator agrees: ${who.join(', ')}.`
        : 'The policy names no operators, so nobody can ask for it here.',
  }
}

/** Works out what would have to change so that nothing stands open on a VM, and tells whoever asked. */
export async function takeConvert(
  parts: VmsParts,
  claim: Claim,
  { person, vmId, responseUrl }: Extract<Gesture, { kind: 'convert' }>,
): Promise<Finish> {
  const by = await parts.directory.member(person, groupsNamed(parts.policy()))
  const problem = membershipProblem(by)
  const say = (text: string) => tell(parts, claim, person, responseUrl, text)
  if (problem !== null) return say(`You cannot see how VMs are guarded: ${problem}.`)
  const found = foundVm(parts, vmId)
  if (!found) return say(goneText)
  const conversion = await propose(parts, found)
  try {
    await parts.chat.conversion(
      { userId: person.userId, responseUrl },
      conversion,
      askingOf(parts, by, conversion),
    )
  } catch (error) {
    parts.log.warn({ error: messageOf(error) }, 'a private answer could not be given')
  }
  await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
  return done
}

const tell = (
  parts: VmsParts,
  claim: Claim,
  { userId }: Person,
  responseUrl: string | null,
  text: string,
): Promise<Finish> =>
  responseUrl === null ? endSaying(parts, claim, userId, text) : endWith(parts, claim, responseUrl, text)
