import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Alarm } from '../../src/core/alarm.ts'
import { hour, minute } from '../../src/core/duration.ts'
import type { Note } from '../../src/core/effect.ts'
import type { Pages } from '../../src/core/policy.ts'
import type { Trouble } from '../../src/ports.ts'
import type { Shown } from '../../src/slack/blocks.ts'
import { noteMessage, type Reader } from '../../src/slack/notes.ts'
import { alarmMessage, stuckPage } from '../../src/slack/pages.ts'
import { complaintsAbout } from '../support/fake-slack/block-limits.ts'
import { cases, grantBase, rule } from './a-case.ts'
import { anyCase, anyMoment, words } from './any-case.ts'
import { heard, seen } from './read.ts'

const end = grantBase.expiresAt
const pages: Pages = { channel: 'C0PAGES', users: ['U0BOB', 'U0CAROL'], groups: ['S0OPS'] }
const nobody: Pages = { ...pages, users: [], groups: [] }
const { nsgId, name } = rule
const locked: Trouble = {
  nsgId,
  name,
  attempts: 7,
  lastError: 'A lock forbids to delete it.',
  deniesAt: null,
}
const fresh: Trouble = {
  nsgId: nsgId.replace('nsg-jump', 'nsg-nic'),
  name,
  attempts: 1,
  lastError: null,
  deniesAt: null,
}
const command = `az network nsg rule delete --subscription 0001 --resource-group "rg-jump" --nsg-name nsg-jump --name ${name}`

const page = (
  kase: keyof typeof cases = 'closing',
  troubles: readonly Trouble[] = [locked],
  now = end + 2 * minute,
  whom = nobody,
) => stuckPage(whom, cases[kase], troubles, now)

/** Each section’s markup, as it is sent. */
const sections = ({ blocks }: Shown) =>
  blocks.flatMap((block) => (block.type === 'section' && block.text ? [block.text.text] : []))
const lines = (shown: Shown) => sections(shown).flatMap((text) => text.split('\n'))

const many = (count: number) => Array.from({ length: count }, () => fresh)

const first = (troubles: readonly Trouble[]) => seen(page('closing', troubles)).split('\n')[1]

