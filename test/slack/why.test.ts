import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import { whyText } from '../../src/slack/why.ts'
import { ask, policy, subject, vm } from '../support/cases.ts'
import { rule } from '../support/policies.ts'

const text = (rules: readonly ReturnType<typeof rule>[], name = 'vm-jump01') =>
  whyText({
    asked: { ...ask(), vm: vm({ name }) },
    verdict: evaluate(policy(rules), subject({ vm: vm({ name }) })),
    request: null,
  })

describe('why, in Slack', () => {
  it('fits into one message however many rules there are, with what decided', () => {
    const others = Array.from({ length: 200 }, (_, at) =>
      rule(`it is machine ${at}`, { vm: { name: [`x-${at}`] } }),
    )
    const all = text([...others, rule('anything else'), ...others])
    expect(all.length).toBeLessThan(3_900)
    expect(all).toContain('Needs approval: the rule “anything else” asks for 1 approval.')
    expect(all).toContain('yes – anything else\n')
    expect(all).toMatch(/\n\u2003… \d+ lines left out …\n\u2003yes – anything else\n/)
    expect(all).toContain('no – it is machine 0\n')
  })

  it('shows somebody else’s words as words', () => {
    const all = text([rule('<!channel> & <https://evil.example|here>')], '<@U0BOB>')
    expect(all).not.toMatch(/<[!@h]/)
    expect(all).toContain('&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;')
  })
})
