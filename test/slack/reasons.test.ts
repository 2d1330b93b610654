import { expect, it } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import { reasonLines } from '../../src/slack/reasons.ts'
import { policy, subject, terms } from '../support/cases.ts'

const rule = {
  name: 'a colleague agrees',
  match: { vm: { name: ['db-*'] }, requester: {} },
  reason: { kind: 'optional' },
  quota: {},
  extension: { kind: 'same' },
  terms: terms(),
} as const
const freeze = { name: 'a freeze is on', match: { vm: {}, requester: {} } }
const quiet = { name: 'it is about the vault', match: { vm: { name: ['vault'] }, requester: {} } }

it('a refusal that applies is all that is said', () => {
  const { tree } = evaluate(policy([rule], [quiet, freeze]), subject())
  expect(reasonLines(tree)).toEqual(['The policy says no: access is refused if a freeze is on.'])
})

it('refusals that do not apply are no reason', () => {
  const { tree } = evaluate(policy([rule], [quiet]), subject())
  expect(reasonLines(tree)).toEqual([
    'The policy says no: no rule of the policy matches.',
    '• The rule “a colleague agrees” does not fit:',
    '\u2003– the VM’s name: vm-jump01 is not among db-*',
  ])
})

it('a rule that applies fits; it is its limit that refuses', () => {
  const other = { ...rule, name: 'anybody asks', match: { vm: {}, requester: {} } }
  const { tree } = evaluate(policy([rule, other]), subject({ durationMs: 99 * 3_600_000 }))
  const [headline, ...lines] = reasonLines(tree)
  expect(headline).toMatch(
    /^The policy says no: the rule “anybody asks” applies, but the duration: .*; ask for at most /,
  )
  expect(lines.slice(0, 3)).toEqual([
    '• The rule “a colleague agrees” does not fit:',
    '\u2003– the VM’s name: vm-jump01 is not among db-*',
    '• The rule “anybody asks” applies, but refuses:',
  ])
})
