import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyAddress } from '../../src/core/any-address.ts'
import { evaluate } from '../../src/core/evaluate.ts'
import type { Subject } from '../../src/core/policy.ts'
import { parsePolicy } from '../../src/policy-file.ts'
import { subject } from '../support/cases.ts'

function policy(rules: string, more = '') {
  const text = `version: 1
audit: { channel: C0AUDIT }
${more}
defaults: { channel: C0ASKS, maxDuration: 8h, approvers: { users: [UBOB] } }
rules:
${rules}
`
  const answer = parsePolicy(text, 'h')
  if (!answer.ok) throw new Error(answer.problems.map(({ message }) => message).join('\n'))
  return answer.policy
}

const hours = (count: number): Partial<Subject> => ({ durationMs: count * 3_600_000 })
const said = (of: ReturnType<typeof policy>, but: Partial<Subject> = {}) => {
  const { source: _, ...asked } = subject(but)
  const answer = anyAddress(of, asked)
  return answer.kind === 'denied' ? answer.because : answer.kind
}

const [office, anybody] = [
  '- { name: from the office, source: { within: [81.2.69.0/24] }, maxDuration: 24h }',
  '- { name: a colleague agrees }',
]

describe('what the policy says before an address is known', () => {
  it('answers the same from everywhere where no rule looks at the address', () => {
    expect(said(policy(anybody))).toBe('same')
  })

  it('denies what is too long for the one rule there is', () => {
    expect(said(policy(anybody), hours(24))).toBe(
      'the rule “a colleague agrees” applies, but the duration: 1 d is more than the 8 h that the rule allows; ask for at most 8 h',
    )
  })

  it('depends where a rule for some addresses would take it', () => {
    const both = policy(`${office}\n${anybody}`)
    expect(said(both, hours(24))).toBe('depends')
    expect(said(both)).toBe('depends')
  })

  it('denies what neither the rule for some addresses nor the one for the others takes, and says so of both', () => {
    expect(said(policy(`${office}\n${anybody}`), hours(48))).toMatch(
      /“from the office” may apply, but .*2 d is more than the 1 d .*; the rule “a colleague agrees” applies, but .*2 d is more than the 8 h/,
    )
  })

  it('denies what no rule takes, such as another service or VM', () => {
    expect(said(policy('- { name: for ssh, services: [ssh] }'))).toBe('no rule of the policy matches')
    expect(said(policy('- { name: web, vm: { name: vm-web* }, source: { within: [81.2.69.0/24] } }'))).toBe(
      'no rule of the policy matches',
    )
  })

  it('does not deny by a rule below one that would take it', () => {
    expect(said(policy(`- { name: first }\n- { name: second, maxDuration: 10m }`))).toBe('same')
  })

  it('counts a refusal that names no address, and no other', () => {
    expect(said(policy(anybody, 'deny: [{ name: it is production, vm: { tags: { env: prod } } }]'))).toBe(
      'access is refused if it is production',
    )
    expect(said(policy(anybody, 'deny: [{ name: it is a cloud, source: { within: [20.0.0.0/8] } }]'))).toBe(
      'depends',
    )
    expect(said(policy(anybody, 'address: { never: [20.0.0.0/8], typed: false }'))).toBe('same')
  })

  it('denies breaking the glass where no rule lets anybody', () => {
    expect(said(policy(anybody), { emergency: true })).toMatch(/breaking the glass: the rule does not allow/)
  })

  it('never says otherwise than the policy with any address', () => {
    const rule = fc.constantFrom(
      office,
      anybody,
      '- { name: short, maxDuration: 10m }',
      '- { name: not from there, source: { not: { within: [89.160.20.0/24] } }, maxDuration: 1h }',
      '- { name: only ssh, services: [ssh] }',
      '- { name: said in the browser, source: { kind: [confirmed] }, maxDuration: 12h }',
    )
    const deny = fc.constantFrom('', 'deny: [{ name: elsewhere, source: { within: [85.0.0.0/8] } }]')
    const address = fc.constantFrom('81.2.69.142', '89.160.20.112', '85.214.132.117', '20.1.2.3')
    const learnt = fc.constantFrom('confirmed' as const, 'typed' as const)
    const minutes = fc.constantFrom(5, 30, 90, 600, 900, 3_000)
    fc.assert(
      fc.property(
        fc.uniqueArray(rule, { minLength: 1 }),
        deny,
        address,
        learnt,
        minutes,
        (rules, denied, from, how, length) => {
          const of = policy(rules.join('\n'), denied)
          const { source: _, ...asked } = subject({ durationMs: length * 60_000 })
          const answer = anyAddress(of, asked)
          const { outcome, terms } = evaluate(of, { ...asked, source: { address: from, learnt: how } })
          if (answer.kind === 'denied') expect(outcome).toBe('deny')
          if (answer.kind === 'same')
            expect([outcome, terms?.rule]).toEqual([answer.verdict.outcome, answer.verdict.terms?.rule])
        },
      ),
    )
  })
})
