import { isApprover, membershipProblem, sameHuman } from './approval.ts'
import { type Capacities, connect, mostFlow } from './flow.ts'
import { type Member, samePerson } from './person.ts'
import { approvalsOf } from './pick.ts'
import type { Named, Stage, Terms } from './policy.ts'
import type { PendingRequest, Review } from './request.ts'

/** How far the approvals have come. */
export interface Progress {
  /** The stage that waits for a yes; as many as there are stages when all of them have enough. */
  readonly stage: number
  /** How many of the stage’s approvals there are. */
  readonly approvals: number
  /** Earlier stages where one more yes helps, too: somebody who counts there can count later instead. */
  readonly also?: readonly number[]
}

export const noProgress: Progress = { stage: 0, approvals: 0 }

export const isSameProgress = (one: Progress, other: Progress): boolean =>
  one.stage === other.stage && one.approvals === other.approvals && String(one.also) === String(other.also)

/** The accounts of one human; they count as one, whichever of them said yes. */
type Human = readonly Member[]

/** What somebody can speak for in a stage: each group of it that they are in, or themselves when named. */
const voicesOf = ({ approvers }: Stage, member: Member): string[] => [
  ...approvers.groups.filter((id) => member.groups.includes(id)),
  ...(approvers.users.includes(member.person.userId) ? [member.person.userId] : []),
]

/** What somebody who has not said yes yet may be able to speak for in a stage. */
const voicesLeft = ({ approvers }: Stage, humans: readonly Human[]): string[] => [
  ...approvers.groups,
  ...approvers.users.filter((id) => !humans.flat().some(({ person }) => person.userId === id)),
]

/** Which voices each human has in each of the stages. */
type Voices = readonly (readonly (readonly string[])[])[]

/**
 * Gives each human one seat in one stage, so that as many seats as possible are taken. Says who has one: whoever came
 * first keeps a seat, though it may become another one.
 */
function seat(stages: readonly Stage[], voices: Voices): readonly boolean[] {
  const net: Capacities = new Map()
  for (const [at, { approvals }] of stages.entries()) connect(net, `stage ${at}`, 'end', approvals)
  const known = new Set<string>()
  for (const [who, inStages] of voices.entries()) {
    connect(net, 'start', `human ${who}`, 1)
    for (const [at, stage] of stages.entries()) {
      for (const voice of inStages[at] ?? []) {
        const name = `voice ${voice} of stage ${at}`
        if (!known.has(name))
          connect(net, name, `stage ${at}`, stage.fromDifferentGroups ? 1 : stage.approvals)
        known.add(name)
        connect(net, `human ${who}`, name, 1)
      }
    }
  }
  mostFlow(net, 'start', 'end')
  return voices.map((_, who) => net.get('start')?.get(`human ${who}`) === 0)
}

const seats = (stages: readonly Stage[], voices: Voices): number =>
  seat(stages, voices).filter((taken) => taken).length

/** Those whose yes can count at all, in the order in which the first of their accounts came. */
function humansOf(terms: Terms, yeses: readonly Member[]): readonly Human[] {
  let humans: readonly Human[] = []
  for (const member of yeses) {
    if (membershipProblem(member) !== null || !isApproverOf(terms, member)) continue
    const isSame = (human: Human) => human.some((other) => sameHuman(other, member))
    const [first, ...others] = humans.filter(isSame)
    // Two that were thought to be two turn out to be one when an account belongs to both.
    const all = [...(first ?? []), ...others.flat(), member]
    humans = first
      ? humans.filter((human) => !others.includes(human)).map((human) => (human === first ? all : human))
      : [...humans, all]
  }
  return humans
}

/** Whether somebody may say yes in any stage. */
export const isApproverOf = ({ stages }: Terms, member: Member): boolean =>
  stages.some(({ approvers }) => isApprover(approvers, member))

/**
 * Counts the yeses again, as the people and the rule are now: who is no longer an approver no longer counts. A yes is to
 * the request and not to a stage, so each counts where it lets the most come about; a stage is asked once those before
 * it can all be filled by different people.
 */
export function countAgain(
  terms: Terms,
  yeses: readonly Member[],
): { readonly progress: Progress; readonly counted: readonly Member[] } {
  const humans = humansOf(terms, yeses)
  const voices = humans.map((human) =>
    terms.stages.map((stage) => human.flatMap((member) => voicesOf(stage, member))),
  )
  const upTo = (count: number) => terms.stages.slice(0, count)
  const isShort = (_: Stage, at: number) =>
    seats(upTo(at + 1), voices) < approvalsOf({ stages: upTo(at + 1) })
  const waiting = terms.stages.findIndex(isShort)
  const stage = waiting < 0 ? terms.stages.length : waiting
  const asked = upTo(stage + 1)
  const taken = seat(asked, voices)
  const counted = humans.filter((_, who) => taken[who]).flatMap(([first]) => first ?? [])
  const oneMoreHelps = (at: number): boolean => {
    const newcomer = asked.map((one, where) => (where === at ? voicesLeft(one, humans) : []))
    return seats(asked, [...voices, newcomer]) > counted.length
  }
  const also = waiting < 0 ? [] : upTo(stage).flatMap((_, at) => (oneMoreHelps(at) ? [at] : []))
  const approvals = waiting < 0 ? 0 : counted.length - approvalsOf({ stages: upTo(stage) })
  return { progress: { stage, approvals, ...(also.length > 0 && { also }) }, counted }
}

export const progressOf = (terms: Terms, yeses: readonly Member[]): Progress =>
  countAgain(terms, yeses).progress

export const isComplete = (terms: Terms, { stage }: Progress): boolean => stage >= terms.stages.length

/**
 * Those who have said yes, in order, as the directory knows them now. A yes that came after the directory was asked
 * was judged a moment ago, so what it was judged by holds.
 */
export const yesesOf = (reviews: readonly Review[], now: readonly Member[]): readonly Member[] =>
  reviews
    .filter(({ verdict }) => verdict === 'approve')
    .map(({ by, groups = [], entraId = null }) => {
      const member = now.find(({ person }) => samePerson(person, by))
      return member ?? { ...nobodySpecial, person: by, groups, entraId }
    })

const nobodySpecial = {
  known: true,
  deleted: false,
  bot: false,
  guest: false,
  foreign: false,
  timeZone: null,
  entraGroups: null,
} as const

type Waiting = Pick<PendingRequest, 'terms' | 'progress' | 'reviews'>

/** The stages whose approvers can still bring a request further: the one that waits first. */
export const stagesAsked = ({
  terms,
  progress,
}: Omit<Waiting, 'reviews'>): readonly { readonly stage: Stage; readonly at: number }[] =>
  [progress.stage, ...(progress.also ?? [])].flatMap((at) => {
    const stage = terms.stages[at]
    return stage ? [{ stage, at }] : []
  })

/** Whose yes is waited for; who has said it is not asked again. */
export function whoIsAsked(request: Waiting): Named {
  const asked = stagesAsked(request).map(({ stage }) => stage.approvers)
  const said = request.reviews.map(({ by }) => by.userId)
  return {
    users: [...new Set(asked.flatMap(({ users }) => users))].filter((id) => !said.includes(id)),
    groups: [...new Set(asked.flatMap(({ groups }) => groups))],
  }
}
