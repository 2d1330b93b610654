import { type AddressList, addressDenials } from './core/address-policy.ts'
import { mostAddresses, type Policy } from './core/policy.ts'
import { addressOf } from './policy-address.ts'
import { denyOf, ruleOf, servicesOf } from './policy-rules.ts'
import { fileShape, keysAt, ruleShape } from './policy-shape.ts'
import { at, type FileProblem, type Flaw, fewer, flawsOf, readYaml } from './policy-yaml.ts'

export type PolicyAnswer =
  | {
      readonly ok: true
      readonly policy: Policy
      /** The file as plain values, and where each of them stands. */
      readonly raw: unknown
      readonly problemOf: (flaw: Flaw) => FileProblem
      /** Lists of addresses that stand in files of their own. */
      readonly neverFiles: readonly string[]
    }
  | { readonly ok: false; readonly problems: readonly FileProblem[] }

const hour = 3_600_000
const defaultRemember = 12 * hour

/** A name stands for one rule in the audit trail, so refusals and rules share one set of names. */
function duplicateNames(
  lists: readonly (readonly [string, readonly ({ name: string } | null)[]])[],
  flaws: Flaw[],
) {
  const firsts = new Map<string, string>()
  for (const [list, rules] of lists) {
    for (const [index, rule] of rules.entries()) {
      if (!rule) continue
      const first = firsts.get(rule.name)
      if (first === undefined) firsts.set(rule.name, `${list}[${index}]`)
      else
        flaws.push({ path: [list, index, 'name'], message: `“${rule.name}” is the name of ${first} already` })
    }
  }
}

/** What can be said about the rules that are well formed while something else in the file is not. */
function flawsBeside(raw: unknown): Flaw[] {
  const rules = at(raw, ['rules'])
  const services = fileShape.shape.services.safeParse(at(raw, ['services']))
  const defaults = fileShape.shape.defaults.safeParse(at(raw, ['defaults']))
  if (!Array.isArray(rules) || !services.success || !defaults.success) return []
  const known = servicesOf(services.data)
  const good = rules.map((rule: unknown) => ruleShape.safeParse(rule).data ?? null)
  const flaws: Flaw[] = []
  duplicateNames([['rules', good]], flaws)
  for (const [index, rule] of good.entries())
    if (rule) ruleOf(defaults.data, rule, known, ['rules', index], flaws)
  return flaws
}

/**
 * Reads a policy file. `hash` identifies the exact text. All problems are named at once, each with its line,
 * its path, the bad value and what would be allowed. `lists` is what the files hold that it names.
 */
export function parsePolicy(text: string, hash: string, lists: readonly AddressList[] = []): PolicyAnswer {
  const yaml = readYaml(text)
  if (!yaml.ok) return yaml
  const { raw, problemOf } = yaml
  const answer = policyOf(raw, hash, lists)
  if ('policy' in answer) return { ok: true, ...answer, raw, problemOf }
  return { ok: false, problems: fewer(answer.flaws.map(problemOf)) }
}

function policyOf(
  raw: unknown,
  hash: string,
  lists: readonly AddressList[],
): { policy: Policy; neverFiles: readonly string[] } | { flaws: readonly Flaw[] } {
  const parsed = fileShape.safeParse(raw)
  if (!parsed.success)
    return {
      flaws: [...parsed.error.issues.flatMap((issue) => flawsOf(issue, raw, keysAt)), ...flawsBeside(raw)],
    }
  const file = parsed.data
  const flaws: Flaw[] = []
  const refusals = file.deny ?? []
  duplicateNames(
    [
      ['deny', refusals],
      ['rules', file.rules],
    ],
    flaws,
  )
  const services = servicesOf(file.services)
  const deny = refusals.map((rule, index) => denyOf(rule, services, ['deny', index], flaws))
  const rules = file.rules.map((rule, index) =>
    ruleOf(file.defaults, rule, services, ['rules', index], flaws),
  )
  const said = at(raw, ['address', 'ranges'])
  const names = typeof said === 'object' && said !== null ? Object.keys(said) : []
  const address = addressOf(file.address, names, mostAddresses({ rules }), lists, flaws)
  if (flaws.length > 0) return { flaws }
  const policy: Policy = {
    hash,
    services,
    deny: [...deny, ...(address ? addressDenials(address) : [])],
    rules,
    auditChannel: file.audit.channel,
    pages: {
      channel: file.pages?.channel ?? file.audit.channel,
      users: file.pages?.users ?? [],
      groups: file.pages?.groups ?? [],
    },
    operators: { users: file.operators?.users ?? [], groups: file.operators?.groups ?? [] },
    addressWindowMs: file.address?.remember ?? defaultRemember,
    showTags: file.card?.showTags ?? [],
    ...(file.digest && { digest: file.digest }),
    ...(address && { address }),
  }
  return { policy, neverFiles: file.address?.neverFiles ?? [] }
}
