import type { Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import { textOf } from '../support/fake-slack/json.ts'
import type { Person } from '../support/fake-slack/person.ts'
import { noon, someone } from './a-case.ts'
import { listening, postButtons, slackHalf, socketMode } from './app-under-test.ts'
import { shut } from './listen.ts'

let fake: FakeSlack
let half: ReturnType<typeof slackHalf>
let server: Server | null
let alice: Person
let bob: Person

const refuseAsk = (ask: { vmName: string }) =>
  ask.vmName === 'vm-gone' ? 'There is no VM named <vm-gone>.' : null

async function begin(kind: 'socket' | 'http') {
  fake = await startFakeSlack()
  alice = fake.person('alice')
  bob = fake.person('bob')
  fake.channel('C0APPROVE', { members: ['alice', 'bob'] })
  const mode = kind === 'socket' ? socketMode(fake) : ({ kind, signingSecret: fake.signingSecret } as const)
  half = slackHalf(fake, mode, refuseAsk)
  server = null
  await half.app.start()
  if (kind === 'http') {
    const there = await listening(half.app)
    server = there.server
    fake.postsTo(there.url)
  } else {
    await fake.connected(2)
  }
}

afterEach(async () => {
  await half.app.stop()
  if (server !== null) shut(server)
  await fake.stop()
})

describe.each(['socket', 'http'] as const)('over %s', (kind) => {
  beforeEach(() => begin(kind))

  it('an ask is stored as it was typed and acknowledged with what it was understood as', async () => {
    const seen = await alice.types('/jit', 'RDP to `vm-jump01` for 30m because a &lt;b&gt;')
    expect(seen.acked).toBe(true)
    expect(seen.ephemeral?.text).toBe('Got it: rdp to vm-jump01 for 30 min. Checking the policy.')
    expect(half.stored).toEqual([
      {
        key: textOf(seen.payload, 'trigger_id'),
        receivedAt: noon,
        gesture: {
          kind: 'ask',
          person: someone('U0ALICE'),
          text: 'RDP to `vm-jump01` for 30m because a &lt;b&gt;',
          responseUrl: textOf(seen.payload, 'response_url'),
        },
      },
    ])
  })

  it('an ask until a time of day is acknowledged as one', async () => {
    const seen = await alice.types('/jit', 'ssh,443/tcp vm-web01 until 18:05')
    expect(seen.ephemeral?.text).toBe('Got it: ssh, 443/tcp to vm-web01 until 18:05. Checking the policy.')
  })

  it.each([
    [
      'rpd vm1 30m',
      '“rpd” is not a service. Did you mean rdp? Services are rdp, ssh, winrm; a port such as 443/tcp works too.\nTry: `/jit rdp vm1 30m`',
    ],
    [
      'rdp &lt;!channel&gt; 30m',
      '“&lt;!channel&gt;” is not the name of a VM.\nTry: `/jit rdp vm-jump01 30m`',
    ],
    [
      'list',
      'The list of open access is not here yet. Your own is in this app’s Home and in your messages from it.',
    ],
    [
      'panic',
      'Say what to stop, and why after “because”. For example: `/jit panic all because the jump host is compromised`, or `vm vm-jump01`, `subscription Production`, `person @robin` instead of `all`, or `/jit panic lift because it is clean`.',
    ],
    ['rdp vm-gone 30m', 'There is no VM named &lt;vm-gone&gt;.'],
  ])('“%s” is answered at once and nothing is stored', async (text, answer) => {
    const seen = await alice.types('/jit', text)
    expect(seen.acked).toBe(true)
    expect(seen.ephemeral?.text).toBe(answer)
    expect(half.seenKeys).toEqual([])
  })

  it('help shows examples that work', async () => {
    const seen = await alice.types('/jit', '')
    expect(fake.visible(seen.ephemeral ?? expect.fail('no help'))).toMatchInlineSnapshot(`
      "Ask for access to a VM: /jit <service> <vm> <duration> [from <address>] [because <reason>]
      • /jit rdp vm-jump01 30m
      • /jit ssh,443/tcp vm-web01 2h from 81.2.69.142 because deploying the fix
      • /jit rdp rg-ops/vm-jump01 until 18:00, with the resource group, when two VMs have the same name
      • /jit rdp vm-jump01 1h at 18:00, or tomorrow 9:00, to begin later
      Why the policy says what it says: /jit why rdp vm-jump01 30m, without asking anybody.
      Services: rdp (3389/tcp), ssh (22/tcp), winrm (5985/tcp, 5986/tcp), or a port such as 443/tcp.
      Address: leave it out and I ask you for it, or type the public address that you connect from after from. /jit ip shows what I remember of it, and /jit ip forget forgets it.
      Stay longer: /jit extend with the id of the request and how much longer, as in /jit extend 7k3m9x2pqr 30m.
      No time to wait for a yes: /jit break-glass rdp vm-jump01 30m because the shop is down, where the policy allows it. Everybody who was passed over is told, and somebody else has to sign for it afterwards.
      Stop: the buttons on your message, or /jit cancel and /jit close with the id of the request.
      Stop everything, if you are an operator: /jit panic all because the jump host is compromised, or vm, subscription or person and a name instead of all; /jit panic lift because it is clean ends that.
      Keep a VM shut, if you are an operator: /jit protect vm-web01; /jit unprotect vm-web01 undoes just that. /jit protect vm-web01 remove rdp-for-everyone has another operator asked about a rule that still lets somebody in.
      VMs and how they are guarded: /jit vms, or with a part of a name, as in /jit vms open rg-shop.
      How things stand: /jit status."
    `)
    expect((await alice.types('/jit', 'help')).ephemeral?.text).toBe(seen.ephemeral?.text)
  })

  it.each(['close', 'cancel'] as const)('/jit %s is the same gesture as the button', async (action) => {
    const seen = await alice.types('/jit', `${action} R7K3M9X2`)
    expect(seen.ephemeral?.text).toMatch(/^Got it\. Checking whether you may (close|cancel) it\.$/)
    expect(half.stored).toMatchObject([
      { gesture: { kind: 'click', action, requestId: 'r7k3m9x2', person: someone('U0ALICE') } },
    ])
  })

  it.each(['approve', 'deny', 'cancel', 'close'] as const)(
    'a click on %s is stored before it is acknowledged',
    async (action) => {
      const card = await postButtons(fake, 'C0APPROVE')
      const seen = await bob.clicks(card, action)
      expect(seen.acked).toBe(true)
      expect(half.stored).toEqual([
        {
          key: textOf(seen.payload, 'trigger_id'),
          receivedAt: noon,
          gesture: {
            kind: 'click',
            person: someone('U0BOB'),
            action,
            requestId: 'r7k3m9x2',
            responseUrl: textOf(seen.payload, 'response_url'),
          },
        },
      ])
    },
  )

  it('a clicker from elsewhere is stored with their own team', async () => {
    const outsider = fake.person('outsider', { stranger: true, team: 'T0ELSE' })
    fake.channel('C0SHARED', { members: ['outsider'] })
    const card = await postButtons(fake, 'C0SHARED')
    await outsider.clicks(card, 'approve')
    expect(half.stored).toMatchObject([{ gesture: { person: { userId: 'U0OUTSIDER', teamId: 'T0ELSE' } } }])
  })

  it('a gesture that is delivered twice has one effect and one answer', async () => {
    const asked = await alice.types('/jit', 'rdp vm-jump01 30m', { times: 2 })
    expect(asked.acks.map((ack) => ack.acked)).toEqual([true, true])
    expect(half.seenKeys).toHaveLength(2)
    expect(half.stored).toHaveLength(1)
    expect(alice.ephemerals()).toHaveLength(1)
    const clicked = await bob.clicks(await postButtons(fake, 'C0APPROVE'), 'approve', { times: 3 })
    expect(clicked.acks.map((ack) => ack.acked)).toEqual([true, true, true])
    expect(half.stored).toHaveLength(2)
  })

  it('when the database is away, the person is told that the ask was probably not stored', async () => {
    half.breakDatabase()
    const seen = await alice.types('/jit', 'rdp vm-jump01 30m')
    expect(seen.acked).toBe(true)
    expect(seen.ephemeral?.text).toMatch(
      /^Something is wrong on our side and your request was probably not stored/,
    )
    expect(half.log.lines.join()).toContain('A command could not be stored')
  })

  it('when the database is away, a click is not acknowledged and the person is told', async () => {
    half.breakDatabase()
    const card = await postButtons(fake, 'C0APPROVE')
    const clicked = bob.clicks(card, 'approve')
    const told = await fake.until(() => bob.ephemerals().at(-1), { what: 'an answer to the click' })
    expect(told.text).toMatch(/^Something is wrong on our side and your click probably changed nothing/)
    fake.expireAcks()
    expect((await clicked).acked).toBe(false)
    expect(fake.now(card).deleted).toBe(false)
  })

  it('nothing that a gesture brings costs a call to Slack before its ack', async () => {
    await alice.types('/jit', 'rdp vm-jump01 30m')
    const methods = new Set(fake.calls().map((call) => call.method))
    methods.delete('apps.connections.open')
    expect([...methods]).toEqual([])
  })

  it('knows whether it is heard', async () => {
    expect(half.app.connected()).toBe(true)
    await half.app.stop()
    expect(half.app.connected()).toBe(false)
  })
})
