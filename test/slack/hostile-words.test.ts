import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../src/core/audit.ts'
import type { Refusal } from '../../src/core/refusal.ts'
import { auditLine } from '../../src/slack/audit-line.ts'
import { context, fields, header, quoted, type Shown, section } from '../../src/slack/blocks.ts'
import { mirrorCard, requestCard } from '../../src/slack/cards.ts'
import { helpText } from '../../src/slack/commands/help.ts'
import { noteMessage } from '../../src/slack/notes.ts'
import { onlyOurTokens, refusalAnswer } from '../../src/slack/words.ts'
import { complaintsAbout } from '../support/fake-slack/block-limits.ts'
import { alice, noon } from './a-case.ts'
import { anyCase, anyMoment, anyNote, words } from './any-case.ts'

const ourToken =
  /<(?:@(?:U0ALICE|U0BOB|W0CAROL)|!subteam\^S0OPS|!date\^\d+\^[a-z_{} ]+\|\d{4}-\d\d-\d\d \d\d:\d\d UTC)>/g
const hidden = /[\p{Cf}\p{Cs}\p{Co}]|(?!\n)\p{Cc}|[\p{Zl}\p{Zp}]/u

/** Nothing that people wrote may be read as Slack's markup: only tokens that we made may stand. */
function expectHarmless(markup: string) {
  const rest = markup.replaceAll(ourToken, '')
  expect(rest).not.toMatch(/[<>]/)
  expect(rest).not.toMatch(/&(?!amp;|lt;|gt;)/)
  expect(markup).not.toMatch(hidden)
}

interface Piece {
  readonly type: string
  readonly text: string
  /** Without it Slack makes links and mentions out of words that only look like them. */
  readonly verbatim: boolean
}

function texts(value: unknown): Piece[] {
  if (typeof value !== 'object' || value === null) return []
  const own =
    'type' in value && 'text' in value && typeof value.text === 'string'
      ? [
          {
            type: String(value.type),
            text: value.text,
            verbatim: 'verbatim' in value && value.verbatim === true,
          },
        ]
      : []
  return [...own, ...Object.values(value).flatMap(texts)]
}

function expectGood(shown: Shown) {
  expect(complaintsAbout(structuredClone(shown.blocks), 'message')).toEqual([])
  expect(shown.text.length).toBeLessThanOrEqual(4000)
  expectHarmless(shown.text)
  for (const { type, text, verbatim } of texts(shown.blocks)) {
    expect(verbatim).toBe(type === 'mrkdwn')
    if (type === 'mrkdwn') expectHarmless(text)
    else expect(text).not.toMatch(hidden)
  }
}

const cases = { numRuns: 300 }

describe('whatever people and Azure write', () => {
  it('the card stays within Slack’s limits and reads no markup in it', () => {
    fc.assert(
      fc.property(anyCase, anyMoment, fc.array(words, { maxLength: 10 }), (kase, now, showTags) => {
        expectGood(requestCard(kase, now, { showTags: [...showTags, ...Object.keys(kase.request.vm.tags)] }))
      }),
      cases,
    )
  })

  it('so does the requester’s message', () => {
    fc.assert(
      fc.property(anyCase, anyMoment, (kase, now) => expectGood(mirrorCard(kase, now))),
      cases,
    )
  })

  it('so does every note', () => {
    fc.assert(
      fc.property(
        anyCase,
        anyNote,
        anyMoment,
        fc.constantFrom('thread', 'requester'),
        fc.boolean(),
        (kase, note, now, to, repeat) => {
          const shown = noteMessage(kase, note, now, to, repeat)
          if (shown !== null) expectGood(shown)
        },
      ),
      cases,
    )
  })

  it('so does every line of the audit trail, and it stays one line', () => {
    const details = fc.dictionary(
      fc.constantFrom(
        'requester',
        'vm',
        'ports',
        'source',
        'learnt',
        'durationMs',
        'rule',
        'reason',
        'detail',
        'expiresAt',
        'latenessMs',
        'approvals',
        'needed',
      ),
      fc.oneof(words, fc.integer(), fc.double(), fc.constant(null), fc.array(words)),
    )
    fc.assert(
      fc.property(details, words, words, fc.boolean(), (given, requestId, hash, repeat) => {
        const record: AuditRecord = {
          seq: 41,
          type: 'grant.closed',
          at: noon,
          requestId,
          grantId: null,
          actor: alice,
          details: given,
          previous: '',
          hash,
        }
        const line = auditLine(record, repeat)
        expect(line).not.toContain('\n')
        expectGood({ text: line, blocks: [section(line)] })
      }),
      cases,
    )
  })

  it('refusals and help are harmless too', () => {
    const refusal: fc.Arbitrary<Refusal> = fc.oneof(
      fc.record({ code: fc.constant('not a member' as const), why: words }),
      fc.record({ code: fc.constant('policy changed' as const), because: words }),
      fc.record({
        code: fc.constant('not an approver' as const),
        users: fc.array(words, { maxLength: 40 }),
        groups: fc.array(words, { maxLength: 40 }),
        problems: fc.array(words, { maxLength: 9 }),
      }),
    )
    fc.assert(
      fc.property(refusal, words, (given, name) => {
        expectHarmless(refusalAnswer(given))
        expectHarmless(helpText([{ name, ports: [{ number: 22, protocol: 'tcp' }] }]))
      }),
      cases,
    )
  })

  it('a text of any length fits where it stands', () => {
    for (const length of [0, 1, 1999, 2000, 2001, 3000, 3001, 99_999]) {
      const text = 'a'.repeat(length)
      const blocks = [header(text), section(text || '–'), ...fields([['Name', text]]), context([text || '–'])]
      expect(complaintsAbout([...blocks, quoted('Reason', text)], 'message')).toEqual([])
    }
  })

  it('the last fence lets our own tokens through and nothing else', () => {
    const dated = `<!date^${noon / 1000}^{time} on {date_short}|2026-11-22 12:00 UTC>`
    const ours = `<@U0ALICE> of <!subteam^S0OPS> at ${dated}`
    expect(onlyOurTokens(ours)).toBe(ours)
    expect(onlyOurTokens('<!channel> <https://evil.example|x> a<b>')).toBe(
      '&lt;!channel&gt; &lt;https://evil.example|x&gt; a&lt;b&gt;',
    )
  })
})
