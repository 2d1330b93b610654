import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import type { RuleVersion } from '../../src/simulator/security-groups.ts'
import { type Evidence, gather, nameOf } from './evidence.ts'
import { violations } from './invariants.ts'
import { Life } from './life.ts'
import { type Scene, setScene } from './scene.ts'

const minute = 60_000

const isOurs = (version: RuleVersion) => nameOf(version.rule) !== null

/** Puts something in the place of every version of a rule of ours. */
const versions = (good: Evidence, change: (version: RuleVersion) => RuleVersion[]): Evidence => ({
  ...good,
  versions: good.versions.flatMap((version) => (isOurs(version) ? change(version) : [version])),
})

const cases = (good: Evidence, change: (kase: Case) => Case): Evidence => ({
  ...good,
  cases: good.cases.map(change),
})

const withReview = (kase: Case, userId: string): Case => {
  const reviews = kase.request.reviews.map((review) => ({ ...review, by: { ...review.by, userId } }))
  return { ...kase, request: { ...kase.request, reviews } }
}

const expiryOf = (good: Evidence) => good.cases[0]?.grant?.expiresAt ?? Number.NaN

/** Moves what was said first in these words to another moment. */
const saidAt = (good: Evidence, words: RegExp, move: (at: number) => number): Evidence => {
  const which = good.said.findIndex(({ text }) => words.test(text))
  return { ...good, said: good.said.map((one, at) => (at === which ? { ...one, at: move(one.at) } : one)) }
}

const writes = (good: Evidence, method: string) =>
  good.calls.filter((call) => call.method === method && call.path.includes('/securityRules/jit-'))

interface Wrong {
  readonly what: string
  readonly breaks: string
  readonly how: (good: Evidence) => Evidence
}

