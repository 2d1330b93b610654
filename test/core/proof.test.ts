import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type FlowAnswer,
  isNews,
  isRule,
  mostQuestions,
  nextLook,
  type Proved,
  proofOf,
  questionsOf,
  ruleShown,
  standingOf,
  unproved,
} from '../../src/core/proof.ts'
import type { Port } from '../../src/core/service.ts'
import type { Endpoint } from '../../src/core/vm.ts'
import { approvedRequest, ask, clock, granted, proof, rule } from '../support/cases.ts'

const port = (number: number, protocol: Port['protocol'] = 'tcp'): Port => ({ number, protocol })
const endpoint = (address: string): Endpoint => ({ networkInterface: `nic-${address}`, address })

const request = (ports: readonly Port[], address = '81.2.69.142') => ({
  ...approvedRequest(),
  ports,
  source: { ...ask().source, address },
})

/** `10.0.0.4:22 from 81.2.69.142`, for each question in order. */
const asked = (ports: readonly Port[], addresses: readonly string[], source?: string, most?: number) => {
  const { questions, possible } = questionsOf(request(ports, source), addresses.map(endpoint), most)
  return {
    possible,
    texts: questions.map((one) => `${one.endpoint.address}:${one.port.number} from ${one.source}`),
  }
}

describe('what is asked', () => {
  it('is each port of each address, with the network interface that carries it', () => {
    expect(asked([port(22), port(80)], ['10.0.0.4', '10.0.0.5'])).toEqual({
      possible: 4,
      texts: [
        '10.0.0.4:22 from 81.2.69.142',
        '10.0.0.5:80 from 81.2.69.142',
        '10.0.0.5:22 from 81.2.69.142',
        '10.0.0.4:80 from 81.2.69.142',
      ],
    })
    const { questions } = questionsOf(request([port(22)]), [endpoint('10.0.0.4')])
    expect(questions[0]).toMatchObject({
      endpoint: { networkInterface: 'nic-10.0.0.4' },
      vm: approvedRequest().vm,
    })
  })

  it('is tried from both ends of a range', () => {
    expect(asked([port(22)], ['10.0.0.4'], '81.2.69.128/28').texts).toEqual([
      '10.0.0.4:22 from 81.2.69.128',
      '10.0.0.4:22 from 81.2.69.143',
    ])
  })

  it('is never too much, never twice the same, and all of it where it is little enough', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 9 })
    const addresses = fc.uniqueArray(fc.constantFrom('10.0.0.4', '10.0.0.5', '10.0.0.6'), { minLength: 1 })
    const sources = fc.constantFrom('81.2.69.142', '81.2.69.128/28')
    fc.assert(
      fc.property(numbers, addresses, sources, (ports, at, source) => {
        const { texts, possible } = asked(
          ports.map((number) => port(number)),
          at,
          source,
        )
        expect(possible).toBe(ports.length * at.length * (source.includes('/') ? 2 : 1))
        expect(texts).toHaveLength(Math.min(possible, mostQuestions))
        expect(new Set(texts).size).toBe(texts.length)
      }),
    )
  })

  it('leaves out no port as long as there is room, and no address and no end of the range', () => {
    const ports = [1, 2, 3, 4, 5, 6].map((number) => port(number))
    const { texts } = asked(ports, ['10.0.0.4', '10.0.0.5'], '81.2.69.128/28', 6)
    expect(new Set(texts.map((text) => text.replace(/^.*:(\d+) .*$/, '$1'))).size).toBe(6)
    expect(new Set(texts.map((text) => text.replace(/:.*$/, ''))).size).toBe(2)
    expect(new Set(texts.map((text) => text.replace(/^.* /, ''))).size).toBe(2)
  })

  it('is nothing where no address is known', () => {
    expect(asked([port(22)], [])).toEqual({ possible: 0, texts: [] })
  })
})

