import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { parseCommand } from '../../src/core/command.ts'
import { evaluate } from '../../src/core/evaluate.ts'
import { parsePanic } from '../../src/core/panic-command.ts'
import { parsePolicy } from '../../src/policy-file.ts'
import { subject } from '../support/cases.ts'

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
const answer = parsePolicy(await read('demo/policy.yml'), 'demo')
if (!answer.ok) throw new Error(answer.problems.map(({ message }) => message).join('\n'))
const { policy } = answer
const readme = await read('README.md')
const commands = [...readme.matchAll(/`\/jit ([^`<]+)`/g)].map(([, text]) => text ?? '')

describe('what the README says to try in the demo', () => {
  test('breaks the glass where the demo’s policy lets people', () => {
    const text = commands.find((one) => one.startsWith('break-glass')) ?? ''
    expect(parseCommand(text, policy.services)).toMatchObject({ kind: 'ask', emergency: true })
    const asked = subject({ emergency: true, durationMs: 5 * 60_000, vm: { ...subject().vm, tags: {} } })
    expect(evaluate(policy, asked)).toMatchObject({
      outcome: 'allow',
      terms: { emergency: { reviewers: { users: ['U0APPROVER2'] } } },
    })
  })

  test('stops everything and lifts that, as one of the demo’s operators', () => {
    const panics = commands.filter((one) => one.startsWith('panic')).map(parsePanic)
    expect(panics.map(({ kind }) => kind)).toEqual(['begin', 'lift'])
    expect(policy.operators.users).toEqual(['U0APPROVER1', 'U0APPROVER2'])
  })
})
