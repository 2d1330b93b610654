import nock from 'nock'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../src/ports.ts'
import { memoryStore } from '../support/stores.ts'
import { createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 1h, maxDuration: 8h }
services: { owned: [1001], watched: [1002], staged: [1003], grouped: [1004], own: [1005], auto: [1006], once: [1007] }
rules:
  - name: the owner of the VM agrees
    services: [owned]
    approvers: { ownerTag: owner }
  - name: whoever is on call agrees
    services: [watched]
    approvers: { users: [U0ALEX], onCall: [PNIGHTS] }
  - name: Avery agrees, and then a lead
    services: [staged]
    stages:
      - approvers: { users: [U0AVERY] }
      - approvers: { groups: [S0LEADS] }
  - name: a lead and a database administrator agree
    services: [grouped]
    approvals: 2
    fromDifferentGroups: true
    approvers: { groups: [S0LEADS, S0DBAS] }
  - name: an engineer agrees, who may have asked
    services: [own]
    selfApproval: true
    approvers: { users: [U0ROBIN] }
  - name: nobody needs to agree twice a day
    services: [auto]
    approvals: 0
    quota: { perPerson: 2 }
  - name: nobody needs to agree once a day
    services: [once]
    approvals: 0
    quota: { perRule: 1 }
  - name: Avery agrees when it is more often
    services: [auto, once]
    approvers: { users: [U0AVERY] }
