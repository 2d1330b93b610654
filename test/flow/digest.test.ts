import { afterEach, describe, expect, test } from 'vitest'
import { rule } from '../../src/simulator/world-builder.ts'
import { production } from '../support/simulator.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

/** The clock of these tests begins on Monday 2026-11-23 at 09:00 UTC, which is 10:00 in Berlin. */
const tells = (more = 'day: tuesday, hour: 9') =>
  `${worldPolicy}digest: { channel: C0PAGES, zone: Europe/Berlin, ${more} }\n`

let world: World
afterEach(() => world.close())
const digests = () => world.slack.messages('C0PAGES').map((message) => world.slack.visible(message))
const sshForAll = rule('ssh-for-all', 400, { sourceAddressPrefix: 'Internet', destinationPortRange: '22' })
const opens = () => world.azure.mutate({ do: 'put-rule', nsg: 'nsg-web-subnet', ...sshForAll })

describe('the weekly digest', () => {
  test('says once a week what stands open, what is new and what is gone', async () => {
    world = await createWorld({ policy: tells() })
    await world.passes('22h')
    expect(digests()).toEqual([])
    await world.passes('1h')
    expect(digests()).toHaveLength(1)
    expect(digests()[0]).toMatch(
      /^1 way in to management ports stands open to people outside, without an end\. This is the first of these messages\.\nOpen \(1\)\n• vm-open01 .*RDP \(3389\) to anybody .*by the rule rdp-for-everyone in nsg-open01-nic\.\nWithout any security group .*vm-bare01/,
    )
    expect(digests()[0]).toMatch(/rules as of 2026-11-24 08:00 UTC/)

    opens()
    await world.passes('7d')
    expect(digests()).toHaveLength(2)
    expect(digests()[1]).toMatch(
      /^2 ways in to management ports stand open to people outside, without an end\. Since the last one, 2026-11-24 08:00 UTC: 1 new, 0 gone\.\nNew \(1\)\n• vm-web01 .*SSH \(22\) to anybody on the internet, by the rule ssh-for-all in nsg-web-subnet\.\nStill open \(1\)\n• vm-open01/,
    )

    world.azure.mutate({ do: 'delete-rule', nsg: 'nsg-web-subnet', name: 'ssh-for-all' })
    world.azure.mutate({ do: 'delete-rule', nsg: 'nsg-open01-nic', name: 'rdp-for-everyone' })
    await world.passes('7d')
    expect(digests()).toHaveLength(3)
    expect(digests()[2]).toMatch(/^Nothing that could be read stands open to people outside\.\nGone \(2\)\n/)
    expect(digests()[2]).toMatch(/• vm-web01: SSH \(22\), by the rule ssh-for-all in nsg-web-subnet/)
  })

  test('is posted once, also after restarts, and made up for when the bot was away at its time', async () => {
    world = await createWorld({ policy: tells(), durable: true })
    await world.passes('22h')
    await world.restarts()
    world.clock.to(world.clock.now() + 3 * 3_600_000)
    await world.restarts()
    await world.settle()
    expect(digests()).toHaveLength(1)
    await world.restarts()
    await world.passes('1d')
    expect(digests()).toHaveLength(1)
    await world.passes('6d')
    expect(digests()).toHaveLength(2)
  })

  test('is off unless the policy says so, and begins with the next moment once it does', async () => {
    world = await createWorld()
    await world.passes('9d')
    expect(digests()).toEqual([])
    expect(await world.policy(tells('day: wed, hour: 9'))).toBeNull()
    await world.settle()
    // Last week's moments are not made up for.
    expect(digests()).toEqual([])
    await world.passes('7d')
    expect(digests()).toHaveLength(1)
    expect(await world.policy(worldPolicy)).toBeNull()
    await world.passes('14d')
    expect(digests()).toHaveLength(1)
  })

  test('waits for Azure for an hour, then says what it does not know, and calls nothing gone', async () => {
    world = await createWorld({ policy: tells() })
    await world.passes('1d')
    expect(digests()).toHaveLength(1)
    world.azure.fault({
      kind: 'forbidden',
      path: `${production}/providers/Microsoft.Network/networkSecurityGroups`,
    })
    await world.passes('7d')
    const last = digests().at(-1) ?? ''
    expect(digests()).toHaveLength(2)
    expect(last).toMatch(
      /^Nothing that could be read stands open to people outside; of 6 VMs that is not known/,
    )
    expect(last).toMatch(/Not known any more \(1\)\n• vm-open01: RDP \(3389\)/)
    expect(last).not.toMatch(/Gone/)
    expect(last).toMatch(/Not read: the security groups of Production/)
    // Nobody is told that it is new when it can be read again.
    world.azure.clearFaults()
    await world.passes('7d')
    expect(digests().at(-1)).toMatch(
      /^1 way in to management ports stands open .*: 0 new, 0 gone\.\nStill open \(1\)/,
    )
  })

  test('comes when Slack takes it again, and says that it may stand there twice when nobody knows', async () => {
    world = await createWorld({ policy: tells() })
    await world.passes('22h')
    world.slack.fault({ method: 'chat.postMessage', kind: '429', retryAfter: 30, times: 2 })
    await world.passes('2h')
    expect(digests()).toHaveLength(1)
    expect(digests()[0]).not.toMatch(/may repeat/)
    await world.passes('166h')
    world.slack.fault({ method: 'chat.postMessage', kind: 'lost-reply', times: 1 })
    await world.passes('4h')
    expect(digests()).toHaveLength(3)
    expect(digests()[1]).not.toMatch(/may repeat/)
    expect(digests()[2]).toMatch(/\(may repeat\)/)
  })
})
