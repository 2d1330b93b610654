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
