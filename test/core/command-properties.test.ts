import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCommand } from '../../src/core/command.ts'
import { builtInServices } from '../../src/core/service.ts'
import { visible } from '../../src/core/typed-text.ts'

const parse = (text: string) => parseCommand(text, builtInServices)

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        'rdp',
        'ssh,',
        'vm1',
        '30m',
        'until',
        '18:00',
        'from',
        'because',
        '*',
        '`',
        '_',
        '<',
        '|',
        '>',
        '&lt;',
        '30',
        ',',
      ),
    )
    .map((parts) => parts.join(' ')),
)

describe('whatever is typed', () => {
  it('is answered, with an example that is itself understood', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const command = parse(text)
        if (command.kind !== 'mistake') return
        expect(command.wrong.length).toBeLessThan(400)
        const again = parse(command.example.replace('/jit ', ''))
        expect(again, command.example).toMatchObject({ kind: expect.not.stringMatching(/mistake/) })
      }),
    )
  })

  it('never lets a hidden character through to a reason or a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const command = parse(`rdp vm1 30m because x${text}`)
        const kept = command.kind === 'ask' ? (command.reason ?? '') : ''
        expect(kept).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        expect(Array.from(kept).length).toBeLessThanOrEqual(300)
      }),
    )
  })

  it('is tidied the same way twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(visible(text))).toBe(visible(text))
      }),
    )
  })
})