const table: readonly Wrong[] = [
  {
    what: 'a rule that is left',
    breaks: 'I1: jit-',
    how: (good) => versions(good, (version) => [{ ...version, to: null }]),
  },
  {
    what: 'a rule that stood a minute too long',
    breaks: 'I1: jit-',
    how: (good) => versions(good, (version) => [{ ...version, to: expiryOf(good) + minute }]),
  },
  {
    what: 'a rule of no grant',
    breaks: 'belongs to 0 grants',
    how: (good) => ({ ...good, cases: [] }),
  },
  {
    what: 'a rule of a request that was denied',
    breaks: 'its request is denied',
    how: (good) =>
      cases(good, (kase) => ({
        ...kase,
        request: { ...kase.request, state: 'denied', terms: null, deniedAt: 0, by: 'policy' },
      })),
  },
  {
    what: 'a rule that was written after its expiry',
    breaks: 'expired',
    how: (good) => ({
      ...good,
      calls: good.calls.map((call) => (call.method === 'PUT' ? { ...call, time: expiryOf(good) } : call)),
    }),
  },
  {
    what: 'a rule for another address',
    breaks: 'it lets 198.51.100.1 in',
    how: (good) =>
      versions(good, (version) => [
        { ...version, properties: { ...version.properties, sourceAddressPrefix: '198.51.100.1' } },
      ]),
  },
  {
    what: 'a rule that the database did not know of when the bot died',
    breaks: 'did not know of it after the crash',
    how: (good) => ({ ...good, rests: [{ lastCall: good.calls.at(-1)?.seq ?? 0, rules: [] }] }),
  },
  {
    what: 'two approvals of one request',
    breaks: 'request.approved happened 2 times',
    how: (good) => ({
      ...good,
      audit: good.audit.flatMap((record) =>
        record.type === 'request.approved' ? [record, record] : [record],
      ),
    }),
  },
  {
    what: 'a rule under two names',
    breaks: 'rules under several names',
    how: (good) => versions(good, (version) => [version, { ...version, rule: `${version.rule}0` }]),
  },
  {
    what: 'a rule that was opened again',
    breaks: 'was opened again after it was gone',
    how: (good) =>
      versions(good, (version) => [
        version,
        { ...version, from: (version.to ?? 0) + 5, to: (version.to ?? 0) + 9 },
      ]),
  },
  {
    what: 'a rule that was edited in place',
    breaks: 'was edited in place',
    how: (good) =>
      versions(good, (version) => [
        { ...version, to: version.from + 5 },
        { ...version, from: version.from + 5, properties: { ...version.properties, priority: 4_000 } },
      ]),
  },
  {
    what: 'a write after the removal',
    breaks: 'was written again after it had been deleted',
    how: (good) => {
      const late = writes(good, 'PUT').map((call) => ({ ...call, seq: call.seq + 100_000 }))
      return { ...good, calls: [...good.calls, ...late] }
    },
  },
  {
    what: 'a note that is said twice',
    breaks: '“opened” was said twice',
    how: (good) => ({
      ...good,
      said: good.said.flatMap((one) => (one.text.startsWith('*Open until') ? [one, one] : [one])),
    }),
  },
  {
    what: 'a foreign rule that changed',
    breaks: 'I4: Azure has changed',
    how: (good) => ({
      ...good,
      others: { before: good.others.before, after: good.others.after.replace('"Allow"', '"Deny"') },
    }),
  },
  {
    what: 'a write of a whole group',
    breaks: 'is no write to a rule of ours',
    how: (good) => {
      const group = writes(good, 'PUT').map((call) => ({
        ...call,
        path: call.path.replace(/\/securityRules.*/, ''),
      }))
      return { ...good, calls: [...good.calls, ...group] }
    },
  },
  {
    what: 'a removal of a foreign rule',
    breaks: 'is no write to a rule of ours',
    how: (good) => {
      const foreign = writes(good, 'DELETE').map((call) => ({
        ...call,
        path: call.path.replace(/jit-.*/, 'allow-vpn'),
      }))
      return { ...good, calls: [...good.calls, ...foreign] }
    },
  },
  {
    what: 'an audit record that was changed',
    breaks: 'I5: the chain is broken at 2',
    how: (good) => ({
      ...good,
      audit: good.audit.map((record) => (record.seq === 2 ? { ...record, at: 1 } : record)),
    }),
  },
  {
    what: 'a transition without its record',
    breaks: 'I5: the trail of',
    how: (good) => ({ ...good, audit: good.audit.filter(({ type }) => type !== 'grant.closed') }),
  },
  {
    what: 'a proof without its record',
    breaks: 'has 2 proofs, and the trail tells of 1',
    how: (good) => ({ ...good, audit: good.audit.slice(0, -1) }),
  },
  {
    what: 'somebody who approved their own request',
    breaks: 'I6: U0ROBIN approved',
    how: (good) => cases(good, (kase) => withReview(kase, 'U0ROBIN')),
  },
  {
    what: 'somebody who approved and may not',
    breaks: 'I6: U0MALLORY approved',
    how: (good) => cases(good, (kase) => withReview(kase, 'U0MALLORY')),
  },
  {
    what: 'an approval that nobody gave',
    breaks: 'was approved by 0 of 1',
    how: (good) => cases(good, (kase) => ({ ...kase, request: { ...kase.request, reviews: [] } })),
  },
  {
    what: 'a command that was acknowledged and is lost',
    breaks: 'I7: lost was asked for 1 times',
    how: (good) => ({ ...good, gestures: [...good.gestures, { token: 'lost', kind: 'ask', acked: true }] }),
  },
  {
    what: 'one command that made two requests',
    breaks: 'and there are 2',
    how: (good) => ({ ...good, cases: [...good.cases, ...good.cases] }),
  },
  {
    what: 'a yes that was acknowledged and is lost',
    breaks: 'was acknowledged and is lost',
    how: (good) => ({
      ...good,
      gestures: [...good.gestures, { token: 'else', kind: 'approve', acked: true }],
    }),
  },
  {
    what: 'a job that is left',
    breaks: 'I7: a job of the lane closes',
    how: (good) => ({ ...good, undone: ['a job of the lane closes'] }),
  },
  {
    what: '“open” before the rule was there',
    breaks: '(open): the rule in',
    how: (good) => saidAt(good, /^\*Open until/, () => (writes(good, 'PUT')[0]?.time ?? 0) - 1),
  },
  {
    what: '“open” after the rule was gone',
    breaks: '(open): the rule in',
    how: (good) => saidAt(good, /^\*Open until/, () => expiryOf(good) + minute),
  },
  {
    what: '“open” before anybody had looked',
    breaks: '(open): no read had confirmed it',
    how: (good) => ({
      ...good,
      calls: good.calls.filter((call) => call.status !== 200 || call.method !== 'GET'),
    }),
  },
  {
    what: '“closed” while the rule was there',
    breaks: '(closed): the rule in',
    how: (good) => saidAt(good, /^\*Closed:/, () => expiryOf(good) - minute),
  },
  {
    what: '“closed” before anybody had looked',
    breaks: '(closed): no read had confirmed it',
    how: (good) => ({ ...good, calls: good.calls.filter((call) => call.status !== 404) }),
  },
]

