import { afterEach, describe, expect, test } from 'vitest'
import { createWorld, type Name, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY, U0ALEX] } }
rules:
  - { name: two people agree about a database, vm: { name: vm-db* }, approvals: 2 }
  - { name: a colleague agrees }
`

describe('a yes to less than was asked for', () => {
  let world: World
  afterEach(() => world?.close())

  const opensForm = async (name: Name) => {
    await world.clicks(name, 'less')
    return world.slack.until(() => world.people[name].modal())
  }
  type View = Awaited<ReturnType<typeof opensForm>>
  const sends = async (name: Name, view: View, values: Record<string, unknown>) => {
    world.people[name].fills(view, values)
    await world.people[name].submits(view)
    await world.settle()
  }

  test('by somebody who may not say yes changes nothing, and tells them why', async () => {
    world = await createWorld({ policy })
    await world.asks('robin', 'ssh vm-jump01 1h from 81.2.69.142')
    await sends('robin', await opensForm('robin'), { time: '30m' })
    expect(world.ephemerals('robin').at(-1)).toMatch(/Nobody decides on their own request/)
    await sends('mallory', await opensForm('mallory'), { time: '30m' })
    expect(world.ephemerals('mallory').at(-1)).toMatch(/You are not an approver for this request/)
    expect(world.cardText()).toMatch(/^Approval needed/)
  })

  test('that comes after a no tells that it is too late', async () => {
    world = await createWorld({ policy })
    await world.asks('robin', 'ssh vm-jump01 1h from 81.2.69.142')
    const view = await opensForm('avery')
    await world.clicks('alex', 'deny')
    await sends('avery', view, { time: '30m' })
    expect(world.ephemerals('avery').at(-1)).toMatch(/Too late: this request was already denied by @alex/)
  })

  test('is what the second of two reads, although the person named an end', async () => {
    world = await createWorld({ policy })
    await world.asks('robin', 'ssh vm-db01 until 11:30 from 81.2.69.142')
    expect(world.cardText()).toMatch(/How long\s+until /)
    await sends('avery', await opensForm('avery'), { time: '10m' })
    expect(world.cardText()).toMatch(/^Approval needed: ssh to vm-db01 for 10 min/)
    expect(world.cardText()).toMatch(/How long\s+10 min from the approval, at the latest until /)
    await world.clicks('alex', 'approve')
    expect(world.cardText()).toMatch(/How long\s+10 min, until /)
    await world.passes('11m')
    expect(world.cardText()).toMatch(/^Closed: /)
  })

  test('is what is named when the policy has come to allow less, and opens that', async () => {
    world = await createWorld({ policy })
    await world.asks('robin', 'ssh vm-jump01 15m from 81.2.69.142')
    await world.policy(policy.replace('maxDuration: 8h', 'maxDuration: 10m'))
    await world.clicks('avery', 'approve')
    expect(world.ephemerals('avery').at(-1)).toMatch(
      /no longer allows this request \(.*15 min is more than the 10 min.*Approve less of it or deny it; it can also be asked for again/,
    )
    await sends('avery', await opensForm('avery'), { time: '10m' })
    expect(world.cardText()).toMatch(/^Open: ssh to vm-jump01/)
  })

  test('leaves the answer that the policy gave as it was: it was about all of it', async () => {
    world = await createWorld({ policy })
    await world.asks('robin', 'rdp,ssh vm-jump01 2h from 81.2.69.142')
    await sends('avery', await opensForm('avery'), { time: '15m', ports: ['22/tcp'] })
    expect(world.cardText()).toMatch(/^Open: 22\/tcp to vm-jump01/)
    await world.clicks('avery', 'why')
    expect(world.ephemerals('avery').at(-1)).toMatch(
      /^Why: rdp, ssh to vm-jump01 for 2 h from 81\.2\.69\.142\. So the policy answered when.*2 h is within/s,
    )
  })
})
