import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import type { PolicyRule } from '../../src/core/policy.ts'
import { parsePolicy } from '../../src/policy-file.ts'
import { policy, subject } from '../support/cases.ts'
import { rule } from '../support/policies.ts'

const answer = (one: PolicyRule, address: string): string => {
  const { outcome, tree } = evaluate(policy([one]), subject({ source: { address, learnt: 'typed' } }))
  return `${outcome}: ${tree.because}`
}

describe('how many addresses a rule lets in at once', () => {
  it('as many as it says, and one when it says nothing', () => {
    const { maxAddresses: _, ...one } = rule('anyone asks')
    const office = { ...one, name: 'an office asks', maxAddresses: 16 }
    expect([
      answer(office, '81.2.69.128/28'),
      answer(office, '81.2.69.128/27'),
      answer(one, '81.2.69.142/31'),
      answer(one, '81.2.69.142'),
    ]).toMatchInlineSnapshot(`
      [
        "needs approval: the rule “an office asks” asks for 1 approval",
        "deny: the rule “an office asks” applies, but how many addresses: 81.2.69.128/27 stands for 32 addresses, more than the 16 that the rule allows at once",
        "deny: the rule “anyone asks” applies, but how many addresses: 81.2.69.142/31 stands for 2 addresses, more than the 1 that the rule allows at once",
        "needs approval: the rule “anyone asks” asks for 1 approval",
      ]
    `)
  })
})

const problems = (line: string) => {
  const read = parsePolicy(
    `version: 1\naudit: { channel: C0A }\nrules:\n  - name: r\n    channel: C0B\n    maxDuration: 1h\n    approvals: 0\n    ${line}\n`,
    'hash',
  )
  return read.ok ? read.policy.rules[0]?.maxAddresses : read.problems.map(({ message }) => message)
}

describe('in the policy file', () => {
  it.each([
    ['maxAddresses: 16', 16],
    ['reason: optional', undefined],
    ['maxAddresses: 256', 256],
    ['maxAddresses: 0', [expect.stringMatching(/expected number to be >=1/)]],
    ['maxAddresses: 257', [expect.stringMatching(/expected number to be <=256/)]],
  ])('%s: %j', (line, said) => {
    expect(problems(line)).toEqual(said)
  })
})