describe('a grant that does not close', () => {
  it('says who may still get in, since when, and how to close each rule by hand', () => {
    expect(seen(page('closing', [locked, fresh], end + 2 * minute, pages))).toMatchInlineSnapshot(`
      "
      @bob @carol @ops Not closed: rdp to vm-jump01 for @alice. It should have closed 2026-11-22 12:32 UTC, 2 min ago. 81.2.69.142 may still get in.
      • In nsg-jump, after 7 tries. The last try met: A lock forbids to delete it.
      az network nsg rule delete --subscription 0001 --resource-group "rg-jump" --nsg-name nsg-jump --name jit-g1-1795350720
      • In nsg-nic, after 1 try.
      az network nsg rule delete --subscription 0001 --resource-group "rg-jump" --nsg-name nsg-nic --name jit-g1-1795350720
      I keep trying, and say so again until it is closed. Request r7k3m9x2.
      "
    `)
  })

  it('says that nobody gets in once Azure has shown that each rule that is left denies', () => {
    const denies = (at: number): Trouble => ({ ...locked, deniesAt: at })
    expect(first([denies(end + minute), denies(end)])).toMatchInlineSnapshot(
      `"Not closed: rdp to vm-jump01 for @alice. It should have closed 2026-11-22 12:32 UTC, 2 min ago. Each rule that is left was turned into one that denies, as Azure showed 2026-11-22 12:32 UTC; only the removal is left."`,
    )
    expect(first([denies(end), locked])).toMatch(/ago\. 81\.2\.69\.142 may still get in\.$/)
    expect(first([])).toMatch(/ago\. 81\.2\.69\.142 may still get in\.$/)
  })

  it('calls nothing a try that was never sent', () => {
    const untried: Trouble = { ...fresh, attempts: 0 }
    const [, line] = sections(page('closing', [untried]))
    expect(line).toMatch(/^• In nsg-nic, not tried yet\.\n`az /)
  })

  it('says the same to those who hear it', () => {
    const shown = page('closing', [locked, fresh], end + 2 * minute, pages)
    expect(heard(shown)).toBe(seen(shown).trim())
  })

  it('calls everybody who is named by a mention, and nobody otherwise', () => {
    expect(sections(page('closing', [locked], end + minute, pages))[0]).toMatch(
      /^<@U0BOB> <@U0CAROL> <!subteam\^S0OPS> \*Not closed:\*/,
    )
    expect(sections(page())[0]).toMatch(/^\*Not closed:\*/)
  })

  it('says how late it is by the moment of sending', () => {
    expect(seen(page('closing', [], end + 1))).toContain(
      'It should have closed 2026-11-22 12:32 UTC, 1 min ago.',
    )
    expect(seen(page('closing', [], end + 3 * hour))).toContain(', 3 h ago.')
  })

  it('is not called late before its end', () => {
    const shown = seen(page('changedOutside', [], end - minute))
    expect(shown).toContain('It has been closing since 2026-11-22 12:04 UTC, before its end.')
    expect(shown).toContain('81.2.69.142 may still get in.')
    expect(shown).not.toContain('should have closed')
  })

  it('names eight rules and counts the others', () => {
    expect(lines(page('closing', many(8))).filter((line) => line.startsWith('•'))).toHaveLength(8)
    expect(seen(page('closing', many(8)))).not.toContain('more of this request')
    expect(lines(page('closing', many(9))).filter((line) => line.startsWith('•'))).toHaveLength(8)
    expect(seen(page('closing', many(9)))).toContain('1 rule more of this request cannot be removed so far.')
    expect(seen(page('closing', many(10)))).toContain('2 rules more of this request')
  })
})

describe('the command', () => {
  it('is exactly the one that removes the rule', () => {
    expect(lines(page())).toContain(`\`${command}\``)
  })

  it('knows every character that Azure allows in these names', () => {
    const odd =
      '/subscriptions/0001/resourceGroups/(rg)_a.b-1/providers/Microsoft.Network/networkSecurityGroups/nsg_1.2-3'
    expect(lines(page('closing', [{ ...locked, nsgId: odd }]))).toContain(
      `\`az network nsg rule delete --subscription 0001 --resource-group "(rg)_a.b-1" --nsg-name nsg_1.2-3 --name ${name}\``,
    )
  })

  it.each([
    ['a variable', '$HOME'],
    ['a command', '$(reboot)'],
    ['a command in backticks', '`reboot`'],
    ['the end of the quotes', '"; reboot; "'],
    ['a space', 'a b'],
    ['a backslash', 'a\\'],
    ['history', 'a!1'],
    ['another line', 'a\nreboot'],
    ['a variable of another shell', '%PATH%'],
    ['a letter of another alphabet', 'nsg-straße'],
    ['nothing but length', 'a'.repeat(2_000)],
    ['an option', '-yes'],
  ])('is not written for a name that holds %s', (_, bad) => {
    for (const trouble of [
      { ...locked, name: bad },
      { ...locked, nsgId: nsgId.replace('0001', bad) },
      { ...locked, nsgId: nsgId.replace('rg-jump', bad) },
      { ...locked, nsgId: nsgId.replace(/nsg-jump$/, bad) },
    ]) {
      const shown = page('closing', [trouble])
      expect(JSON.stringify(shown)).not.toContain('az network')
      expect(seen(shown)).toContain('Remove the rule /subscriptions/')
    }
  })

  it('is not written for what does not begin as a resource id, which would be an option', () => {
    expect(JSON.stringify(page('closing', [{ ...locked, nsgId: '--yes' }]))).not.toContain('az network')
  })

  it('stays whole behind whatever error and among however many others', () => {
    const loud = { ...locked, lastError: '<&>'.repeat(500) }
    const shown = page(
      'closing',
      Array.from({ length: 12 }, () => loud),
    )
    expect(lines(shown).filter((line) => line === `\`${command}\``)).toHaveLength(8)
  })
})

