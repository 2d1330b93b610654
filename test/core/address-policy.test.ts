import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressRefusal,
  confirmedWindowMs,
  isSharedAddress,
  namedRange,
  sourceAgain,
  sourceFrom,
  waysToSay,
} from '../../src/core/address-policy.ts'
import { evaluate } from '../../src/core/evaluate.ts'
import { parsePolicy } from '../../src/policy-file.ts'
import { subject } from '../support/cases.ts'

const textWith = (address: string, rule = 'maxAddresses: 16') => `version: 1
audit: { channel: C0AUDIT }
address: ${address}
defaults: { channel: C0ASKS, maxDuration: 2h, approvers: { users: [U0BOB] } }
rules: [{ name: a colleague agrees, ${rule} }]
`
function policy(address: string) {
  const answer = parsePolicy(textWith(address), 'h')
  if (!answer.ok) throw new Error(answer.problems.map(({ message }) => message).join('\n'))
  return answer.policy
}
const problems = (address: string, rule?: string) => {
  const answer = parsePolicy(textWith(address, rule), 'h')
  return answer.ok ? [] : answer.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`)
}

const full = policy(
  '{ remember: 1h, confirmed: 8h, ranges: { Office: [81.2.69.128/28], vpn: 81.2.70.7 }, shared: [81.2.69.0/24], never: [198.41.128.0/24, "2a09:bac0::/29"] }',
)
const closed = policy('{ typed: false, ranges: { office: 81.2.69.128/28 } }')
const bare = policy('{ remember: 1h }')

describe('which addresses may come in', () => {
  it.each([
    ['81.2.69.142', null],
    ['2a00:1450::1', null],
    ['198.41.127.255', null],
    ['198.41.128.0', 'never lets in'],
    ['198.41.128.255', 'never lets in'],
    ['198.41.129.0', null],
    ['198.41.128.16/28', 'Some of 198.41.128.16/28 stand in'],
    ['2a09:bac7:ffff::1', 'never lets in'],
    ['2a09:bac8::1', null],
    ['10.0.0.1', 'is private'],
    ['203.0.113.7', 'documentation'],
    ['100.64.0.1', 'shared inside a provider'],
    ['::ffff:81.2.69.142', 'IPv6 clothes'],
    ['0.0.0.0/0', 'stands for'],
    ['', 'No address'],
  ])('%s: %s', (address, why) => {
    const said = addressRefusal(full, address)
    if (why === null) expect(said).toBeNull()
    else expect(said).toContain(why)
  })

  it('says which list it is and what to do', () => {
    expect(addressRefusal(full, '198.41.128.7')).toBe(
      '198.41.128.7 stands in the policy’s own list of addresses that the policy never lets in, such as those of a cloud, a VPN or a private relay, where strangers come from the same address. Turn that off and use the address of your own connection, or ask whoever looks after the policy.',
    )
  })

  it('says whether others come from it too', () => {
    expect(isSharedAddress(full, '81.2.69.142')).toBe(true)
    expect(isSharedAddress(full, '81.2.70.142')).toBe(false)
    expect(isSharedAddress(bare, '81.2.69.142')).toBe(false)
  })

  it('knows how long a confirmed one may be used again: not at all, unless the policy says so', () => {
    expect([full, bare, closed].map(confirmedWindowMs)).toEqual([8 * 3_600_000, 0, 0])
  })

  it('refuses whatever was learnt in whatever way, and only that', () => {
    const last = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(fc.constantFrom(127, 128, 129), last, (third, fourth) => {
        const address = `198.41.${third}.${fourth}`
        const answers = [sourceFrom(full, address, 1, 1), sourceAgain(full, address, 1, 1)].map(
          ({ ok }) => ok,
        )
        expect(answers).toEqual([third !== 128, third !== 128])
        const { outcome } = evaluate(full, subject({ source: { address, learnt: 'confirmed' } }))
        expect(outcome).toBe(third === 128 ? 'deny' : 'needs approval')
      }),
    )
  })
})

const outcome = (learnt: 'typed' | 'remembered' | 'confirmed' | 'named') =>
  evaluate(closed, subject({ source: { address: '81.2.69.142', learnt } }))

describe('what stands behind from', () => {
  it('is an address, marked where it is shared', () => {
    expect(sourceFrom(full, '81.2.69.142', 5, 1)).toEqual({
      ok: true,
      source: { address: '81.2.69.142', family: 'IPv4', learnt: 'typed', learntAt: 5, isShared: true },
    })
    expect(sourceFrom(bare, '81.2.69.142', 5, 1)).toEqual({
      ok: true,
      source: { address: '81.2.69.142', family: 'IPv4', learnt: 'typed', learntAt: 5 },
    })
  })

  it.each(['office', 'OFFICE'])('is a name of the policy: %s', (text) => {
    expect(namedRange(full, text)).toEqual({ name: 'office', range: '81.2.69.128/28' })
    expect(sourceFrom(full, text, 5, 1)).toEqual({
      ok: true,
      source: {
        address: '81.2.69.128/28',
        family: 'IPv4',
        learnt: 'named',
        learntAt: 5,
        name: 'office',
        isShared: true,
      },
    })
  })

  it.each([
    [
      'ofice',
      '“ofice” is neither an IP address nor a range that the policy names. Did you mean office? Type `from`',
    ],
    ['home', 'or use `from office` or `from vpn`.'],
    ['Internet', 'neither an IP address nor a range that the policy names. Type'],
    ['10.0.0.1', 'is private'],
    ['81.2.69.128/27', 'stands for 32 addresses'],
  ])('is refused with what is possible: %s', (text, why) => {
    const answer = sourceFrom(full, text, 5, 16)
    expect(answer.ok ? '' : answer.why).toContain(why)
  })

  it('is no name where the policy has none', () => {
    expect(sourceFrom(bare, 'office', 5, 1)).toHaveProperty(
      'why',
      '“office” is not an IP address, and the policy names no range office. Type `from` and your public IP address, as in `from 81.2.69.142`.',
    )
    expect(sourceFrom(bare, 'office', 5, 1, true)).toHaveProperty(
      'why',
      '“office” is not an IP address, and the policy names no range office. Leave `from` out and I send you a page that shows your address.',
    )
  })

  it.each(['10.0.0.1', '203.0.113.7', '81.2.69', '81.2.69.128/28'])(
    'sends whoever types what cannot come in to the page, where there is one: %s',
    (text) => {
      const [without, withPage] = [false, true].map((page) => sourceFrom(bare, text, 5, 1, page))
      expect(withPage).toEqual({
        ok: false,
        why: `${without?.ok === false ? without.why : ''} Leave \`from\` out and I send you a page that shows your address.`,
      })
    },
  )

  it('may not be typed where the policy takes no typed ones, now or before', () => {
    const typed = sourceFrom(closed, '81.2.69.142', 5, 16)
    expect(typed).toEqual({ ok: false, why: 'The policy takes no typed addresses. Use `from office`.' })
    expect(sourceAgain(closed, '81.2.69.142', 5, 16)).toEqual(typed)
    expect(sourceFrom(closed, 'office', 5, 16).ok).toBe(true)
    const withPage = sourceFrom(closed, '81.2.69.142', 5, 16, true)
    expect(withPage.ok ? '' : withPage.why).toBe(
      'The policy takes no typed addresses. Leave “from” out and confirm your address in the browser, or use `from office`.',
    )
  })

  it('is put to the policy again at each yes', () => {
    expect(outcome('typed').tree.because).toBe(
      'access is refused if its address was typed, which this policy does not take',
    )
    expect(outcome('remembered').outcome).toBe('deny')
    expect(outcome('confirmed').outcome).toBe('needs approval')
    expect(outcome('named').outcome).toBe('needs approval')
  })
})

