import { describe, expect, it } from 'vitest'
import {
  chooseWay,
  coversPorts,
  defenderDifferences,
  foundRule,
  type Guard,
  isDefenders,
  isDefendersFor,
  justification,
  justificationMark,
  lengthMs,
  type Preference,
} from '../../src/core/defender.ts'
import { compare, isSweepable, type KnownRule } from '../../src/core/reconcile.ts'
import { approvedRequest, bob, carol, clock, live, review, rule } from '../support/cases.ts'

const hour = 3_600_000
const guard: Guard = {
  policyId: '/subscriptions/s1/…/jitNetworkAccessPolicies/default',
  hasPlan: true,
  ports: [
    { number: 3389, protocol: 'any', sources: ['*'], maxMs: 3 * hour },
    { number: 22, protocol: 'tcp', sources: ['81.2.69.0/24', '203.0.113.7'], maxMs: hour },
  ],
}
type Wish = Parameters<typeof chooseWay>[0]
const v4: Wish['source'] = { address: '81.2.69.142', family: 'IPv4' }
const v6: Wish['source'] = { address: '2001:db8::1', family: 'IPv6' }
const tcp = (...numbers: number[]) => numbers.map((number) => ({ number, protocol: 'tcp' as const }))
const wish: Wish = { guard, ports: tcp(3389), source: v4, durationMs: hour }
const defender = { way: 'defender', policyId: guard.policyId }
const nsg = { way: 'nsg' }
const no = (why: RegExp) => ({ way: 'none', why: expect.stringMatching(why) })

describe('the way that a request goes', () => {
  it.each<[string, Partial<Wish>, Preference | undefined, object]>([
    ['under a policy, when nothing is said', {}, undefined, defender],
    ['exactly as long as the policy allows', { durationMs: 3 * hour }, undefined, defender],
    ['a moment longer', { durationMs: 3 * hour + 1 }, undefined, no(/at most 3 h: ask for less time/)],
    ['from within a range', { ports: tcp(22) }, undefined, defender],
    [
      'from outside',
      { ports: tcp(22), source: { ...v4, address: '81.2.70.1' } },
      undefined,
      no(/only from 81/),
    ],
    [
      'a range that is half within',
      { ports: tcp(22), source: { ...v4, address: '81.2.68.0/23' } },
      undefined,
      no(/only from/),
    ],
    ['ports that it does not name', { ports: tcp(5985, 5986) }, undefined, nsg],
    ['another protocol', { ports: [{ number: 22, protocol: 'udp' }] }, undefined, nsg],
    ['ports of which it names one', { ports: tcp(3389, 443) }, undefined, no(/does not name 443\/tcp/)],
    ['from IPv6', { source: v6 }, undefined, no(/no IPv6 address/)],
    ['from IPv6, otherwise nsg', { source: v6 }, { otherwise: 'nsg' }, nsg],
    ['without the plan', { guard: { ...guard, hasPlan: false } }, undefined, no(/Plan 2/)],
    ['without the plan, otherwise nsg', { guard: { ...guard, hasPlan: false } }, { otherwise: 'nsg' }, nsg],
    ['with a plan that nobody could read', { guard: { ...guard, hasPlan: null } }, undefined, defender],
    ['too long, otherwise nsg', { durationMs: 9 * hour }, { otherwise: 'nsg' }, no(/at most 3 h/)],
    ['the file prefers nsg', { durationMs: 9 * hour }, { prefer: 'nsg' }, nsg],
    ['the file prefers defender', {}, { prefer: 'defender' }, defender],
  ])('%s', (_name, but, way, expected) => {
    expect(chooseWay({ ...wish, ...but }, way ? { way } : {})).toEqual(expected)
  })

  it('is a rule of our own for a VM under no policy, whatever the file prefers', () => {
    const { guard: _, ...unguarded } = wish
    expect(chooseWay(unguarded, { way: { prefer: 'defender' } })).toEqual(nsg)
    expect(chooseWay(unguarded, null)).toEqual(nsg)
  })

  it('reads lengths, and takes what is none for nothing', () => {
    expect(['PT5M', 'PT3H', 'P1D', 'soon', ''].map(lengthMs)).toEqual([300_000, 3 * hour, 24 * hour, 0, 0])
  })
})

const wanted = rule('A')
const jit = 'MicrosoftDefenderForCloud-JITRule-1-9F1C'
const theirs = live(wanted, { name: jit, priority: 100, description: 'MDC JIT …', protocol: '*' })

