import nock from 'nock'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Fault } from '../../src/core/fault.ts'
import { createPagerDuty } from '../../src/oncall/pagerduty.ts'
import type { OnCall } from '../../src/ports.ts'
import { listen, shut } from '../slack/listen.ts'

const origin = 'https://api.pagerduty.com'
const at = (time: string) => Date.parse(`2026-11-23T${time}:00Z`)

interface Person {
  readonly email?: string
  readonly name?: string
}

/** One entry, as PagerDuty's reference shows it, with the user included. */
const entry = (
  schedule: string,
  { email = 'tim@example.com', name = 'Tim Wright' }: Person = {},
  shift: { start: string | null; end: string | null } = {
    start: '2026-11-23T08:00:00Z',
    end: '2026-11-23T18:00:00+01:00',
  },
) => ({
  escalation_policy: {
    id: 'PT20YPA',
    type: 'escalation_policy_reference',
    summary: 'Another Escalation Policy',
    self: `${origin}/escalation_policies/PT20YPA`,
    html_url: 'https://subdomain.pagerduty.com/escalation_policies/PT20YPA',
  },
  escalation_level: 2,
  schedule: {
    id: schedule,
    type: 'schedule_reference',
    summary: 'Daily Engineering Rotation',
    self: `${origin}/schedules/${schedule}`,
    html_url: `https://subdomain.pagerduty.com/schedules/${schedule}`,
  },
  user: { id: 'PT23IWX', type: 'user', summary: name, name, email, role: 'admin' },
  ...shift,
})

const page = (oncalls: readonly object[], more = false, offset = 0) => ({
  oncalls,
  limit: 100,
  offset,
  more,
  total: null,
})

let time: number
let pagerDuty: OnCall
const settings = { token: 'secret-token', url: origin, now: () => time }

const serves = (offset = 0) =>
  nock(origin)
    .get('/oncalls')
    .query((query) => Number(query['offset']) === offset)

const shiftsOf = async (...ids: string[]) => (await pagerDuty.shifts(ids)).map(({ email }) => email)

const fault = async (ids: readonly string[] = ['PI7DH85']): Promise<Fault> => {
  const error = await pagerDuty.shifts(ids).catch((thrown: unknown) => thrown)
  if (error instanceof Fault) return error
  throw new Error(`no fault but ${String(error)}`)
}

beforeEach(() => {
  if (!nock.isActive()) nock.activate()
  nock.disableNetConnect()
  time = at('10:00')
  pagerDuty = createPagerDuty(settings)
})
afterEach(() => {
  expect(nock.pendingMocks()).toEqual([])
  nock.cleanAll()
})
afterAll(() => {
  nock.enableNetConnect()
  nock.restore()
})

describe('who is on call, as PagerDuty says', () => {
  it('is asked for by schedule, with the users, in the second version of the API', async () => {
    nock(origin, {
      reqheaders: {
        authorization: 'Token token=secret-token',
        accept: 'application/vnd.pagerduty+json;version=2',
      },
    })
      .get('/oncalls')
      .query((query) => {
        expect(query).toEqual({
          'schedule_ids[]': ['PI7DH85', 'PSECOND'],
          'include[]': 'users',
          earliest: 'true',
          limit: '100',
          offset: '0',
        })
        return true
      })
      .reply(200, page([entry('PI7DH85')]))
    expect(await pagerDuty.shifts(['PSECOND', 'PI7DH85', 'PSECOND'])).toEqual([
      {
        scheduleId: 'PI7DH85',
        schedule: 'Daily Engineering Rotation',
        email: 'tim@example.com',
        until: at('17:00'),
      },
    ])
  })

  it('may be somebody who always is, and nobody at all', async () => {
    serves().reply(200, page([entry('PI7DH85', {}, { start: null, end: null })]))
    expect(await pagerDuty.shifts(['PI7DH85'])).toMatchObject([{ email: 'tim@example.com', until: null }])
    serves().reply(200, page([]))
    expect(await pagerDuty.shifts(['PEMPTY'])).toEqual([])
  })

  it('is one person, however many escalation policies name the schedule', async () => {
    serves().reply(200, page([entry('PI7DH85'), entry('PI7DH85', { email: 'Tim@Example.com' })]))
    expect(await shiftsOf('PI7DH85')).toEqual(['tim@example.com'])
  })

  it('is not who was, who will be, or who is on call for something else', async () => {
    serves().reply(
      200,
      page([
        entry('PI7DH85', { email: 'was@example.com' }, { start: null, end: '2026-11-23T10:00:00Z' }),
        entry('PI7DH85', { email: 'will@example.com' }, { start: '2026-11-23T10:00:01Z', end: null }),
        entry('POTHER', { email: 'other@example.com' }),
        { ...entry('PI7DH85', { email: 'always@example.com' }), schedule: null },
        { ...entry('PI7DH85'), user: null },
      ]),
    )
    expect(await shiftsOf('PI7DH85')).toEqual([])
  })

  it('has no address when PagerDuty gives only a reference to the user', async () => {
    const { user: _, ...rest } = entry('PI7DH85')
    serves().reply(200, page([{ ...rest, user: { id: 'PT23IWX', type: 'user_reference', summary: 'Tim' } }]))
    expect(await shiftsOf('PI7DH85')).toEqual([null])
  })

  it('is read to the last page', async () => {
    serves().reply(200, page([entry('PI7DH85')], true))
    serves(100).reply(200, page([entry('PI7DH85', { email: 'kim@example.com' })], true, 100))
    serves(200).reply(200, page([entry('PI7DH85', { email: 'pat@example.com' })], false, 200))
    expect(await shiftsOf('PI7DH85')).toEqual(['tim@example.com', 'kim@example.com', 'pat@example.com'])
  })

  it('is not known when the last page fails, or never comes', async () => {
    serves().reply(200, page([entry('PI7DH85')], true))
    serves(100).reply(500)
    expect(await fault()).toMatchObject({ code: 'http_500' })
    nock(origin)
      .get('/oncalls')
      .query(true)
      .times(20)
      .reply(200, page([entry('PI7DH85')], true))
    expect(await fault()).toMatchObject({ code: 'endless', kind: 'permanent' })
  })
})

