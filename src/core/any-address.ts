import { addressDenials } from './address-policy.ts'
import { factsOf } from './check.ts'
import { evaluate } from './evaluate.ts'
import { fitsAll, readyPolicy, refuses } from './pick.ts'
import type { DenyRule, Match, Policy, PolicyRule, Subject, Verdict } from './policy.ts'

/** What the policy says before it is known where somebody comes from. */
export type Anyway =
  /** Denied from every address. */
  | { readonly kind: 'denied'; readonly because: string }
  /** The same from every address that may come in at all. */
  | { readonly kind: 'same'; readonly verdict: Verdict }
  | { readonly kind: 'depends' }

/** Whether a rule turns on something that is not known yet: the address, or a role that is asked for with it. */
const isUnsure = ({ source, azureRole, not }: Match): boolean =>
  source !== undefined || azureRole !== undefined || not?.source !== undefined

function without({ source: _source, azureRole: _role, not, ...match }: Match): Match {
  if (!not) return match
  const { source: _, ...left } = not
  return { ...match, not: left }
}

const bare = <R extends PolicyRule | DenyRule>(rule: R): R => ({ ...rule, match: without(rule.match) })

interface Bare {
  /** The policy as if no rule said anything of the address. */
  readonly policy: Policy
  readonly unsureRules: ReadonlySet<string>
  readonly unsureDenials: ReadonlySet<string>
}

const bared = new WeakMap<Policy, Bare>()

const namesOf = (rules: readonly (PolicyRule | DenyRule)[]): ReadonlySet<string> =>
  new Set(rules.filter(({ match }) => isUnsure(match)).map(({ name }) => name))

function bareOf(policy: Policy): Bare {
  const known = bared.get(policy)
  if (known) return known
  const { deny, rules, address } = policy
  // An address that never comes in is turned away on the page; it decides nothing of what is asked for.
  const never = new Set(address ? addressDenials(address).map(({ name }) => name) : [])
  const told = deny.filter(({ name }) => !never.has(name))
  const made = {
    policy: { ...policy, deny: told.map(bare), rules: rules.map(bare) },
    unsureRules: namesOf(rules),
    unsureDenials: namesOf(told),
  }
  bared.set(policy, made)
  return made
}

/** In the place of an address that is not known; no rule that is left looks at it. */
const nowhere: Subject['source'] = { address: '', learnt: 'confirmed' }

/**
 * Judges without an address as far as that can be done. A rule that turns on the address may fit or not, so it is
 * reckoned with both: it denies nobody for certain, and what it would refuse as well is refused from everywhere.
 */
export function anyAddress(policy: Policy, asked: Omit<Subject, 'source'>): Anyway {
  const { policy: known, unsureRules, unsureDenials } = bareOf(policy)
  const subject: Subject = { ...asked, source: nowhere }
  const facts = factsOf(subject)
  const { deny, rules } = readyPolicy(known)
  const refusing = deny.filter((one) => refuses(one, facts)).map(({ rule }) => rule)
  const sure = refusing.find(({ name }) => !unsureDenials.has(name))
  if (sure) return { kind: 'denied', because: `access is refused if ${sure.name}` }
  const tried: string[] = []
  for (const { rule } of rules.filter((one) => fitsAll(one, facts))) {
    const alone = evaluate({ ...known, deny: [], rules: [rule] }, subject)
    const unsure = unsureRules.has(rule.name)
    if (alone.outcome !== 'deny')
      return unsure || tried.length > 0 || refusing.length > 0
        ? { kind: 'depends' }
        : { kind: 'same', verdict: alone }
    tried.push(unsure ? alone.tree.because.replace('” applies, but', '” may apply, but') : alone.tree.because)
    if (!unsure) break
  }
  return { kind: 'denied', because: tried.join('; ') || 'no rule of the policy matches' }
}