describe('a rule of Defender’s for a grant', () => {
  it.each([
    ['the one that was asked for', {}, true],
    ['its older name', { name: 'SecurityCenter-JITRule-1-9F1C' }, true],
    ['the one that denies', { name: 'MicrosoftDefenderForCloud-JITRule_4096_9F1C' }, false],
    ['somebody else’s name', { name: 'rdp' }, false],
    ['Deny', { access: 'Deny' as const }, false],
    ['the other direction', { direction: 'Outbound' as const }, false],
    ['another source', { sources: ['81.2.69.143'] }, false],
    ['one source more', { sources: ['81.2.69.142', '81.2.69.143'] }, false],
    ['any source', { sources: ['*'] }, false],
    ['no source', { sources: [] }, false],
    ['another address', { destinations: ['10.9.9.9'] }, false],
    ['one address more', { destinations: [...wanted.destinations, '10.9.9.9'] }, false],
    ['every address', { destinations: ['*'] }, false],
    ['no address', { destinations: [] }, false],
    ['another port', { ports: ['22'] }, false],
    ['a range of ports', { ports: ['3389-3390'] }, false],
    ['no port', { ports: [] }, false],
    ['the very protocol', { protocol: 'Tcp' }, true],
    ['another protocol', { protocol: 'Udp' }, false],
  ])('%s: %s', (_name, but, expected) => {
    expect(isDefendersFor({ ...theirs, ...but }, wanted)).toBe(expected)
  })

  it('covers the ports when there is one for each', () => {
    const [one, other] = [foundRule(theirs), foundRule({ ...theirs, ports: ['22'] })]
    expect(coversPorts([one], tcp(3389))).toBe(true)
    expect(coversPorts([one], tcp(3389, 22))).toBe(false)
    expect(coversPorts([one, other], tcp(3389, 22))).toBe(true)
    expect(coversPorts([], tcp(3389))).toBe(false)
  })

  it('may have another priority, and nothing else', () => {
    const found = foundRule(theirs)
    const changes = (but: object) =>
      defenderDifferences(wanted, found, { ...theirs, ...but }).map(({ what }) => what)
    expect(changes({ priority: 107 })).toEqual([])
    expect(changes({ sources: ['*'] })).toEqual(['source'])
    expect(changes({ destinations: ['*'] })).toEqual(['destination'])
    expect(changes({ ports: ['*'] })).toEqual(['ports'])
    expect(changes({ access: 'Deny' })).toEqual(['access'])
  })

  it('is never the sweeper’s', () => {
    expect(isDefenders(theirs)).toBe(true)
    expect(isSweepable(theirs, clock('23:59'))).toBe(false)
  })
})

describe('what the reconciler makes of them', () => {
  const known: KnownRule = {
    requestId: 'r1',
    grantId: 'g1',
    grantState: 'open',
    openedAt: clock('09:06'),
    expiresAt: clock('09:35'),
    closedAt: null,
    rule: { ...wanted, name: jit, state: 'present', defender: { before: [], found: [foundRule(theirs)] } },
  }
  const at = clock('09:10')
  const findings = (rules: readonly (typeof theirs)[], but: Partial<KnownRule> = {}, now = at) =>
    compare([{ nsgId: 'A', rules }], [{ ...known, ...but }], at, now).map(({ kind }) => kind)

  it('finds nothing while it stands there, and what nobody asked for is Defender’s own business', () => {
    expect(findings([theirs, { ...theirs, name: `${jit}2`, sources: ['*'] }])).toEqual([])
    expect(findings([{ ...theirs, priority: 105 }])).toEqual([])
  })

  it('misses it when it is gone, unless the list may lag', () => {
    expect(findings([])).toEqual(['missing'])
    expect(findings([], { openedAt: at - 10_000 })).toEqual([])
  })

  it('sees a change, and an end that was passed over', () => {
    expect(findings([{ ...theirs, sources: ['*'] }])).toEqual(['changed'])
    expect(findings([theirs], {}, clock('09:35'))).toEqual(['overdue'])
  })

  it('leaves it to Defender and to the close while it is opening or closing', () => {
    expect(findings([], { grantState: 'opening', openedAt: null })).toEqual([])
    expect(findings([theirs], { grantState: 'closing' })).toEqual([])
  })

  it('takes a rule of ours for moved only beside rules of Defender’s', () => {
    const own = rule('A', 'present')
    const moved = live(own, { priority: 3007 })
    const ours = { ...known, rule: own }
    const seen = (...rules: (typeof moved)[]) =>
      compare([{ nsgId: 'A', rules }], [ours], at, at).map(({ kind }) => kind)
    expect(seen(moved)).toEqual(['changed'])
    expect(seen(moved, theirs)).toEqual(['moved'])
    expect(seen({ ...moved, sources: ['*'] }, theirs)).toEqual(['changed'])
  })
})

describe('the justification', () => {
  const request = { ...approvedRequest(), reason: 'the nightly job hangs' }

  it('names the request, the requester and everybody who agreed', () => {
    expect(justification({ ...request, reviews: [review(bob), review(carol), review(bob)] })).toBe(
      `Jitney request ${request.id} for UALICE, approved by UBOB, UCAROL. Reason: the nightly job hangs`,
    )
    expect(justification({ ...request, reviews: [], reason: null })).toBe(
      `Jitney request ${request.id} for UALICE, allowed by the policy`,
    )
  })

  it('begins with a mark that no other request begins with', () => {
    expect(justification(request).startsWith(justificationMark(request.id))).toBe(true)
    expect(
      justification({ ...request, id: `${request.id}0` }).startsWith(justificationMark(request.id)),
    ).toBe(false)
    expect(justification({ ...request, reason: 'x'.repeat(5_000) })).toHaveLength(300)
  })
})