describe('what PagerDuty does not say is not known', () => {
  const error = { error: { message: 'Unauthorized', code: 2006, errors: ['…'] } }

  it.each([
    [401, error, {}, { kind: 'permanent', afterMs: null }],
    [403, error, {}, { kind: 'permanent', afterMs: null }],
    [404, error, {}, { kind: 'permanent', afterMs: null }],
    [429, error, { 'Retry-After': '7' }, { kind: 'try again', afterMs: 7000 }],
    [429, error, { 'ratelimit-reset': '30' }, { kind: 'try again', afterMs: 30_000 }],
    [429, error, { 'Retry-After': 'soon' }, { kind: 'try again', afterMs: null }],
    [500, '<html>', {}, { kind: 'try again', afterMs: null }],
    [503, '', { 'Retry-After': '7' }, { kind: 'try again', afterMs: null }],
  ])('HTTP %d', async (status, body, headers, expected) => {
    serves().reply(status, body, headers)
    const found = await fault()
    expect(found).toMatchObject({ code: `http_${status}`, ...expected })
    expect(found.message).toContain(`PagerDuty answered with HTTP ${status}`)
    expect(found.message).not.toContain('secret-token')
  })

  it('a redirect, which would take the token elsewhere', async () => {
    serves().reply(302, '', { location: 'https://evil.example/oncalls' })
    expect(await fault()).toMatchObject({ code: 'http_302', kind: 'permanent' })
  })

  it('no answer in time', async () => {
    nock.restore()
    const { origin: url, server } = await listen(() => {})
    pagerDuty = createPagerDuty({ ...settings, url, timeoutMs: 50 })
    expect(await fault()).toMatchObject({ code: 'timeout', kind: 'try again' })
    shut(server)
  })

  it('a connection that breaks', async () => {
    serves().replyWithError(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    expect(await fault()).toMatchObject({ code: 'unreachable', kind: 'try again' })
  })

  it.each([
    ['no JSON', '<html>hello</html>'],
    ['half a JSON', '{"oncalls": ['],
    ['another thing', { users: [] }],
    ['no word on whether there is more', { oncalls: [] }],
    ['a time that is none', page([{ ...entry('PI7DH85'), end: 'tomorrow' }])],
    ['a list that is none', { oncalls: {}, more: false }],
  ])('%s', async (_, body) => {
    serves().reply(200, body, { 'content-type': 'application/json' })
    expect(await fault()).toMatchObject({ code: 'malformed', kind: 'try again' })
  })
})

describe('memory', () => {
  it('lasts a minute and no longer, and not for who must know it now', async () => {
    serves().reply(200, page([entry('PI7DH85')]))
    await shiftsOf('PI7DH85')
    time += 59_999
    expect(await shiftsOf('PI7DH85')).toEqual(['tim@example.com'])
    serves().reply(200, page([entry('PI7DH85', { email: 'kim@example.com' })]))
    expect(await pagerDuty.shifts(['PI7DH85'], 'live')).toMatchObject([{ email: 'kim@example.com' }])
    expect(await shiftsOf('PI7DH85')).toEqual(['kim@example.com'])
    time += 60_000
    serves().reply(200, page([]))
    expect(await shiftsOf('PI7DH85')).toEqual([])
  })

  it('ends with the shift', async () => {
    serves().reply(200, page([entry('PI7DH85', {}, { start: null, end: '2026-11-23T10:00:30Z' })]))
    await shiftsOf('PI7DH85')
    time += 30_000
    serves().reply(200, page([]))
    expect(await shiftsOf('PI7DH85')).toEqual([])
  })

  it('does not outlive a clock that was set back, and keeps no failure', async () => {
    serves().reply(200, page([entry('PI7DH85')]))
    await shiftsOf('PI7DH85')
    time -= 1
    serves().reply(503)
    expect(await fault()).toMatchObject({ code: 'http_503' })
    serves().reply(200, page([]))
    expect(await shiftsOf('PI7DH85')).toEqual([])
  })
})
