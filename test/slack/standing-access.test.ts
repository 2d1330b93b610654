import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { groups, type JudgedVm } from '../../src/core/compliance.ts'
import { type AskedConversion, askedConversion } from '../../src/core/conversion.ts'
import type { Conversion } from '../../src/core/convert.ts'
import { breadths } from '../../src/core/exposure.ts'
import type { Digest, HomeView, VmsView } from '../../src/core/overview.ts'
import { changesSince, kept, standingAccess } from '../../src/core/standing.ts'
import { azRule, azValues } from '../../src/slack/az-command.ts'
import type { Shown } from '../../src/slack/blocks.ts'
import { conversionMessage } from '../../src/slack/conversion.ts'
import { conversionCard, conversionNews } from '../../src/slack/conversion-card.ts'
import { digestMessage } from '../../src/slack/digest.ts'
import { homeView } from '../../src/slack/home.ts'
import { vmsAnswer } from '../../src/slack/vms.ts'
import { alice, bob } from '../support/cases.ts'
import { rule } from '../support/exposures.ts'
import { complaintsAbout } from '../support/fake-slack/block-limits.ts'
import { refusalOf } from '../support/fake-slack/view-limits.ts'
import { anyCase, words } from './any-case.ts'

const noon = Date.UTC(2026, 10, 23, 12)
const token = /<(?:@[UW][A-Z0-9]+|!date\^\d+\^[a-z_{} ]+\|[^<>|]*)>/g

const exposure = fc.record({
  ports: fc.constantFrom(
    [{ number: 3389, protocol: 'tcp' as const }],
    [
      { number: 22, protocol: 'tcp' as const },
      { number: 53, protocol: 'udp' as const },
    ],
  ),
  breadth: fc.constantFrom(...breadths),
  rules: fc.array(
    fc.record({
      nsgId: words,
      name: words,
      priority: fc.constant(300),
      sources: fc.array(words, { maxLength: 5 }),
    }),
    { maxLength: 3 },
  ),
})
const judged = fc.record({
  vm: fc.record({
    // Made by Azure of names that it limits.
    id: fc.constant('/subscriptions/s1/resourcegroups/rg-a/providers/microsoft.compute/virtualmachines/vm-a'),
    name: words,
    resourceGroup: words,
    subscriptionId: words,
    subscriptionName: words,
    location: fc.constant('westeurope'),
    os: fc.constant(null),
    tags: fc.constant({}),
  }),
  power: fc.option(words),
  publicAddresses: fc.array(fc.constant('52.1.1.1'), { maxLength: 1 }),
  group: fc.constantFrom(...groups),
  why: fc.option(words),
  guardedBy: fc.option(
    fc.oneof(
      fc.record({
        kind: fc.constant('defender' as const),
        policy: words,
        lastAccess: fc.constant(null),
      }),
      fc.record({ kind: fc.constant('policy file' as const), rule: words }),
    ),
  ),
  exposures: fc.array(exposure, { maxLength: 2 }),
  doubt: fc.boolean(),
  bare: fc.boolean(),
})
const lastAccess = fc.option(
  fc.record({
    at: fc.constant(noon),
    by: fc.oneof(fc.record({ name: words }), fc.record({ userId: fc.constantFrom('U0ALICE', '<!channel>') })),
  }),
)
const unread = fc.array(fc.record({ subscriptionId: words, name: words, why: words }), { maxLength: 6 })
const vmsView = fc
  .record({ filter: words, unread, vms: fc.array(fc.tuple(judged, lastAccess), { maxLength: 40 }) })
  .map(
    ({ vms, ...rest }): VmsView => ({
      ...rest,
      vmsAt: noon,
      rulesAt: noon,
      groups: groups.map((group) => ({
        group,
        total: 100,
        vms: vms
          .filter(([vm]) => vm.group === group)
          .slice(0, 10)
          .map(([vm, last]) => ({ ...vm, lastAccess: last })),
      })),
    }),
  )

function expectHarmless(text: string) {
  const rest = text.replaceAll(token, '')
  expect(rest).not.toMatch(/[<>]/)
  expect(rest).not.toMatch(/&(?!amp;|lt;|gt;)/)
}

