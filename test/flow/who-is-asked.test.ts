import nock from 'nock'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { channels, createWorld, type World } from '../support/world.ts'

const head = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 2h, deadline: 1h, approvers: { users: [U0AVERY] } }
rules:
`
const escalating = (who: string) => `${head}  - { name: r, escalate: { after: 10m, approvers: ${who} } }\n`
const asks = 'ssh vm-jump01 30m from 81.2.69.142'

describe('whoever is called while a request waits', () => {
  let world: World
  let onCall = 'avery@example.com'
  afterEach(() => world?.close())
  afterAll(() => nock.restore())
  const called = () => world.thread().at(-1) ?? ''

  test('are the owners of that moment, who may then say yes', async () => {
    world = await createWorld({ policy: escalating('{ ownerTag: owner }') })
    world.tags('vm-jump01', { owner: 'U0LEE' })
    await world.asks('robin', asks)
    world.tags('vm-jump01', { owner: 'U0MALLORY' })
    await world.passes('11m')
    expect(called()).toMatch(/^@mallory You are asked as well/)
    expect(world.cardText()).toMatch(/Approvers: @avery; owners \(tag owner\): @mallory\./)
    await world.clicks('lee', 'approve')
    expect(world.ephemerals('lee').at(-1)).toMatch(/not an approver.*names @avery, @mallory/s)
    await world.clicks('mallory', 'approve')
    expect(world.cardText()).toMatch(/^Open.*Approved by @mallory/s)
  })

  test('are those whom the policy of that moment names', async () => {
    world = await createWorld({ policy: `${head}  - { name: r }\n` })
    await world.asks('robin', asks)
    await world.policy(`${head}  - { name: r, approvers: { users: [U0LEE] } }\n`)
    await world.passes('31m')
    expect(called()).toMatch(/^@lee Still waiting for a decision/)
    expect(world.cardText()).toMatch(/Approvers: @lee\./)
    await world.clicks('lee', 'approve')
    expect(world.cardText()).toMatch(/^Open/)
  })

  test('are nobody else where the policy asks nobody else any more', async () => {
    world = await createWorld({ policy: escalating('{ users: [U0LEE] }') })
    await world.asks('robin', asks)
    await world.policy(`${head}  - { name: r }\n`)
    await world.passes('11m')
    expect(world.thread()).toEqual([])
    await world.passes('20m')
    expect(called()).toMatch(/^@avery Still waiting/)
  })

  test('are those who were asked, where the policy has no answer of its own any more', async () => {
    world = await createWorld({ policy: escalating('{ users: [U0LEE] }') })
    await world.asks('robin', asks)
    await world.policy(`${head}  - { name: r, vm: { name: vm-db* } }\n`)
    await world.passes('11m')
    expect(called()).toMatch(/^@lee You are asked as well/)
    await world.passes('20m')
    expect(called()).toMatch(/^@avery @lee Still waiting/)
  })

  const stops = async (text: string) => {
    await world.people.alex.types('/jit', `panic ${text}`, { channel: channels.access })
    await world.people.alex.submits(await world.slack.until(() => world.people.alex.modal()))
    await world.settle()
  }
  const stoppable = `pages: { channel: C0PAGES }\noperators: { users: [U0ALEX] }\n`

  test('are nobody while a stop keeps their yes from counting, and are called once it is lifted', async () => {
    world = await createWorld({ policy: `${escalating('{ users: [U0LEE] }')}${stoppable}` })
    await world.asks('robin', asks)
    await stops('all because somebody is inside')
    await world.passes('35m')
    expect(world.thread()).toEqual([
      expect.stringMatching(
        /^Nobody is called: ssh to vm-jump01 for @robin has not been decided so far\. @alex stopped all such access .*: somebody is inside\. A yes counts only once that is lifted\. If nobody decides by /,
      ),
    ])
    await world.clicks('avery', 'approve')
    expect(world.ephemerals('avery').at(-1)).toMatch(/Stopped: @alex/)
    await stops('lift because they are out')
    await world.passes('6m')
    const after = world.thread().slice(1)
    expect(after).toHaveLength(2)
    expect(after).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^@lee You are asked as well/),
        expect.stringMatching(/^@avery .*Still waiting/),
      ]),
    )
    await world.clicks('lee', 'approve')
    expect(world.cardText()).toMatch(/^Open/)
  })

  test('are not those who are stopped themselves', async () => {
    world = await createWorld({ policy: `${escalating('{ users: [U0AVERY, U0LEE] }')}${stoppable}` })
    await world.asks('robin', asks)
    await stops('person <@U0AVERY|avery> because the laptop is stolen')
    await world.passes('11m')
    expect(called()).toMatch(/^@lee You are asked as well/)
    await world.policy(`${head}  - { name: r }\n${stoppable}`)
    await world.passes('20m')
    expect(called()).toMatch(/^Nobody is called: .* everybody who could be called is stopped\./)
  })

  test('are those on call then', async () => {
    nock('https://api.pagerduty.com')
      .persist()
      .get('/oncalls')
      .query(true)
      .reply(() => [
        200,
        {
          oncalls: [
            {
              user: { id: 'P1', type: 'user', email: onCall },
              schedule: { id: 'PNIGHTS', type: 'schedule_reference', summary: 'Nights' },
              escalation_level: 1,
              start: null,
              end: null,
            },
          ],
          limit: 100,
          offset: 0,
          more: false,
          total: null,
        },
      ])
    world = await createWorld({
      policy: `${head}  - { name: r, approvers: { onCall: [PNIGHTS] } }\n`,
      environment: { PAGERDUTY_TOKEN: 'secret-token' },
    })
    await world.asks('robin', asks)
    expect(world.cardText()).toMatch(/on call \(Nights\): @avery/)
    onCall = 'lee@example.com'
    await world.passes('31m')
    expect(called()).toMatch(/^@lee Still waiting for a decision/)
    expect(world.cardText()).toMatch(/on call \(Nights\): @lee/)
  })
})