describe('the name of a rule', () => {
  it.each([
    ['securityRules/jit-g1-1795426500', true],
    ['UserRule_jit-g1-1795426500', true],
    ['jit-g1-1795426500', true],
    ['SecurityRules/JIT-G1-1795426500', true],
    ['securityRules/xjit-g1-1795426500', false],
    ['securityRules/my-jit-g1-1795426500', false],
    ['securityRules/jit-g1-17954265001', false],
    ['defaultSecurityRules/DenyAllInBound', false],
    ['', false],
  ])('%s is ours: %s', (answered, ours) => {
    expect(isRule(answered, 'jit-g1-1795426500')).toBe(ours)
  })

  it.each([
    ['securityRules/allow-http', 'allow-http'],
    ['UserRule_allow_http', 'allow_http'],
    ['DefaultRule_DenyAllInBound', 'DenyAllInBound'],
    ['no rule', 'no rule'],
  ])('%s is shown as %s', (answered, shown) => {
    expect(ruleShown(answered)).toBe(shown)
  })
})

const [open, closed] = [
  granted('open', [rule('A', 'present'), rule('B', 'present')]).grant,
  granted('closed', [rule('A', 'absent'), rule('B', 'absent')]).grant,
]
if (!open || !closed) throw new Error('these cases have grants')
const grants = { open, closed }
const ours = `securityRules/${rule('A').name}`
const jitneys = 'securityRules/jit-other-1795426500'

const allow = (name: string): FlowAnswer => ({ kind: 'seen', access: 'Allow', rule: name })
const deny = (name: string): FlowAnswer => ({ kind: 'seen', access: 'Deny', rule: name })
const cannot: FlowAnswer = { kind: 'unverifiable', why: 'nobody knows' }

describe('one answer', () => {
  it.each<[Proved, FlowAnswer, string]>([
    ['open', allow(ours), 'as wanted'],
    ['open', allow('securityRules/wide'), 'perhaps later'],
    ['open', deny(ours), 'perhaps later'],
    ['open', deny('defaultSecurityRules/DenyAllInBound'), 'perhaps later'],
    ['open', cannot, 'settled'],
    ['closed', deny('defaultSecurityRules/DenyAllInBound'), 'as wanted'],
    ['closed', deny('securityRules/no'), 'as wanted'],
    ['closed', allow(ours), 'perhaps later'],
    ['closed', allow(jitneys), 'perhaps later'],
    ['closed', allow('securityRules/wide'), 'settled'],
    ['closed', cannot, 'settled'],
  ])('%s: %o is %s', (of, answer, standing) => {
    expect(standingOf(of, grants[of], answer)).toBe(standing)
  })
})

const looked = (of: Proved, answers: readonly FlowAnswer[], since: number | null = clock('09:06')) => {
  const ports = answers.map((_, index) => port(1000 + index))
  const { questions } = questionsOf(request(ports), [endpoint('10.0.0.4')])
  const looks = questions.flatMap((question, index) => {
    const answer = answers[index]
    return answer ? [{ question, answer }] : []
  })
  return proofOf(grants[of], { of, looks, possible: 7, since }, clock('09:07'))
}