const told = (alarm: Alarm) => seen(alarmMessage(pages, alarm, false))

describe('what belongs to no request', () => {
  const stray = { nsgId, name: 'jit-zzzzzzzzzz-1999999999' }

  it('a rule that only looks like ours: it is left alone', () => {
    expect(told({ type: 'not ours', ...stray })).toMatchInlineSnapshot(`
      "
      @bob @carol @ops A rule that looks like one of ours and is not: jit-zzzzzzzzzz-1999999999 in nsg-jump had no description of ours when I looked, so I leave it alone. Find out who wrote it.
      "
    `)
  })

  it('a rule of ours on no record: it is being removed', () => {
    expect(told({ type: 'unknown rule', ...stray })).toMatchInlineSnapshot(`
      "
      @bob @carol @ops A rule of ours that is on no record: jit-zzzzzzzzzz-1999999999 in nsg-jump. I remove such a rule, and the audit trail says when it is gone. Find out who wrote it.
      "
    `)
  })

  it('a rule that does not go: what the last try met, and how to remove it by hand', () => {
    expect(told({ type: 'stuck rule', ...stray, why: 'AuthorizationFailed: no' })).toMatchInlineSnapshot(`
      "
      @bob @carol @ops Not removed: jit-zzzzzzzzzz-1999999999 in nsg-jump, which no access needs, has not been removed for more than a minute. The last try met: AuthorizationFailed: no
      az network nsg rule delete --subscription 0001 --resource-group "rg-jump" --nsg-name nsg-jump --name jit-zzzzzzzzzz-1999999999
      "
    `)
  })

  it('a rule that does not go and whose turn has not come: no try is made up', () => {
    expect(told({ type: 'stuck rule', ...stray, why: null })).toMatchInlineSnapshot(`
      "
      @bob @carol @ops Not removed: jit-zzzzzzzzzz-1999999999 in nsg-jump, which no access needs, has not been removed for more than a minute. That was not tried yet, because its turn has not come.
      az network nsg rule delete --subscription 0001 --resource-group "rg-jump" --nsg-name nsg-jump --name jit-zzzzzzzzzz-1999999999
      "
    `)
  })

  it('clocks that disagree: nothing is opened, and closing goes on', () => {
    const detail = 'this machine’s clock is 6 s ahead of the database’s, so nothing is opened'
    expect(told({ type: 'clocks', detail })).toMatchInlineSnapshot(`
      "
      @bob @carol @ops The clocks disagree: this machine’s clock is 6 s ahead of the database’s, so nothing is opened by this replica. Put the clocks right.
      "
    `)
  })

  it('a policy that is refused: where it is wrong, and that the old one stays', () => {
    const problems = [
      'policy.yml:3:5: rules[0].maxDuration: is missing',
      'policy.yml:9:1: <!channel>: unknown key',
    ]
    expect(told({ type: 'bad policy', problems, more: 2 })).toMatchInlineSnapshot(`
      "
      @bob @carol @ops The changed policy file is refused, because it has mistakes. The policy that was in force stays in force. Mend the file; it is read again as soon as it changes.
      • policy.yml:3:5: rules[0].maxDuration: is missing
      • policy.yml:9:1: <!channel>: unknown key
      • and 2 problems more
      "
    `)
  })

  it('is marked when it may stand there twice', () => {
    const alarm: Alarm = { type: 'not ours', ...stray }
    expect(seen(alarmMessage(pages, alarm, true))).toContain('Find out who wrote it. (may repeat)')
    expect(seen(alarmMessage(nobody, alarm, false))).toMatch(/^\nA rule that looks like/)
  })
})