`

let world: World
/** Who is on call, and until when; a number is the status that PagerDuty fails with. */
let onCall: readonly { readonly email: string; readonly end: string | null }[] | number = []

/** How often the quotas are read as they were when nobody had used them. */
let staleUsages = 0

const pagerDuty = () => {
  if (typeof onCall === 'number') return [onCall, { error: { message: 'no', code: 1 } }] as const
  const oncalls = onCall.map(({ email, end }) => ({
    user: { id: 'P1', type: 'user', email },
    schedule: { id: 'PNIGHTS', type: 'schedule_reference', summary: 'Nights' },
    escalation_level: 1,
    start: null,
    end,
  }))
  return [200, { oncalls, limit: 100, offset: 0, more: false, total: null }] as const
}

const ask = (what: string, vm = 'vm-jump01') => world.asks('robin', `${what} ${vm} 30m from 81.2.69.142`)
const told = (name: Parameters<World['ephemerals']>[0]) => world.ephemerals(name).at(-1) ?? ''
const open = () => world.ourRules().length > 0
const cards = () => world.slack.messages('C0APPROVALS').length

beforeAll(async () => {
  nock('https://api.pagerduty.com').persist().get('/oncalls').query(true).reply(pagerDuty)
  const { store } = await memoryStore()
  const usage: Store['usage'] = async (of) => {
    if (staleUsages === 0) return store.usage(of)
    staleUsages -= 1
    return new Map(of.rules.map((rule) => [rule, { byPerson: 0, ofVm: 0, ofRule: 0 }]))
  }
  const environment = { PAGERDUTY_TOKEN: 'secret-token' }
  world = await createWorld({ policy, environment, store: { ...store, usage } })
  world.slack.group('S0DBAS', 'dbas', ['alex', 'lee'])
})
afterAll(async () => {
  await world?.close()
  nock.restore()
})
beforeEach(async () => {
  await world.passes('1d')
  expect(open()).toBe(false)
})

describe('the owner whom a tag of the VM names', () => {
  test('approves, by id or by e-mail address, and nobody else does', async () => {
    world.tags('vm-jump01', { owner: 'U0AVERY; lee@example.com' })
    await ask('owned')
    expect(world.cardText()).toContain('Approvers: owners (tag owner): @avery and @lee.')
    await world.clicks('alex', 'approve')
    expect(told('alex')).toMatch(/not an approver.*The policy names @avery, @lee/s)
    expect(open()).toBe(false)
    await world.clicks('lee', 'approve')
    expect(world.cardText()).toMatch(/^Open.*Approved by @lee/s)
  })

  test('is whoever the tag names at the click', async () => {
    world.tags('vm-jump01', { owner: 'U0AVERY' })
    await ask('owned')
    world.tags('vm-jump01', { owner: 'U0LEE' })
    await world.clicks('avery', 'approve')
    expect(told('avery')).toMatch(/not an approver.*The policy names @lee/s)
    await world.clicks('lee', 'approve')
    expect(open()).toBe(true)
  })

  test('may be a group that the policy never names', async () => {
    world.tags('vm-jump01', { Owner: 'S0LEADS' })
    await ask('owned')
    expect(world.cardText()).toContain('owners (tag owner): @leads')
    await world.clicks('lee', 'approve')
    expect(open()).toBe(true)
    await world.clicks('lee', 'close')
    expect(open()).toBe(false)
  })

  test('is said to be missing where part of the tag names nobody', async () => {
    world.tags('vm-jump01', { owner: 'U0AVERY platform kim@example.com' })
    await ask('owned')
    expect(world.cardText()).toContain(
      'owners (tag owner): @avery (“platform” is neither a Slack id nor an e-mail address; nobody in Slack has the address kim@example.com)',
    )
  })

  test('is asked for in vain where there is none: the request is refused at once', async () => {
    const before = cards()
    world.tags('vm-jump01', {})
    await ask('owned')
    expect(told('robin')).toMatch(
      /Denied by the policy.*nobody but the requester could approve: the VM has no tag owner/s,
    )
    expect(world.dm('robin').at(-1)).toMatch(/^Denied.*enough people to approve.*the VM has no tag owner/s)
    world.tags('vm-jump01', { owner: 'U0ROBIN' })
    await ask('owned')
    expect(told('robin')).toMatch(/Denied by the policy.*nobody but the requester could approve/s)
    expect(cards()).toBe(before)
  })

  test('must be somebody who is still there', async () => {
    const before = cards()
    world.tags('vm-jump01', { owner: 'U0MALLORY' })
    world.people.mallory.becomes({ deleted: true })
    await ask('owned')
    expect(told('robin')).toMatch(
      /nobody but the requester could approve: U0MALLORY is no full, active member/,
    )
    expect(cards()).toBe(before)
    world.people.mallory.becomes({ deleted: false })
  })

  test('is not refused but said to be unknown when Slack does not answer', async () => {
    world.tags('vm-jump01', { owner: 'lee@example.com' })
    world.slack.fault({ method: 'users.lookupByEmail', kind: '500', times: 1 })
    await ask('owned')
    expect(world.cardText()).toMatch(
      /owners \(tag owner\): nobody \(Slack answered users.lookupByEmail with HTTP 500\)/,
    )
    await world.clicks('lee', 'approve')
    expect(open()).toBe(true)
  })
})

describe('whoever is on call', () => {
  test('approves, and the card says until when they are', async () => {
    onCall = [{ email: 'Avery@example.com', end: new Date(world.clock.now() + 7_200_000).toISOString() }]
    await ask('watched')
    expect(world.cardText()).toMatch(/Approvers: @alex; on call \(Nights\) until .* UTC: @avery\./)
    await world.clicks('avery', 'approve')
    expect(open()).toBe(true)
  })

  test('cannot approve any more when the schedule has changed before the click', async () => {
    onCall = [{ email: 'avery@example.com', end: null }]
    await ask('watched')
    onCall = [{ email: 'lee@example.com', end: null }]
    await world.clicks('avery', 'approve')
    expect(told('avery')).toMatch(/not an approver.*The policy names @alex, @lee/s)
    expect(open()).toBe(false)
    await world.clicks('lee', 'approve')
    expect(open()).toBe(true)
  })

  test.each([
    ['refuses the token', 401, /PagerDuty answered with HTTP 401: the token is not accepted/],
    ['is out of order', 503, /PagerDuty answered with HTTP 503/],
  ])('cannot approve while PagerDuty %s, which the card says', async (_, status, problem) => {
    onCall = status
    await ask('watched')
    expect(world.cardText()).toMatch(problem)
    await world.clicks('avery', 'approve')
    expect(told('avery')).toMatch(/not an approver.*Not everybody could be found: PagerDuty/s)
    expect(open()).toBe(false)
    onCall = [{ email: 'avery@example.com', end: null }]
    await world.clicks('avery', 'approve')
    expect(open()).toBe(true)
  })
})

describe('stages and groups', () => {
  test('a lead comes after Avery, and not before', async () => {
    await ask('staged')
    expect(world.cardText()).toContain('Approvers (stage 1 of 2): @avery')
    await world.clicks('lee', 'approve')
    expect(told('lee')).toMatch(/Your turn comes later.*First @avery must approve/s)
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/1 of 2 approvals, by @avery.*Approvers \(stage 2 of 2\): @leads/s)
    await world.clicks('avery', 'approve')
    expect(told('avery')).toMatch(/already counts/)
    expect(open()).toBe(false)
    await world.clicks('lee', 'approve')
    expect(open()).toBe(true)
  })

  test('each yes comes from another group, whichever of them somebody in both came for', async () => {
    await ask('grouped')
    expect(world.cardText()).toContain('each from a different group')
    await world.clicks('lee', 'approve')
    expect(open()).toBe(false)
    await world.clicks('alex', 'approve')
    expect(open()).toBe(true)
  })

  test('one person in both groups is not two: the request is refused at once', async () => {
    world.people.alex.becomes({ deleted: true })
    await ask('grouped')
    expect(told('robin')).toMatch(/2 people must approve, and at most 1 could/)
    world.people.alex.becomes({ deleted: false })
  })
})

describe('approving what one asked for', () => {
  test('works where the rule says so', async () => {
    await ask('own')
    expect(world.cardText()).toContain('Approvers: @robin')
    await world.clicks('robin', 'approve')
    expect(world.cardText()).toMatch(/^Open.*Approved by @robin/s)
  })

  test('and not elsewhere', async () => {
    world.tags('vm-jump01', { owner: 'U0ROBIN U0AVERY' })
    await ask('owned')
    await world.clicks('robin', 'approve')
    expect(told('robin')).toMatch(/Nobody decides on their own request/)
    expect(open()).toBe(false)
  })
})

describe('a quota of automatic approvals', () => {
  test('lets two through, and asks for the third', async () => {
    await ask('auto')
    await ask('auto', 'vm-web01')
    expect(told('robin')).toMatch(/The policy allows it/)
    expect(world.cardText()).toMatch(/^Open.*nobody had to be asked/s)
    await ask('auto', 'vm-db01')
    expect(told('robin')).toMatch(/waits for approval/)
    expect(world.cardText()).toMatch(/^Approval needed.*Avery agrees when it is more often/s)
    await world.asks('mallory', 'auto vm-db01 30m from 81.2.69.143')
    expect(told('mallory')).toMatch(/The policy allows it/)
  })

  test('is free again a day later', async () => {
    await ask('auto')
    expect(told('robin')).toMatch(/The policy allows it/)
  })

  test('asks after all when somebody else took the last place meanwhile', async () => {
    await ask('once')
    expect(told('robin')).toMatch(/The policy allows it/)
    await world.asks('mallory', 'once vm-db01 30m from 81.2.69.143')
    expect(told('mallory')).toMatch(/waits for approval/)
    // Lee's request is judged by what was counted before Robin's was committed.
    staleUsages = 1
    await world.asks('lee', 'once vm-db01 30m from 81.2.69.144')
    expect(staleUsages).toBe(0)
    expect(told('lee')).toMatch(/waits for approval/)
    expect(world.cardText()).toMatch(/^Approval needed.*Avery agrees when it is more often/s)
  })
})