describe('the proof', () => {
  it.each<[Proved, string, FlowAnswer[], string, string[]]>([
    ['open', 'all by our rule', [allow(ours), allow(ours)], 'verified', []],
    ['open', 'one by another rule', [allow(ours), allow('x/wide')], 'another rule', ['x/wide']],
    ['open', 'one is denied', [allow('x/wide'), deny('x/no')], 'denied', ['x/no']],
    ['open', 'one is denied, one unknown', [cannot, deny('x/no')], 'denied', ['x/no']],
    ['open', 'our rule denies', [deny(ours)], 'denied', [ours]],
    ['open', 'one unknown', [allow(ours), cannot], 'not verified', []],
    ['open', 'nothing asked', [], 'not verified', []],
    ['closed', 'all denied', [deny('x/all'), deny('x/no')], 'verified', []],
    ['closed', 'one by another rule', [deny('x/all'), allow('x/wide')], 'another rule', ['x/wide']],
    ['closed', 'another rule and ours', [allow(ours), allow('x/wide')], 'another rule', ['x/wide']],
    ['closed', 'ours', [deny('x/all'), allow(ours)], 'still its rule', [ours]],
    ['closed', 'ours and unknown', [cannot, allow(ours)], 'still its rule', [ours]],
    ['closed', 'one unknown', [deny('x/all'), cannot], 'not verified', []],
    ['closed', 'nothing asked', [], 'not verified', []],
  ])('of %s, %s', (of, _name, answers, verdict, rules) => {
    const made = looked(of, answers)
    expect(made.verdict).toBe(verdict)
    expect(made.findings.map((finding) => finding.rule)).toEqual(rules)
    expect(made.why).toBe(
      verdict === 'not verified' ? (answers.length > 0 ? 'nobody knows' : made.why) : null,
    )
  })

  it('tells how long it took, how much was tried, and from where', () => {
    expect(looked('open', [allow(ours), allow(ours)])).toEqual({
      verdict: 'verified',
      at: clock('09:07'),
      afterMs: 60_000,
      findings: [],
      why: null,
      sources: ['81.2.69.142'],
      tried: 2,
      possible: 7,
    })
  })

  it('tells no time that nobody has measured, and none of what is not so', () => {
    expect(looked('open', [allow(ours)], null).afterMs).toBeNull()
    expect(looked('open', [deny('x/no')]).afterMs).toBeNull()
  })

  it('names each rule once, with its ports', () => {
    expect(looked('closed', [allow('x/wide'), allow('x/wide'), allow('x/b')]).findings).toEqual([
      { rule: 'x/wide', ports: '1000/tcp, 1001/tcp' },
      { rule: 'x/b', ports: '1002/tcp' },
    ])
  })

  it.each<[Proved, Parameters<typeof proof>[0], boolean]>([
    ['open', { verdict: 'verified', afterMs: 19_999 }, false],
    ['open', { verdict: 'verified', afterMs: 20_000 }, true],
    ['open', { verdict: 'verified', afterMs: null }, false],
    ['closed', { verdict: 'verified', afterMs: 60_000 }, false],
    ['open', { verdict: 'denied' }, true],
    ['open', { verdict: 'another rule', findings: [{ rule: 'x/wide', ports: '22/tcp' }] }, false],
    ['closed', { verdict: 'another rule', findings: [{ rule: 'x/wide', ports: '22/tcp' }] }, true],
    ['closed', { verdict: 'another rule', findings: [{ rule: jitneys, ports: '22/tcp' }] }, false],
    ['closed', { verdict: 'still its rule' }, true],
    ['open', { verdict: 'not verified' }, false],
    ['closed', { verdict: 'not verified' }, false],
  ])('of %s with %o is news: %s', (of, but, news) => {
    expect(isNews(of, proof(but))).toBe(news)
  })
})

describe('looking again', () => {
  it('comes with growing pauses, and ends after two minutes', () => {
    const since = clock('09:00')
    const moments: number[] = []
    for (let at: number | null = since; at !== null; at = nextLook(since, at))
      moments.push((at - since) / 1000)
    expect(moments).toEqual([0, 2, 4, 8, 16, 32, 62, 92, 122])
  })

  it('is for what is open, or closed after there was a rule, and only once', () => {
    expect(unproved(open, 'open')).toEqual({ since: open.openedAt })
    expect(unproved(open, 'closed')).toBeNull()
    expect(unproved(closed, 'open')).toBeNull()
    expect(unproved(closed, 'closed')).not.toBeNull()
    expect(unproved({ ...closed, rules: [] }, 'closed')).toBeNull()
    expect(unproved({ ...open, proofs: { open: proof() } }, 'open')).toBeNull()
    expect(unproved({ ...closed, proofs: { open: proof() } }, 'closed')).not.toBeNull()
  })
})