const foreign = '/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg-a'
const theirs = {
  access: 'Allow',
  direction: 'Inbound',
  priority: 300,
  protocol: 'Tcp',
  description: 'The office.',
  sourceAddressPrefix: '*',
  sourcePortRange: '*',
  destinationAddressPrefix: '*',
  destinationPortRange: '3389',
}

/** A second operator agreed to a change of a foreign rule, which is then written. */
function agreedChange(
  good: Evidence,
  how: { readonly method: string; readonly early?: number; readonly becomes: Partial<typeof theirs> | null },
): Evidence {
  const at = good.audit.at(-1)?.at ?? 0
  const group = (properties: object | null) => ({
    id: foreign,
    properties: { securityRules: properties ? [{ name: 'office', properties }] : [] },
  })
  const worldWith = (text: string, properties: object | null) => {
    const world = JSON.parse(text)
    return JSON.stringify({ ...world, resources: [...world.resources, group(properties)] }, null, 1)
  }
  const [record] = good.audit
  const [call] = good.calls
  if (!record || !call) throw new Error('Nothing has happened.')
  const after = how.method === 'DELETE' ? null : { name: 'office', sources: ['VirtualNetwork'] }
  const change = { nsg: foreign.toLowerCase(), before: { name: 'office' }, after }
  return {
    ...good,
    audit: [
      ...good.audit,
      { ...record, type: 'conversion.agreed', at, requestId: null, details: { changes: [change] } },
    ],
    calls: [
      ...good.calls,
      {
        ...call,
        method: how.method,
        path: `${foreign}/securityRules/office`,
        time: at + 1_000 - (how.early ?? 0),
      },
    ],
    others: {
      before: worldWith(good.others.before, theirs),
      after: worldWith(good.others.after, how.becomes && { ...theirs, ...how.becomes }),
    },
  }
}

describe('the checks of the invariants', () => {
  let scene: Scene
  let good: Evidence
  beforeAll(async () => {
    scene = await setScene('embedded')
    scene.begin()
    await new Life(scene, 'good').whole()
    good = await gather(scene)
  })
  afterAll(() => scene?.close())

  test('find nothing in a life without a crash', () => {
    expect(violations(good)).toEqual([])
  })

  test('see everything that was said and done in it', () => {
    expect(good.versions.filter(isOurs)).toHaveLength(2)
    // The policy that came into force, six things that happened to the request, and two proofs.
    expect(good.audit).toHaveLength(9)
    expect(good.said.filter(({ text }) => /^\*(Open until|Closed:)/.test(text))).toHaveLength(4)
    expect(good.gestures.map(({ kind, acked }) => ({ kind, acked }))).toEqual([
      { kind: 'ask', acked: true },
      { kind: 'approve own', acked: true },
      { kind: 'approve', acked: true },
    ])
  })

  const inside = { sourceAddressPrefix: 'VirtualNetwork' }
  const fourth = (how: Parameters<typeof agreedChange>[1]) =>
    violations(agreedChange(good, how)).filter((line) => line.startsWith('I4'))

  test('let a foreign rule become what a second operator agreed to', () => {
    expect(fourth({ method: 'PUT', becomes: inside })).toEqual([])
    expect(fourth({ method: 'PUT', becomes: {} })).toEqual([])
    expect(fourth({ method: 'DELETE', becomes: null })).toEqual([])
  })

  test('find it changed before the yes, or otherwise than agreed', () => {
    expect(fourth({ method: 'PUT', early: 5_000, becomes: inside }).join()).toMatch(
      /no write to a rule of ours/,
    )
    expect(fourth({ method: 'PUT', becomes: { ...inside, description: '' } }).join()).toMatch(
      /Azure has changed/,
    )
    expect(fourth({ method: 'PUT', becomes: null }).join()).toMatch(/Azure has changed/)
  })

  test.each(table)('find $what', ({ how, breaks }) => {
    expect(violations(how(good)).join('\n')).toContain(breaks)
  })
})