describe('how an address can be said', () => {
  it.each([
    [
      bare,
      true,
      'Leave “from” out and confirm your address in the browser, or type `from` and your public IP address, as in `from 81.2.69.142`.',
    ],
    [bare, false, 'Type `from` and your public IP address, as in `from 81.2.69.142`.'],
    [closed, false, 'Use `from office`.'],
    [
      policy('{ typed: false }'),
      false,
      'The policy lets nobody type an address, names no ranges, and there is no page to confirm one on. Ask whoever looks after the policy.',
    ],
  ])('%#', (one, hasPage, text) => expect(waysToSay(one, hasPage)).toBe(text))
})

describe('the policy file', () => {
  it.each([
    [
      '{ ranges: { office: [81.2.69.0/28, 81.2.70.0/28] } }',
      '3 address.ranges.office: expected one range such as',
    ],
    [
      '{ ranges: { office: 81.2.69.0/23 } }',
      'stands for 512 addresses; the policy allows at most 256 at once.',
    ],
    [
      '{ ranges: { office: 81.2.69.0/27 } }',
      'stands for 32 addresses, and no rule lets as many in at once; give a rule maxAddresses: 32',
    ],
    ['{ ranges: { office: 81.2.69.5/28 } }', 'write 81.2.69.0/28'],
    ['{ ranges: { office: 10.0.0.1 } }', 'is private'],
    ['{ ranges: { until: 81.2.69.1 } }', 'is no word of a request'],
    ['{ ranges: { 2h: 81.2.69.1 } }', 'is no word of a request'],
    ['{ ranges: { a.b: 81.2.69.1 } }', 'the name of a range has letters'],
    ['{ ranges: { Office: 81.2.69.1, office: 81.2.69.2 } }', 'address.ranges.office: stands here twice'],
    [
      '{ ranges: { office: 81.2.69.1 }, never: [81.2.69.0/24] }',
      '3 address.ranges.office: 81.2.69.1 stands in the policy’s own list',
    ],
    ['{ never: [081.2.69.0/24] }', '3 address.never[0]: expected a range such as'],
    ['{ shared: ["::ffff:81.2.69.0/120"] }', '3 address.shared[0]: expected a range such as'],
    ['{ typed: perhaps }', '3 address.typed: '],
    ['{ confirmed: soon }', '3 address.confirmed: '],
    [
      '{ nevr: [] }',
      'unknown key; allowed are remember, confirmed, typed, ranges, shared, never, neverFiles',
    ],
  ])('%s', (address, why) => expect(problems(address).join('\n')).toContain(why))

  it('says nothing of what is right', () => {
    expect(
      problems('{ ranges: { office: 81.2.69.0/28, six: "2a00:1450::/124" }, never: [], neverFiles: [] }'),
    ).toEqual([])
  })
})
