import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { channels, createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
services:
  many: [8001/tcp, 8002/tcp, 8003/tcp, 8004/tcp, 8005/tcp, 8006/tcp, 8007/tcp, 8008/tcp]
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY, U0ALEX] } }
rules:
  - { name: an office looks at a web server, vm: { name: vm-web* }, maxAddresses: 16 }
  - { name: a colleague agrees, services: [rdp, ssh, many] }
`

describe('proof of flow', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())
  afterEach(async () => {
    world.azure.clearFaults()
    world.azure.release()
    await world.passes('8h')
    expect(world.ourRules()).toEqual([])
  })

  const check = { path: 'ipFlowVerify', method: 'POST' } as const
  const opens = async (text = 'rdp vm-jump01 30m from 81.2.69.142') => {
    await world.asks('robin', text)
    await world.clicks('avery', 'approve')
  }
  const since = () => {
    const seq = world.azure.calls().at(-1)?.seq ?? 0
    return () => world.azure.calls(seq).filter(({ path }) => path.includes(check.path))
  }
  const mirror = () => {
    const id = /Request (\w+)/.exec(world.cardText())?.[1] ?? 'none'
    return world.dm('robin').find((text) => text.includes(`Request ${id}`)) ?? ''
  }
  const audited = () => world.auditLines().at(-1) ?? ''
  const metric = async (name: string) => {
    const body = await (await fetch(`http://127.0.0.1:${world.app.webPort}/metrics`)).text()
    return Number(
      body
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1] ?? 0,
    )
  }
  const denies = (name: string, nsg: string, port = '3389') =>
    world.azure.mutate({
      do: 'put-rule',
      nsg,
      name,
      properties: {
        access: 'Deny',
        direction: 'Inbound',
        protocol: '*',
        priority: 100,
        sourceAddressPrefix: '*',
        sourcePortRange: '*',
        destinationAddressPrefix: '*',
        destinationPortRange: port,
      },
    })

  test('open (verified) and closed (verified), with one question each and nothing more in the thread', async () => {
    const asked = since()
    await opens()
    await world.passes({ seconds: 3 })
    const open =
      /Open \(verified\): Azure’s IP flow verify said \S+ \S+ UTC that traffic passes by the network rule of this request\./
    expect(world.cardText()).toMatch(/^Open: rdp to vm-jump01/)
    expect(world.cardText()).toMatch(open)
    expect(mirror()).toMatch(open)
    expect(audited()).toMatch(
      /open, verified by IP flow verify.*tried from 81\.2\.69\.142 · agreed after 0\.0 s/,
    )
    expect(world.thread()).toHaveLength(1)
    expect(asked()).toHaveLength(1)
    await world.passes('31m')
    expect(world.cardText()).toMatch(/^Closed: /)
    expect(world.cardText()).toMatch(
      /Closed \(verified\): Azure’s IP flow verify said \S+ \S+ UTC that new connections from 81\.2\.69\.142 are denied\./,
    )
    expect(mirror()).toMatch(/Closed \(verified\)/)
    expect(audited()).toMatch(/closed, verified by IP flow verify/)
    expect(world.thread()).toHaveLength(3)
    expect(asked()).toHaveLength(2)
  })

  test('Robin hears at once how to connect, however long Azure takes to answer', async () => {
    world.azure.fault({ ...check, kind: 'slow-operation', hold: true, times: 1 })
    await opens()
    expect(world.cardText()).toMatch(/^Open: rdp to vm-jump01/)
    expect(world.dm('robin').at(-1)).toMatch(/^Open until.*mstsc \/v:52\.166\.10\.10/s)
    expect(world.cardText()).not.toMatch(/verified/)
    world.azure.release()
    await world.passes('1m')
    expect(world.cardText()).toMatch(/Open \(verified\)/)
  })

  test('Azure answers later by a 202: it is asked after, and the same is said', async () => {
    world.azure.fault({ ...check, kind: 'slow-operation', polls: 3 })
    await opens()
    await world.passes({ seconds: 3 })
    expect(world.cardText()).toMatch(/Open \(verified\)/)
  })

  test('the rule takes effect after 80 seconds: Robin and the thread hear when traffic passes, and how long it took', async () => {
    const asked = since()
    const before = await metric('jit_time_to_traffic_seconds_bucket{le="120",of="open"}')
    const sooner = await metric('jit_time_to_traffic_seconds_bucket{le="60",of="open"}')
    world.azure.fault({ ...check, kind: 'slow-propagation', ms: 80_000 })
    await opens()
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Open: /)
    expect(world.cardText()).not.toMatch(/verified/)
    await world.passes('1m')
    expect(world.cardText()).toMatch(/Open \(verified\).*That was 92 s after its network rule was there\./)
    expect(world.thread().at(-1)).toMatch(/^Open \(verified\): rdp to vm-jump01\..*92 s after/)
    expect(world.dm('robin').at(-1)).toMatch(/^Open \(verified\): rdp to vm-jump01/)
    expect(world.thread()).toHaveLength(2)
    expect(audited()).toMatch(/agreed after 92 s/)
    expect(await metric('jit_time_to_traffic_seconds_bucket{le="120",of="open"}')).toBe(before + 1)
    expect(await metric('jit_time_to_traffic_seconds_bucket{le="60",of="open"}')).toBe(sooner)
    expect(asked()).toHaveLength(8)
    await world.passes('30m')
    expect(world.cardText()).toMatch(/Closed \(verified\)/)
  })

  test('for longer than two minutes Azure does not know of the rule: not verified yet, and it stays open', async () => {
    world.azure.fault({ ...check, kind: 'slow-propagation', ms: 600_000 })
    await opens('ssh vm-web01 30m from 81.2.69.142')
    await world.passes('5m')
    expect(world.cardText()).toMatch(/^Open: /)
    expect(world.cardText()).toMatch(
      /Open \(not verified yet\): .* that traffic is denied, by the rule DenyAllInBound \(22\/tcp\)\. .*try to connect in a few minutes/,
    )
    expect(world.thread().at(-1)).toMatch(/^Open \(not verified yet\): ssh to vm-web01/)
    expect(world.dm('robin').at(-1)).toMatch(/^Open \(not verified yet\): ssh to vm-web01/)
    expect(audited()).toMatch(/open, but traffic does not pass.*by DenyAllInBound \(22\/tcp\)/)
    world.azure.clearFaults()
    await world.passes('30m')
    expect(world.cardText()).toMatch(/Closed \(verified\)/)
  })

  test('somebody’s stronger deny keeps Robin out: both hear which rule, and the access stays until its end', async () => {
    // The first look fails, so that the deny is there when the second one comes.
    world.azure.fault({ ...check, kind: 'server-error', times: 1 })
    await opens('ssh vm-web01 30m from 81.2.69.142')
    denies('no-ssh-today', 'nsg-web-subnet', '22')
    await world.passes('3m')
    const said =
      /that traffic is denied, by the rule no-ssh-today \(22\/tcp\)\. The network rule of this request stands all the same, until .* Whoever looks after that other rule/
    expect(world.cardText()).toMatch(/^Open: /)
    expect(world.cardText()).toMatch(said)
    expect(world.thread().at(-1)).toMatch(said)
    expect(world.dm('robin').at(-1)).toMatch(said)
    expect(world.thread()).toHaveLength(2)
    world.azure.mutate({ do: 'delete-rule', nsg: 'nsg-web-subnet', name: 'no-ssh-today' })
    await world.passes('30m')
    expect(world.cardText()).toMatch(/Closed \(verified\)/)
  })

  test('a rule for everybody lets Robin in before and after: it is named, and the thread hears of it after the close', async () => {
    await opens('rdp vm-open01 30m from 81.2.69.142')
    await world.passes('3m')
    const passes =
      /Open \(not verified\): .* passes, but not by the network rule of this request: it names the rule rdp-for-everyone \(3389\/tcp\)/
    expect(world.cardText()).toMatch(passes)
    expect(world.thread()).toHaveLength(1)
    await world.passes('30m')
    expect(world.cardText()).toMatch(/^Closed: /)
    const still =
      /^Closed, but still reachable: rdp to vm-open01\. .* that 81\.2\.69\.142 gets in all the same, let in by the rule rdp-for-everyone \(3389\/tcp\)\. That is no rule of this request/
    expect(world.thread().at(-1)).toMatch(still)
    expect(world.cardText()).toMatch(/Closed, but still reachable: /)
    expect(world.cardText()).not.toMatch(/Closed \(verified\)/)
    expect(world.dm('robin').at(-1)).toMatch(/^Closed: /)
    expect(audited()).toMatch(/closed, but still reachable.*by rdp-for-everyone \(3389\/tcp\)/)
  })

  test('the rule of another request lets Robin in after the close: that is on the card, and no alarm', async () => {
    await opens('ssh vm-web01 30m from 81.2.69.142')
    const first = () => {
      const card = world.slack.messages(channels.approvals).at(-2)
      if (!card) throw new Error('there is one card only')
      return card
    }
    await opens('ssh vm-web01 2h from 81.2.69.142')
    await world.passes('35m')
    expect(world.slack.visible(first())).toMatch(/^Closed: /)
    expect(world.slack.visible(first())).toMatch(
      /Closed \(not verified\): .* 81\.2\.69\.142 gets in by the rule jit-\w+-\d+ \(22\/tcp\), which belongs to another request/,
    )
    const thread = world.slack.thread(first()).map((message) => world.slack.visible(message))
    expect(thread.at(-1)).toMatch(/^Closed: /)
  })

  test('after the close Azure still lets traffic pass by the rule for a minute: it is asked again, and the thread stays quiet', async () => {
    await opens()
    await world.passes('29m')
    world.azure.fault({ ...check, kind: 'slow-propagation', ms: 60_000 })
    await world.passes({ seconds: 90 })
    expect(world.cardText()).toMatch(/^Closed: /)
    expect(world.cardText()).not.toMatch(/verified/)
    await world.passes('2m')
    expect(world.cardText()).toMatch(/Closed \(verified\)/)
    expect(audited()).toMatch(/closed, verified.*agreed after 62 s/)
    expect(world.thread().at(-1)).toMatch(/^Closed: /)
  })

  test('Azure goes on letting traffic pass by a rule that is gone: the thread hears of it, and it stays closed', async () => {
    await opens()
    await world.passes('29m')
    world.azure.fault({ ...check, kind: 'slow-propagation', ms: 600_000 })
    await world.passes('5m')
    expect(world.cardText()).toMatch(/^Closed: /)
    expect(world.thread().at(-1)).toMatch(
      /^Closed \(not verified yet\): rdp to vm-jump01\. Its network rule is gone, .* 81\.2\.69\.142 gets in by the rule jit-/,
    )
  })

  test.each([
    [
      'it may not ask',
      { ...check, kind: 'forbidden' },
      /Jitney lacks the right Microsoft\.Network\/networkWatchers\/ipFlowVerify\/action\./,
    ],
    [
      'Azure refuses',
      { ...check, kind: 'server-error', status: 400, code: 'NoSuchThing' },
      /Azure refuses to check it: An error occurred\./,
    ],
    ['Azure is away', { ...check, kind: 'server-error' }, /An error occurred\./],
    ['Azure has had too much', { ...check, kind: 'throttle', retryAfterSeconds: 30 }, /exceeded/],
    ['Azure loses the question', { ...check, kind: 'drop' }, /Azure could not be reached/],
  ] as const)('not verified, because %s: the card says so, and no more', async (_name, fault, why) => {
    world.azure.fault(fault)
    await opens()
    await world.passes('4m')
    expect(world.cardText()).toMatch(/^Open: /)
    expect(world.cardText()).toMatch(/Open \(not verified\): /)
    expect(world.cardText()).toMatch(why)
    expect(audited()).toMatch(/open, not verified by IP flow verify/)
    expect(world.thread()).toHaveLength(1)
    await world.passes('30m')
    expect(world.cardText()).toMatch(/^Closed: /)
    expect(world.cardText()).toMatch(/Closed \(not verified\): /)
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
  })

  test('Azure fails a few times and then answers: verified all the same', async () => {
    world.azure.fault({ ...check, kind: 'server-error', times: 3 })
    await opens()
    await world.passes('1m')
    expect(world.cardText()).toMatch(/Open \(verified\)/)
  })

  test('an IPv6 address: not verified, and Azure is not even asked', async () => {
    const asked = since()
    await opens('rdp vm-jump01 30m from 2a02:8109:9a80:1::1')
    await world.passes({ seconds: 3 })
    expect(world.cardText()).toMatch(/Open \(not verified\): IP flow verify knows IPv4 only\./)
    await world.passes('31m')
    expect(world.cardText()).toMatch(/Closed \(not verified\): IP flow verify knows IPv4 only\./)
    expect(asked()).toEqual([])
  })

  test('a stopped VM that Azure refuses to check: not verified', async () => {
    world.azure.fault({ ...check, kind: 'needs-running-vm' })
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    // Somebody stops it between the question and the yes.
    world.azure.mutate({ do: 'power', vm: 'vm-jump01', state: 'deallocated' })
    await world.clicks('avery', 'approve')
    await world.passes({ seconds: 3 })
    expect(world.cardText()).toMatch(/Open \(not verified\): the VM does not run: /)
    world.azure.mutate({ do: 'power', vm: 'vm-jump01', state: 'running' })
  })

  test('no Network Watcher in the region: not verified', async () => {
    const watchers = world.azure.sim.resources.list('microsoft.network/networkwatchers')
    const here = watchers.find(({ location }) => location === 'westeurope')
    if (!here) throw new Error('there is no watcher to remove')
    await world.passes('10m')
    world.azure.mutate({ do: 'delete', id: here.id })
    await opens()
    await world.passes({ seconds: 3 })
    expect(world.cardText()).toMatch(
      /Open \(not verified\): there is no Network Watcher in westeurope, in the subscription of this VM\./,
    )
    world.azure.sim.resources.put(here)
    await world.passes('31m')
    expect(world.cardText()).toMatch(/Closed \(verified\)/)
  })

  test('of a range both ends are tried, and the card says that it was only those', async () => {
    const asked = since()
    await opens('ssh vm-web01 30m from 81.2.69.128/28')
    await world.passes({ seconds: 3 })
    expect(world.cardText()).toMatch(
      /Open \(verified\): .* Of the range 81\.2\.69\.128\/28 only 81\.2\.69\.128 and 81\.2\.69\.143 were tried/,
    )
    expect(asked()).toHaveLength(2)
    await world.passes('31m')
    expect(world.cardText()).toMatch(/connections from 81\.2\.69\.128 and 81\.2\.69\.143 are denied/)
  })

  test('more ports and addresses than are worth asking about: the card says how many were tried', async () => {
    const asked = since()
    await opens('many vm-web01 30m from 81.2.69.128/28')
    await world.passes({ seconds: 3 })
    expect(world.cardText()).toMatch(
      /Open \(verified\): .* Of 16 combinations of address and port 12 were tried\./,
    )
    expect(asked()).toHaveLength(12)
    expect(audited()).toMatch(/12 of 16 combinations tried/)
  })

  test('it closes while the question is still open: the close waits for nothing', async () => {
    world.azure.fault({ ...check, kind: 'slow-propagation', ms: 600_000 })
    await opens()
    await world.passes({ seconds: 10 })
    await world.clicks('robin', 'close')
    expect(world.cardText()).toMatch(/^Closed: /)
    world.azure.clearFaults()
    await world.passes('3m')
    expect(world.cardText()).toMatch(/Closed \(verified\)/)
    expect(world.thread().filter((line) => line.includes('verified'))).toEqual([])
    expect(
      world
        .auditLines()
        .slice(-4)
        .filter((line) => /open, (verified|not|but)/.test(line)),
    ).toEqual([])
  })

  test('what never opened is verified as closed, and what never had a rule is not asked about', async () => {
    const asked = since()
    world.azure.fault({ kind: 'forbidden', path: 'securityRules/jit-', method: 'PUT' })
    await opens()
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Could not open: .*Closed \(verified\)/s)
    expect(asked()).toHaveLength(1)
    world.azure.clearFaults()
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142 at 23:00')
    await world.clicks('avery', 'approve')
    await world.clicks('robin', 'close')
    expect(world.cardText()).toMatch(/^Never opened: /)
    expect(world.cardText()).not.toMatch(/verified/)
    expect(asked()).toHaveLength(1)
  })

  test('a VM that was deleted meanwhile: closed, and why nobody can verify it', async () => {
    await opens('ssh vm-mdc01 30m from 81.2.69.142')
    await world.passes('1m')
    world.azure.mutate({
      do: 'delete',
      id: world.azure.sim.resources.named('microsoft.compute/virtualmachines', 'vm-mdc01')[0]?.id ?? '',
    })
    await world.passes('31m')
    expect(world.cardText()).toMatch(/^Closed: /)
    expect(world.cardText()).toMatch(/Closed \(not verified\): Azure does not find vm-mdc01/)
    expect(world.slack.messages(channels.pages)).toEqual([])
  })
})

test('the bot restarts in the middle of it: it goes on asking', async () => {
  const world = await createWorld({ policy, durable: true })
  try {
    world.azure.fault({ path: 'ipFlowVerify', kind: 'slow-propagation', ms: 30_000 })
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    await world.passes({ seconds: 5 })
    await world.restarts()
    await world.passes('2m')
    expect(world.cardText()).toMatch(/Open \(verified\)/)
  } finally {
    await world.close()
  }
})
