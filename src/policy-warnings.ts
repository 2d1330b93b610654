import { canSuffice, type MembersOf } from './core/can-suffice.ts'
import { anything, matchCovers } from './core/coverage.ts'
import type { Policy, PolicyRule } from './core/policy.ts'
import type { Flaw, Place } from './policy-yaml.ts'

type Wrong = { readonly exists: boolean; readonly why: string } | null

/** What can be said about people and groups once Slack has been asked; null where it has nothing to say. */
export interface People {
  readonly user: (id: string) => Wrong
  readonly group: (id: string) => Wrong
  readonly membersOf: MembersOf
}

/** Nobody was asked. */
export const unasked: People = { user: () => null, group: () => null, membersOf: () => null }

const coveringAll = ({ deny }: Policy): number[] =>
  deny.flatMap(({ match }, index) => (matchCovers(match, anything) ? [index] : []))

/** Why a rule can never decide, or null. A rule with a quota lets the next ones decide when it is used up. */
function unreachable({ deny, rules }: Policy, rule: PolicyRule, index: number): string | null {
  const refusal = deny.findIndex(({ match }) => matchCovers(match, rule.match))
  if (refusal >= 0)
    return `can never apply, because the refusal “${deny[refusal]?.name}” (deny[${refusal}]) covers everything that fits it; narrow one of the two`
  const earlier = rules
    .slice(0, index)
    .findIndex(({ match, quota }) => Object.keys(quota).length === 0 && matchCovers(match, rule.match))
  if (earlier < 0) return null
  return `can never apply, because “${rules[earlier]?.name}” (rules[${earlier}]) decides everything that fits it; move this rule above it, or narrow that one`
}

/** Requesters whom the rule names one by one, and who therefore surely ask. */
const namedRequesters = ({ match: { requester } }: PolicyRule): readonly string[] =>
  requester.groups || requester.entraGroups ? [] : (requester.users ?? [])

function tooFew(rule: PolicyRule, { membersOf }: People): string[] {
  const { stages, selfApproval } = rule.terms
  if (!canSuffice(stages, membersOf))
    return [
      'asks for more different people than may approve it; name more approvers, or ask for fewer approvals',
    ]
  if (selfApproval) return []
  return namedRequesters(rule)
    .filter((id) => !canSuffice(stages, membersOf, id))
    .map(
      (id) =>
        `names ${id} as requester, and too few others may approve what they ask for; name more approvers, or ask for fewer approvals`,
    )
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** Where people and groups are named: in lists called `users` and `groups`, wherever they stand. */
function* named(
  value: unknown,
  path: Place,
): Generator<{ path: Place; list: 'users' | 'groups'; id: string }> {
  if (isList(value)) for (const [index, item] of value.entries()) yield* named(item, [...path, index])
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      // These hold words of the operator’s own, and no ids.
      if (key === 'tags' || key === 'ranges' || (path.length === 0 && key === 'services')) continue
      if ((key === 'users' || key === 'groups') && isList(inner)) {
        for (const [index, id] of inner.entries())
          if (typeof id === 'string') yield { path: [...path, key, index], list: key, id }
      } else yield* named(inner, [...path, key])
    }
  }
}

/** Everybody whom the file names, each once. */
export function namedIn(raw: unknown): { readonly users: string[]; readonly groups: string[] } {
  const all = [...named(raw, [])]
  const ids = (of: 'users' | 'groups') => [
    ...new Set(all.filter(({ list }) => list === of).map(({ id }) => id)),
  ]
  return { users: ids('users'), groups: ids('groups') }
}

function strangers(raw: unknown, people: People): Flaw[] {
  return [...named(raw, [])].flatMap(({ path, list, id }) => {
    const wrong = list === 'users' ? people.user(id) : people.group(id)
    // Whoever is kept out may well be a guest, or somebody who has left.
    const keptOut = path.includes('not') || path[0] === 'deny'
    if (wrong === null || (keptOut && wrong.exists)) return []
    return [{ path, message: `${wrong.why} (found ${JSON.stringify(id)})` }]
  })
}

/** What is well formed and still cannot work. `raw` is the file as plain values. */
export function warningsOf(policy: Policy, raw: unknown, people: People): readonly Flaw[] {
  const all = coveringAll(policy)
  const everything = all.map((index) => ({
    path: ['deny', index],
    message: 'refuses everything, so no rule can ever apply; say which VMs, people or times it is about',
  }))
  return [
    ...everything,
    ...policy.rules.flatMap((rule, index) => {
      const never = all.length > 0 ? null : unreachable(policy, rule, index)
      const messages = [...(never === null ? [] : [never]), ...tooFew(rule, people)]
      return messages.map((message) => ({ path: ['rules', index, 'name'], message }))
    }),
    ...strangers(raw, people),
  ]
}
