import { afterEach, describe, expect, test } from 'vitest'
import { createWorld, type Name, type World } from '../support/world.ts'

const policy = (approvers: string) => `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 2h }
rules:
  - { name: somebody agrees, approvers: ${approvers} }
`

describe('why an approver said no', () => {
  let world: World
  afterEach(() => world?.close())

  /** Robin asks, `name` denies, and has the form that asks why before them. */
  const denies = async (name: Name) => {
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    await world.clicks(name, 'deny')
    expect(world.cardText()).toMatch(/^Denied: /)
    const view = await world.slack.until(() => world.people[name].modal())
    world.people[name].fills(view, { reason: 'Use the print server.' })
    return async () => {
      await world.people[name].submits(view)
      await world.settle()
    }
  }
  const reached = () => [
    world.thread().some((line) => line.includes('Use the print server.')),
    world.dm('robin').some((line) => line.includes('Use the print server.')),
  ]

  test('is passed on from somebody in a group that only a tag of the VM names', async () => {
    world = await createWorld({ policy: policy('{ ownerTag: owner }') })
    world.slack.group('S0OWNERS', 'owners', ['lee'])
    world.tags('vm-jump01', { owner: 'S0OWNERS' })
    const sends = await denies('lee')
    await sends()
    expect(reached()).toEqual([true, true])
    expect(world.dm('lee')).toEqual([])
  })

  test('is passed on from whoever denied, although the tag has named somebody else since it was asked', async () => {
    world = await createWorld({ policy: policy('{ ownerTag: owner }') })
    world.tags('vm-jump01', { owner: 'U0AVERY' })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    world.tags('vm-jump01', { owner: 'U0LEE' })
    await world.clicks('lee', 'deny')
    const view = await world.slack.until(() => world.people.lee.modal())
    await world.people.lee.submits(view, { reason: 'Use the print server.' })
    await world.settle()
    expect(reached()).toEqual([true, true])
  })

  test('is passed on although Slack does not say at first who wrote it', async () => {
    world = await createWorld({ policy: policy('{ users: [U0AVERY] }') })
    const sends = await denies('avery')
    world.slack.fault({ method: 'users.info', kind: '500', times: 50 })
    await sends()
    expect(reached()).toEqual([false, false])
    world.slack.heal()
    await world.passes('1m')
    expect(reached()).toEqual([true, true])
    expect(world.dm('avery')).toEqual([])
  })

  test('is given back to the writer when Slack never says who they are', async () => {
    world = await createWorld({ policy: policy('{ users: [U0AVERY] }') })
    const sends = await denies('avery')
    world.slack.fault({ method: 'users.info', kind: '500', times: 500 })
    await sends()
    await world.passes('10m')
    expect(reached()).toEqual([false, false])
    expect(world.dm('avery')).toHaveLength(1)
    expect(world.dm('avery').at(-1)).toMatch(
      /What you wrote about ssh to vm-jump01 was not passed on.*Slack could not tell who you are.*“Use the print server\.”/s,
    )
  })

  test('and whoever has no say here is told that nothing was passed on', async () => {
    world = await createWorld({ policy: policy('{ users: [U0AVERY] }') })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    await world.slack.event({
      type: 'app_mention',
      user: 'U0MALLORY',
      text: '<@U0BOT> let me in too',
      channel: 'C0APPROVALS',
      ts: '1795700000.000100',
      thread_ts: world.card().ts,
      event_ts: '1795700000.000100',
    })
    await world.settle()
    expect(world.dm('mallory').at(-1)).toMatch(
      /What you wrote about ssh to vm-jump01 was not passed on.*Only the person who asked and the approvers are heard here/s,
    )
    expect(world.dm('robin').join('\n')).not.toMatch(/let me in too/)
  })
})
