import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { rgShop } from '../support/defender.ts'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: [U0ALEX, U0LEE] }
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees }
`

let world: World
const opensForm = async (name: Name, text: string) => {
  await world.people[name].types('/jit', text, { channel: channels.access })
  return world.slack.until(() => world.people[name].modal())
}
/** The command, and the second deliberate step. */
const does = async (name: Name, text: string, values: Record<string, unknown> = {}) => {
  const view = await opensForm(name, text)
  const seen = await world.people[name].submits(view, values)
  await world.settle()
  return seen
}
const protects = (vm: string, values: Record<string, unknown> = {}) => does('alex', `protect ${vm}`, values)
const unprotects = (vm: string) => does('alex', `unprotect ${vm}`)
const told = (name: Name = 'alex') => world.dm(name).at(-1) ?? ''
const pages = () => world.slack.messages(channels.pages).map((message) => world.slack.visible(message))
const denies = (nsg: string) =>
  Object.entries(world.azure.rules(nsg)).flatMap(([name, rule]) =>
    name.startsWith('jitney-protect-') ? [{ name, ...rule }] : [],
  )
const audited = () => world.auditLines().map((line) => line.split(' · ')[1])

describe('protecting a VM by rules of our own', () => {
  beforeAll(async () => {
    world = await createWorld({ policy })
    await world.app.inventory.refresh()
    return () => world.close()
  })
  afterEach(async () => {
    world.azure.clearFaults()
    await world.passes('1m')
    expect(world.ourRules()).toEqual([])
  })

  test('a grant opens through it and closes again, and taking it away leaves all as it was', async () => {
    const before = world.azure.rules('nsg-web-subnet')
    expect(world.passesTo('vm-web01', 22, '10.30.1.77')).toBe(true)
    const view = await opensForm('alex', 'protect vm-web01')
    expect(world.slack.visible(view)).toMatch(
      /Protect a VM.*Jitney keeps everybody out of these ports of vm-web01 until access is asked for.*22, 3389, 5985, 5986/s,
    )
    await world.people.alex.submits(view)
    await world.settle()
    expect(world.dm('alex').at(-2)).toMatch(
      /^Protecting vm-web01 on 22, 3389, 5985, 5986 \(tcp and udp\) by rules that deny/,
    )
    expect(told()).toMatch(
      /^Protected: vm-web01 on 22, 3389, 5985, 5986 \(tcp and udp\)\. Rules that deny stand there, as Azure showed: jitney-protect-\w+-tcp \(priority 3500\) in nsg-web-subnet, jitney-protect-\w+-udp \(priority 3501\)/,
    )
    expect(told()).toMatch(
      /By the rules on the way, nothing lets anybody in to these ports\.\nIP flow verify, from 8\.8\.8\.8: kept out on .*22\/tcp.* by jitney-protect-/,
    )
    expect(denies('nsg-web-subnet')).toEqual([
      expect.objectContaining({
        access: 'Deny',
        sourceAddressPrefix: '*',
        destinationAddressPrefix: '10.30.1.10',
        priority: 3500,
        protocol: 'Tcp',
      }),
      expect.objectContaining({ access: 'Deny', priority: 3501, protocol: 'Udp' }),
    ])
    expect(world.passesTo('vm-web01', 22, '10.30.1.77')).toBe(false)

    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open/)
    expect([world.passesTo('vm-web01', 22), world.passesTo('vm-web01', 22, '81.2.69.143')]).toEqual([
      true,
      false,
    ])
    await world.passes('31m')
    expect(world.cardText()).toMatch(/^Closed/)
    expect(world.passesTo('vm-web01', 22)).toBe(false)
    expect(denies('nsg-web-subnet')).toHaveLength(2)

    await unprotects('vm-web01')
    expect(told()).toMatch(
      /^No longer protected by Jitney: vm-web01 .*The rules that I had written for it are gone, as Azure showed\. Ending it touched nobody else’s rule\.\nWhat lets somebody in now:\n• Open from VirtualNetwork on .* by the rule AllowVnetInBound, which every group has, in nsg-web-subnet/s,
    )
    expect(world.azure.rules('nsg-web-subnet')).toEqual(before)
    expect(audited().filter((line) => /protect/.test(line ?? ''))).toEqual([
      '@alex began to protect a VM',
      'the VM is protected, confirmed by Azure',
      '@alex ends the protection of a VM',
      'the protection is removed, confirmed by Azure',
    ])
    expect(pages()).toEqual([])
  })

  test('stands nearest to the VM, for its addresses alone, and in front of what is wide behind the grants', async () => {
    world.azure.mutate({
      do: 'put-rule',
      nsg: 'nsg-jump01-nic',
      name: 'rdp-for-all',
      properties: {
        access: 'Allow',
        direction: 'Inbound',
        protocol: '*',
        priority: 3600,
        sourceAddressPrefix: '*',
        sourcePortRange: '*',
        destinationAddressPrefix: '*',
        destinationPortRange: '0-65535',
      },
    })
    await protects('vm-jump01', { ports: '22, 5985', protocol: 'tcp' })
    expect(told()).toMatch(
      /^Protected: vm-jump01 on 22\/tcp, 5985\/tcp\. Rules that deny stand there.*-tcp \(priority 3500\) in nsg-jump01-nic, jitney-protect-\w+-tcp6 \(priority 3501\) in nsg-jump01-nic\.\n/,
    )
    expect(told()).toMatch(/nothing lets anybody in/)
    expect(denies('nsg-ops-subnet')).toEqual([])
    expect(denies('nsg-jump01-nic').map((rule) => rule.destinationAddressPrefix)).toEqual([
      '10.20.1.10',
      'fd00:20:0:1::10',
    ])
    await unprotects('vm-jump01')
    expect(told()).toMatch(/• Open from VirtualNetwork|• Open from \*/)
    expect(Object.keys(world.azure.rules('nsg-jump01-nic'))).toContain('rdp-for-all')
    world.azure.mutate({ do: 'delete-rule', nsg: 'nsg-jump01-nic', name: 'rdp-for-all' })
  })

  test('says which rule of others still lets somebody in, and how it is removed', async () => {
    await protects('vm-open01')
    expect(told()).toMatch(
      /What still lets somebody in:\n• Open from \* on 3389\/tcp, by the rule rdp-for-everyone \(priority 310\) in nsg-open01-nic\.\n.*It is not Jitney’s, so I leave it alone unless another operator agrees: \/jit protect vm-open01 remove rdp-for-everyone asks for that.*\naz network nsg rule delete --subscription .* --nsg-name nsg-open01-nic --name rdp-for-everyone\nIP flow verify, from 8\.8\.8\.8: kept out on .*; let in on 3389\/tcp by rdp-for-everyone\./s,
    )
    expect(world.passesTo('vm-open01', 3389)).toBe(true)
    expect(world.azure.rules('nsg-open01-nic')['rdp-for-everyone']).toMatchObject({
      access: 'Allow',
      priority: 310,
    })
    await unprotects('vm-open01')
    expect(told()).toMatch(
      /What lets somebody in now:\n• Open from \* on 3389\/tcp, by the rule rdp-for-everyone/,
    )
  })

  test('says when a security admin rule lets in before any security group is asked', async () => {
    const { adminRules } = world.azure.sim.governance
    adminRules.push({
      network: `${rgShop}/providers/Microsoft.Network/virtualNetworks/vnet-shop`,
      name: 'ssh-from-outside',
      priority: 10,
      access: 'AlwaysAllow',
      direction: 'Inbound',
      protocol: 'Tcp',
      sources: ['*'],
      destinations: ['*'],
      destinationPortRanges: ['22'],
    })
    await protects('vm-web01', { protocol: 'tcp' })
    await world.passes('3m')
    expect(told()).toMatch(
      /The security admin rule ssh-from-outside always lets in on 22\/tcp, before any security group is asked.*\nIP flow verify, from 8\.8\.8\.8: kept out on .*; let in on 22\/tcp by ssh-from-outside/,
    )
    adminRules.length = 0
    await unprotects('vm-web01')
  })

  test('its longest access and its addresses hold for whoever asks from then on', async () => {
    await protects('vm-web01', { ports: '22', sources: '81.2.69.0/24', longest: '1h' })
    await world.asks('robin', 'ssh vm-web01 2h from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /its protection lets people in for at most 1 h: ask for less time\. Nothing was stored/,
    )
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.70.1')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /lets nobody in from 81\.2\.70\.1, only from 81\.2\.69\.0\/24/,
    )
    await world.asks('robin', '443/tcp vm-web01 2h from 81.2.70.1')
    expect(world.cardText()).toMatch(/443\/tcp to vm-web01/)
    await unprotects('vm-web01')
    await world.asks('robin', 'ssh vm-web01 2h from 81.2.69.142')
    expect(world.cardText()).toMatch(/ssh to vm-web01/)
  })

  test('what it does not allow gets no yes either, when it was asked for before', async () => {
    await world.asks('robin', 'ssh vm-web01 4h from 81.2.69.142')
    await protects('vm-web01', { ports: '22', longest: '1h' })
    await world.clicks('avery', 'approve')
    expect(world.ephemerals('avery').at(-1)).toMatch(
      /The policy no longer allows this request \(vm-web01 is protected, and its protection lets people in for at most 1 h: ask for less time\), so nothing was opened\. Approve less of it/,
    )
    expect(world.passesTo('vm-web01', 22)).toBe(false)
    await unprotects('vm-web01')
    await protects('vm-web01', { ports: '22', sources: '81.2.70.0/24', longest: '8h' })
    await world.clicks('avery', 'approve')
    expect(world.ephemerals('avery').at(-1)).toMatch(
      /lets nobody in from 81\.2\.69\.142, only from 81\.2\.70\.0\/24\), so nothing was opened\. It can only be denied, or asked for again\./,
    )
    await unprotects('vm-web01')
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open/)
    await world.clicks('robin', 'close')
  })

  test('the list of VMs says that it is kept shut, since when and on which ports', async () => {
    await protects('vm-web01', { ports: '22', protocol: 'tcp' })
    await world.asks('robin', 'vms web01')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /vm-web01.*Kept shut by \/jit protect since .*, on 22\/tcp/,
    )
    await unprotects('vm-web01')
    await world.asks('robin', 'vms web01')
    expect(world.ephemerals('robin').at(-1)).not.toMatch(/Kept shut/)
  })

  test('a mistake in the form is shown at its place', async () => {
    const view = await opensForm('alex', 'protect vm-web01')
    const seen = await world.people.alex.submits(view, { ports: '22, ssh', sources: 'home', longest: '2m' })
    expect(JSON.stringify(seen)).toMatch(/“ssh” is not a port.*“home” is not an address.*from 5 min to 24 h/)
    await world.people.alex.closes(view, { all: true })
    expect(denies('nsg-web-subnet')).toEqual([])
  })

  test('is the operators’ alone, also when the form comes back', async () => {
    const seen = await world.asks('mallory', 'protect vm-web01')
    expect(JSON.stringify(seen)).toMatch(/Only operators may do this, and you are none/)
    const view = await opensForm('alex', 'protect vm-web01')
    await world.policy(policy.replace('[U0ALEX, U0LEE]', '[U0LEE]'))
    await world.people.alex.submits(view)
    await world.settle()
    expect(told()).toMatch(/Only the operators whom the policy names may do this, so nothing changed/)
    await world.policy(policy)
    await protects('vm-web01')
    const undo = await opensForm('alex', 'unprotect vm-web01')
    await world.policy(policy.replace('[U0ALEX, U0LEE]', '[U0LEE]'))
    await world.people.alex.submits(undo)
    await world.settle()
    expect(told()).toMatch(/Only the operators/)
    expect(denies('nsg-web-subnet')).toHaveLength(2)
    await world.policy(policy)
    await does('lee', 'unprotect vm-web01')
    expect(told('lee')).toMatch(/^No longer protected/)
    expect(told('alex')).toMatch(/^No longer protected/)
  })

  test.each([
    ['protect vm-nowhere', /I know no VM named vm-nowhere/],
    ['protect vm-app01', /More than one VM is named vm-app01/],
    ['unprotect vm-db01', /Jitney does not protect vm-db01, so there is nothing to undo/],
  ])('%s is refused before the form', async (text, why) => {
    expect(JSON.stringify(await world.asks('alex', text))).toMatch(why)
    expect(world.people.alex.modal()).toBeUndefined()
  })

  test('a VM before which no group stands cannot be protected, and one that is protected is not twice', async () => {
    await protects('vm-bare01')
    expect(told()).toMatch(
      /vm-bare01 cannot be protected like this: no security group stands before .*Nothing was changed/,
    )
    const second = await opensForm('lee', 'protect vm-db01')
    await protects('vm-db01')
    await world.people.lee.submits(second)
    await world.settle()
    expect(told('lee')).toMatch(/vm-db01 is protected already, by @alex/)
    expect(denies('nsg-db01-nic')).toHaveLength(2)
    expect(JSON.stringify(await world.asks('alex', 'protect vm-db01'))).toMatch(/is protected already/)
    await unprotects('vm-db01')
  })

  test('a rule of it that somebody removed or changed is told once, and never written again by itself', async () => {
    await protects('vm-web01', { protocol: 'tcp' })
    await world.passes('2m')
    const [rule] = denies('nsg-web-subnet')
    if (!rule) throw new Error('There is no rule.')
    const { name, ...properties } = rule
    world.azure.mutate({ do: 'delete-rule', nsg: 'nsg-web-subnet', name })
    await world.reconciles()
    await world.passes('3m')
    expect(pages()).toEqual([
      expect.stringMatching(
        new RegExp(
          `The protection of vm-web01 does not hold: ${name} in nsg-web-subnet is gone\\. I do not write it again`,
        ),
      ),
    ])
    expect(denies('nsg-web-subnet')).toEqual([])
    expect(audited().at(-1)).toBe('a protection is not as it was written')

    world.azure.mutate({ do: 'put-rule', nsg: 'nsg-web-subnet', name, properties })
    await world.passes('2m')
    expect(audited().at(-1)).toBe('the VM is protected, confirmed by Azure')
    world.azure.mutate({
      do: 'put-rule',
      nsg: 'nsg-web-subnet',
      name,
      properties: { ...properties, access: 'Allow', sourceAddressPrefix: '10.0.0.0/8' },
    })
    await world.passes('2m')
    expect(pages()).toHaveLength(2)
    expect(pages().at(-1)).toMatch(
      /is not as it was written: access was Deny and is now Allow; source was \* and is now 10\.0\.0\.0\/8/,
    )
    await unprotects('vm-web01')
    expect(denies('nsg-web-subnet')).toEqual([])
  })

  test('Azure refuses: nothing of it stays, and it is never called protected', async () => {
    world.azure.fault({ kind: 'forbidden', method: 'PUT', path: 'jitney-protect-' })
    await protects('vm-web01')
    expect(told()).toMatch(/^Not protected: vm-web01 .*It could not be done: .*authorization/s)
    expect(denies('nsg-web-subnet')).toEqual([])
    expect(await world.app.store.protections()).toEqual([])
  })

  test('somebody takes the place meanwhile: the next one is taken', async () => {
    const view = await opensForm('alex', 'protect vm-web01')
    world.azure.fault({
      kind: 'operation-failed',
      code: 'SecurityRuleConflict',
      method: 'PUT',
      path: 'jitney-protect-',
      times: 1,
    })
    await world.people.alex.submits(view)
    await world.settle()
    expect(told()).toMatch(/^Protected: vm-web01/)
    expect(denies('nsg-web-subnet').map(({ priority }) => priority)).toEqual([3502, 3501])
    await unprotects('vm-web01')
  })

  test('while an operator has stopped all access there, it is not taken away', async () => {
    await protects('vm-web01')
    await does('lee', 'panic vm vm-web01 because somebody is inside')
    await unprotects('vm-web01')
    expect(told()).toMatch(
      /@lee stopped all access there at .*without its protection the VM would be opened\. Nothing was changed/,
    )
    expect(denies('nsg-web-subnet')).toHaveLength(2)
    await does('lee', 'panic lift because they are out')
    await unprotects('vm-web01')
    expect(told()).toMatch(/^No longer protected/)
  })

  test('the form warns that access is open there, and that access goes on', async () => {
    await protects('vm-web01')
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    const view = await opensForm('alex', 'unprotect vm-web01')
    expect(world.slack.visible(view)).toMatch(
      /2 rules of Jitney that deny are removed.*1 access that was approved is open there and ends at its own time/s,
    )
    await world.people.alex.submits(view)
    await world.settle()
    expect(told()).toMatch(/One access that was approved is open there/)
    expect(world.passesTo('vm-web01', 22)).toBe(true)
    await world.passes('31m')
    expect(world.passesTo('vm-web01', 22)).toBe(false)
  })
})