describe('a closed rule that came back', () => {
  const note: Note = { type: 'came back', at: end + hour, nsgId, name }
  const said = (to: Reader, now: number) => {
    const shown = noteMessage(cases.closed, note, now, to, false)
    return shown === null ? null : seen(shown)
  }

  it('is told as what was, with what an infrastructure tool should leave alone', () => {
    expect(said('thread', end + hour)).toMatchInlineSnapshot(`
      "
      A closed rule was back: rdp to vm-jump01. 2026-11-22 13:32 UTC the rule jit-g1-1795350720 stood in the security group nsg-jump again. Jitney removes such a rule, and the audit trail says when it is gone.
      If Terraform writes this group, let it leave rules of others alone: use separate azurerm_network_security_rule resources, or add lifecycle { ignore_changes = [security_rule] } to the azurerm_network_security_group.
      "
    `)
  })

  it('reads the same for everybody and however late it is told', () => {
    expect(said('requester', end + hour)).toBe(said('thread', end + hour))
    expect(said('thread', end + 9 * hour)).toBe(said('thread', end + hour))
  })
})

/* ---- any input ---- */

const ourToken =
  /<(?:@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+|!date\^\d+\^[a-z_{} ]+\|\d{4}-\d\d-\d\d \d\d:\d\d UTC)>/g
const harmlessCommand =
  /^`az network nsg rule delete --subscription \w[\w-]* --resource-group "[\w(][\w\-.()]*" --nsg-name \w[\w\-.]* --name \w[\w\-.]*`$/

function expectGood(shown: Shown) {
  expect(complaintsAbout(structuredClone(shown.blocks), 'message')).toEqual([])
  expect(shown.text.length).toBeLessThanOrEqual(4000)
  for (const text of [shown.text, ...sections(shown)])
    expect(text.replaceAll(ourToken, '')).not.toMatch(/[<>]/)
  for (const line of lines(shown)) if (line.startsWith('`az ')) expect(line).toMatch(harmlessCommand)
}

describe('whatever people and Azure write', () => {
  const ids = fc.array(fc.oneof(fc.constantFrom('U0BOB', 'S0OPS'), words), { maxLength: 60 })
  const anyPages = fc.record({ channel: fc.constant('C0PAGES'), users: ids, groups: ids })
  const resource = fc.oneof(fc.constantFrom(nsgId, name, '/a', 'a'), words)
  const trouble = fc.record({
    nsgId: fc.oneof(
      resource,
      resource.map((text) => `/${text}`),
    ),
    name: resource,
    attempts: fc.nat(),
    lastError: fc.oneof(fc.constant(null), words),
    deniesAt: fc.oneof(fc.constant(null), anyMoment),
  })
  const alarm: fc.Arbitrary<Alarm> = fc.oneof(
    fc.record({ type: fc.constant('not ours' as const), nsgId: words, name: words }),
    fc.record({ type: fc.constant('unknown rule' as const), nsgId: words, name: words }),
    fc.record({
      type: fc.constant('stuck rule' as const),
      nsgId: words,
      name: words,
      why: fc.oneof(fc.constant(null), words),
    }),
    fc.record({ type: fc.constant('clocks' as const), detail: words }),
    fc.record({
      type: fc.constant('bad policy' as const),
      problems: fc.array(words, { maxLength: 5 }),
      more: fc.nat(45),
    }),
  )

  it('a page keeps Slack’s limits, mentions nobody else, and holds no command but the one', () => {
    fc.assert(
      fc.property(
        anyPages,
        anyCase,
        fc.array(trouble, { maxLength: 20 }),
        anyMoment,
        (whom, kase, troubles, now) => expectGood(stuckPage(whom, kase, troubles, now)),
      ),
      { numRuns: 300 },
    )
  })

  it('so does an alarm', () => {
    fc.assert(
      fc.property(anyPages, alarm, fc.boolean(), (whom, given, repeat) =>
        expectGood(alarmMessage(whom, given, repeat)),
      ),
      { numRuns: 300 },
    )
  })
})
