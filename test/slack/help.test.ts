import { expect, it } from 'vitest'
import { parseCommand } from '../../src/core/command.ts'
import { parsePanic } from '../../src/core/panic-command.ts'
import { builtInServices } from '../../src/core/service.ts'
import { helpText } from '../../src/slack/commands/help.ts'

/** What stands alone is the name of a command, and what has `<` in it is its form. */
const examples = [...helpText(builtInServices).matchAll(/`\/jit ([^\s`]+ [^`&]+)`/g)].map(
  ([, text]) => text ?? '',
)

it('shows an example of everything that may be asked', () => {
  const kinds = examples.map((text) => parseCommand(text, builtInServices))
  expect(kinds.map(({ kind }) => kind)).toEqual([
    'ask',
    'ask',
    'ask',
    'ask',
    'why',
    'forget',
    'extend',
    'ask',
    'panic',
    'panic',
    'protect',
    'unprotect',
    'protect',
    'vms',
  ])
  expect(kinds.some((command) => command.kind === 'ask' && command.start !== null)).toBe(true)
  expect(kinds.some((command) => command.kind === 'ask' && command.emergency)).toBe(true)
  expect(parsePanic(examples.at(-6) ?? '')).toMatchObject({ kind: 'begin', scope: { kind: 'all' } })
  expect(parsePanic(examples.at(-5) ?? '')).toMatchObject({ kind: 'lift' })
})