function expectGood({ text, blocks }: Shown) {
  expect(complaintsAbout(structuredClone(blocks), 'message')).toEqual([])
  expectHarmless(text)
  for (const [, shown] of JSON.stringify(blocks).matchAll(/"mrkdwn","text":("(?:[^"\\]|\\.)*")/g))
    expectHarmless(String(JSON.parse(shown ?? '""')))
}

const digestOf = (all: readonly JudgedVm[], before: readonly JudgedVm[]): Digest => {
  const now = standingAccess(all)
  return {
    at: noon,
    since: before.length > 0 ? noon : null,
    view: { total: now.length, shown: now, bare: all.filter(({ bare }) => bare) },
    changes: changesSince(standingAccess(before).map(kept), now, () => false),
    rulesAt: null,
    vmsAt: noon,
    unread: [],
    doubtful: 3,
  }
}

describe('whatever Azure’s names are', () => {
  test('the answer to /jit vms is one that Slack takes, with nobody’s markup in it', () => {
    fc.assert(
      fc.property(vmsView, (view) => expectGood(vmsAnswer(view))),
      { numRuns: 60 },
    )
  })

  test('so is the Home', () => {
    const home = fc.record({
      vms: vmsView,
      own: fc.array(anyCase, { maxLength: 5 }),
      all: fc.array(judged, { maxLength: 15 }),
    })
    fc.assert(
      fc.property(home, ({ vms, own, all }) => {
        const shown = standingAccess(all).slice(0, 15)
        const view: HomeView = { at: noon, own, vms, standing: { total: 99, shown, bare: all } }
        expect(refusalOf(structuredClone(homeView(view)), 'home')).toBeUndefined()
      }),
      { numRuns: 60 },
    )
  })

  test('so is the digest', () => {
    const lists = fc.array(judged, { maxLength: 30 })
    fc.assert(
      fc.property(lists, lists, fc.boolean(), (all, before, repeat) => {
        expectGood(digestMessage(digestOf(all, before), repeat))
      }),
      { numRuns: 60 },
    )
  })

  test('so is a proposal', () => {
    const anyRule = fc
      .record({ name: words, description: words, sources: fc.array(words), ports: fc.array(words) })
      .map(({ name, ...rest }) => rule(name, 300, rest))
    const change = fc.record({
      nsgId: words,
      rule: anyRule,
      vms: fc.nat(3),
      kind: fc.constantFrom('sources' as const, 'ports' as const, 'delete' as const),
      to: fc.array(words),
    })
    fc.assert(
      fc.property(
        judged,
        fc.array(change, { maxLength: 20 }),
        fc.option(words),
        words,
        (one, changes, askBy, said) => {
          const { vm, exposures: open, doubt } = one
          const conversion: Conversion = { vm, at: noon, open, changes, left: open, doubt, askBy }
          for (const asking of [null, { mark: 'm1' }, { why: 'Ask <@U0ALEX>.' }])
            expectGood(conversionMessage(conversion, asking))
          const asked = askedConversion(conversion, { id: 'c1', by: alice, at: noon })
          expectGood(conversionCard(asked))
          for (const state of ['agreed', 'done', 'void', 'kept'] as const) {
            const after = { at: noon, open, doubt, askBy, unread: askBy }
            const settled: AskedConversion = {
              ...asked,
              state: state === 'agreed' || state === 'kept' ? state : 'ended',
              decided: { by: bob, at: noon },
              changes: asked.changes.map((each) => ({ ...each, state, at: noon, detail: said, met: said })),
              ...(state === 'done' && { after }),
            }
            expectGood(conversionCard(settled))
            expectGood(conversionNews(settled))
          }
        },
      ),
      { numRuns: 60 },
    )
  }, 120_000)
})

describe('a command for a shell', () => {
  const nsgId =
    '/subscriptions/s1/resourcegroups/rg-a/providers/microsoft.network/networksecuritygroups/nsg-a'
  test('names the rule and quotes what a shell would read', () => {
    expect(azRule('update', { nsgId, name: 'rdp' })).toBe(
      'az network nsg rule update --subscription s1 --resource-group "rg-a" --nsg-name nsg-a --name rdp',
    )
    expect(azValues('source-address-prefixes', ['*', '10.0.0.0/8', '2a02::/16'])).toBe(
      "--source-address-prefixes '*' 10.0.0.0/8 2a02::/16",
    )
  })

  test.each(['a;b', 'a b', '$(a)', '`a`', '-a', "a'b", 'a|b', 'a\nb', ''])(
    'is none with %j in it',
    (text) => {
      expect(azRule('delete', { nsgId, name: text })).toBeNull()
      expect(azRule('delete', { nsgId: nsgId.replace('nsg-a', text), name: 'rdp' })).toBeNull()
      expect(azValues('source-address-prefixes', ['10.0.0.0/8', text])).toBeNull()
    },
  )
})
