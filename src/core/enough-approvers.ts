import { type Capacities, connect, mostFlow } from './flow.ts'
import type { Person } from './person.ts'
import { approvalsOf } from './pick.ts'
import type { Reason, Stage, Terms, Verdict } from './policy.ts'

/** Who is there to approve, as Slack said when it was asked. */
export interface Roster {
  /** The members of each group; null, or missing, when they are not known. */
  readonly groups: ReadonlyMap<string, readonly string[] | null>
  /** Those who are known not to be full, active members. */
  readonly barred: ReadonlySet<string>
}

/** Somebody who could say yes in a stage, and which group the yes would come from. */
interface Voice {
  readonly who: string
  readonly group: string
}

/** Where it is not known who there is, there are as many as could be needed: people whom nothing else names. */
const strangers = (label: string, many: number): string[] =>
  Array.from({ length: many }, (_, index) => `somebody ${label} ${index}`)

/** Who could say yes in a stage, the requester among them; whoever is named alone counts as a group of one. */
function voicesIn({ approvers }: Stage, at: number, roster: Roster, most: number): Voice[] {
  const { users, groups, looked } = approvers
  const unsure = looked?.up.some((lookup) => lookup.unsure) ?? false
  const alone = [...users, ...(unsure ? strangers(`of stage ${at}`, most) : [])]
  const membersOf = (group: string) => roster.groups.get(group) ?? strangers(`in ${group}`, most)
  return [
    ...alone.map((who) => ({ who, group: who })),
    ...groups.flatMap((group) => membersOf(group).map((who) => ({ who, group }))),
  ]
}

/** The most approvals that these stages can get together, when each person counts for one of them. */
function mostApprovals(stages: readonly Stage[], voices: readonly (readonly Voice[])[]): number {
  const net: Capacities = new Map()
  const people = new Set(voices.flat().map(({ who }) => who))
  for (const who of people) connect(net, 'start', `person ${who}`, 1)
  for (const [at, { approvals, fromDifferentGroups }] of stages.entries()) {
    const here = voices[at] ?? []
    connect(net, `stage ${at}`, 'end', approvals)
    for (const group of new Set(here.map((voice) => voice.group))) {
      const most = fromDifferentGroups ? 1 : approvals
      connect(net, `group ${group} of stage ${at}`, `stage ${at}`, most)
    }
    for (const { who, group } of here) connect(net, `person ${who}`, `group ${group} of stage ${at}`, 1)
  }
  return mostFlow(net, 'start', 'end')
}

const people = (count: number): string => (count === 1 ? 'one person' : `${count} people`)

function shortText(terms: Terms, could: number): string {
  const needed = approvalsOf(terms)
  if (could > 0) return `${people(needed)} must approve, and at most ${could} could`
  return terms.selfApproval ? 'nobody could approve' : 'nobody but the requester could approve'
}

/** What keeps a stage short, as far as it can be named. */
function lacks({ approvers }: Stage, isOut: (who: string) => boolean, roster: Roster): string[] {
  const { users, groups, looked } = approvers
  const empty = groups.filter((group) => roster.groups.get(group)?.every(isOut) ?? false)
  return [
    ...(looked?.up.flatMap(({ problems }) => problems) ?? []),
    ...empty.map((group) => `the group ${group} has nobody else who could`),
    ...users.filter((who) => roster.barred.has(who)).map((who) => `${who} is no full, active member`),
  ]
}

/**
 * Why these terms can never get their approvals, as a node of the explanation; null when they can, and where that is
 * not known.
 */
export function tooFewApprovers(terms: Terms, requester: Person, roster: Roster): Reason | null {
  const { stages, selfApproval } = terms
  const isOut = (who: string) => roster.barred.has(who) || (!selfApproval && who === requester.userId)
  const needed = approvalsOf(terms)
  const voices = stages.map((stage, at) =>
    voicesIn(stage, at, roster, needed).filter(({ who }) => !isOut(who)),
  )
  const could = mostApprovals(stages, voices)
  if (could >= needed) return null
  const alone = stages.map((stage, at) => mostApprovals([stage], [voices[at] ?? []]))
  const short = stages.filter(({ approvals }, at) => (alone[at] ?? 0) < approvals)
  const why =
    short.length > 0
      ? [...new Set(short.flatMap((stage) => lacks(stage, isOut, roster)))]
      : ['each person counts for one stage only']
  return {
    check: 'enough people to approve',
    result: 'no',
    because: `${shortText(terms, could)}${why.length > 0 ? `: ${why.join('; ')}` : ''}`,
    children: stages.map((stage, at) => ({
      check: `stage ${at + 1}`,
      result: (alone[at] ?? 0) < stage.approvals ? 'no' : 'yes',
      because: `${alone[at] ?? 0} of the ${stage.approvals} approvals${stage.fromDifferentGroups ? ' from different groups' : ''} could be given`,
      children: [],
    })),
  }
}

/** The same answer as a refusal: the rule that decided keeps its place in the explanation. */
export function refusedFor(lack: Reason, verdict: Verdict, terms: Terms): Verdict {
  const { tree } = verdict
  const children = tree.children.map((node): Reason => {
    if (node.check !== terms.rule) return node
    const because = `${lack.check}: ${lack.because}`
    return { ...node, result: 'no', because, children: [...node.children, lack] }
  })
  return {
    ...verdict,
    outcome: 'deny',
    terms: null,
    tree: {
      ...tree,
      result: 'no',
      because: `the rule “${terms.rule}” applies, but ${lack.because}`,
      children,
    },
  }
}
