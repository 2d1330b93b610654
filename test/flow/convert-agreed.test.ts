import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findMachine } from '../../src/simulator/topology.ts'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

const policy = (operators = '[U0ALEX, U0LEE]') => `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: ${operators} }
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees }
`
const group = 'nsg-open01-nic'
const theirs = 'rdp-for-everyone'

let world: World
const answered = (name: Name) => world.ephemerals(name).at(-1) ?? ''
const last = (name: Name) => {
  const found = world.slack.ephemerals(name).at(-1)
  if (!found) throw new Error('There is no answer.')
  return found
}
const looks = async (name: Name = 'alex', vm = 'open01') => {
  await world.asks(name, `vms ${vm}`)
  await world.clicks(name, 'convert', last(name))
  return last(name)
}
const asks = async (name: Name = 'alex', vm = 'open01') => {
  await world.clicks(name, 'ask_conversion', await looks(name, vm))
  return answered(name)
}
const cards = (vm = 'vm-open01') =>
  world.slack
    .messages(channels.pages)
    .filter((message) => world.slack.visible(message).includes(`${vm} (rg-ops`))
const card = (vm?: string) => {
  const message = cards(vm).at(-1)
  if (!message) throw new Error('Nobody was asked.')
  return message
}
const shown = (vm?: string) => world.slack.visible(card(vm))
const told = (name: Name = 'alex') => world.dm(name).at(-1) ?? ''
const audited = () => world.auditLines().map((line) => line.split(' · ')[1] ?? '')
const interfaceOf = (vm: string) => {
  const { sim } = world.azure
  const id = findMachine(sim, vm)?.properties.networkProfile?.networkInterfaces?.[0]?.id ?? ''
  const nic = sim.resources.get(id)
  if (!nic) throw new Error(`${vm} has no network interface.`)
  return nic
}
/** Puts another security group, or none, in front of the interface of a VM; answers how to undo that. */
const putBehind = (vm: string, nsg: string | null = 'vm-open01') => {
  const nic = interfaceOf(vm)
  const { networkSecurityGroup: _, ...properties } = nic.properties
  const theirGroup = nsg === null ? undefined : interfaceOf(nsg).properties.networkSecurityGroup
  world.azure.sim.resources.put({
    ...nic,
    properties: { ...properties, ...(theirGroup && { networkSecurityGroup: theirGroup }) },
  })
  return () => world.azure.sim.resources.put(nic)
}
const rule = (name = theirs) => world.azure.rules(group)[name]
const types = async (text: string) => {
  await world.people.alex.types('/jit', text, { channel: channels.access })
  await world.people.alex.submits(await world.slack.until(() => world.people.alex.modal()))
  await world.settle()
}
const agrees = () => world.clicks('lee', 'make_conversion', card())

const sent = () =>
  world.azure
    .calls()
    .filter(({ method }) => method === 'PUT' || method === 'DELETE')
    .map(({ method, path, status }) => `${method} ${path.split('/').at(-1)} ${status}`)
const named = (name: string, resourceGroup = 'rg-ops-network-westeurope') => ({
  id: `/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/${resourceGroup}/providers/Microsoft.Network/applicationSecurityGroups/${name}`,
})

describe('the yes of the second operator', () => {
  let before: NonNullable<ReturnType<typeof rule>>
  const byHand = (properties: Partial<typeof before>, name = theirs) =>
    world.azure.mutate({ do: 'put-rule', nsg: group, name, properties: { ...before, ...properties } })

  beforeAll(async () => {
    world = await createWorld({ policy: policy(), durable: true })
    await world.app.inventory.refresh()
    const found = structuredClone(rule())
    if (!found) throw new Error('There is no such rule.')
    before = found
    return () => world.close()
  })
  let sentBefore = 0
  const writes = () => sent().slice(sentBefore)
  beforeEach(async () => {
    sentBefore = sent().length
    for (const name of Object.keys(world.azure.rules(group)))
      world.azure.mutate({ do: 'delete-rule', nsg: group, name })
    byHand({})
    await world.app.inventory.refresh()
  })
  afterEach(async () => {
    world.azure.clearFaults()
    await world.policy(policy())
    await world.passes('5m')
    if (cards().length > 0 && shown().includes('[Leave it]'))
      await world.clicks('lee', 'leave_conversion', card())
  })

  test('is not taken once whoever asked is no operator any more', async () => {
    await asks()
    await world.policy(policy('[U0LEE]'))
    await agrees()
    expect(answered('lee')).toBe(
      '@alex, who asked for this, may not ask for it any more: the policy does not name them as an operator any more, so your yes was not taken. Nothing was changed. Two operators have to want it. Leave it as it is, and an operator can ask anew.',
    )
    expect(rule()).toEqual(before)
    await world.clicks('lee', 'leave_conversion', card())
    expect(answered('lee')).toBe('Every rule stays as it is.')
  })

  test('is not taken once the account of whoever asked is deactivated', async () => {
    await asks()
    world.people.alex.becomes({ deleted: true })
    await world.passes('2m')
    await agrees()
    const [said, now] = [answered('lee'), structuredClone(rule())]
    world.people.alex.becomes({ deleted: false })
    await world.passes('2m')
    expect(said).toMatch(/^@alex, who asked for this, may not .*: this account is deactivated, so your yes/)
    expect(now).toEqual(before)
  })

  test('is not taken for another change than was shown: a rule was changed since', async () => {
    await asks()
    byHand({ description: 'Now it is ours.' })
    await agrees()
    expect(answered('lee')).toBe(
      'Your yes was not taken, and this has lapsed: what would have to change is not what was shown any more, because rules, or the VMs behind a security group, are others now. Nothing was changed. An operator can ask anew with Convert to JIT.',
    )
    expect(rule()).toEqual({ ...before, description: 'Now it is ours.' })
    for (const text of [shown(), told()]) {
      expect(text).toMatch(
        /^Lapsed: the wish of @alex, .*, to change 1 rule in front of vm-open01 .*: what would have to change is not what was shown any more, because .* are others now\.\nWhat was asked for, .*:\n1\. Let the rule .*\nI changed nothing of this\. An operator can ask anew/,
      )
      expect(text).not.toContain('[')
    }
    expect(audited().at(-1)).toBe(
      'a change of rules that was asked for has lapsed, and nothing of it is made',
    )
    expect(await asks()).toMatch(/^Another operator is asked/)
  })

  test('is not taken once more VMs stand behind the group than was shown', async () => {
    await asks()
    expect(shown()).toContain('No other VM is behind that group')
    const restored = ['vm-bare01', 'vm-web01'].map((vm) => putBehind(vm))
    try {
      await world.app.inventory.refresh()
      await agrees()
      expect(answered('lee')).toMatch(
        /^Your yes was not taken, and this has lapsed: .*the VMs behind a security/,
      )
      expect(rule()).toEqual(before)
    } finally {
      for (const restore of restored) restore()
    }
  })

  test('is not taken while what stands there cannot be read, and is once it can', async () => {
    await asks()
    world.azure.fault({ kind: 'server-error', method: 'GET', path: `${group}/securityRules$` })
    await agrees()
    await world.passes('3m')
    expect(answered('lee')).toMatch(
      /^Your yes was not taken, because it is not certain that the change is still the right one: not everything in front of the VM could be read\. Nothing was changed\. Try again in a minute\.$/,
    )
    expect(rule()).toEqual(before)
    world.azure.clearFaults()
    await agrees()
    expect(rule()).toEqual({ ...before, sourceAddressPrefix: 'VirtualNetwork' })
  })

  test('has to come within a day: then the question lapses and has no buttons any more', async () => {
    await asks()
    expect(shown()).toMatch(/Another operator decides; if none has by .*, this lapses\./)
    await world.passes('25h')
    for (const text of [shown(), told()])
      expect(text).toMatch(/^Lapsed: the wish of @alex, .*: nobody decided about it within 24 hours\./)
    expect(shown()).not.toContain('[Make the change]')
    expect(rule()).toEqual(before)
  })

  test('is asked for only where the message shows all of it: not with more sources than it shows', async () => {
    const many = Array.from({ length: 14 }, (_, at) => `10.77.${at}.0/24`)
    const { sourceAddressPrefix: _, ...rest } = before
    const put = (sourceAddressPrefixes: readonly string[]) =>
      world.azure.mutate({
        do: 'put-rule',
        nsg: group,
        name: theirs,
        properties: { ...rest, sourceAddressPrefixes: [...sourceAddressPrefixes] },
      })
    put(['81.2.69.0/24', ...many])
    const proposal = world.slack.visible(await looks())
    expect(proposal).toMatch(
      /Nobody can ask for it here: it has more than 12 sources, destinations or ports, so no message shows the rule rdp-for-everyone whole, and nobody can agree to what they do not see\.$/,
    )
    expect(proposal).not.toContain('[Ask for this change]')
    const twelve = ['81.2.69.0/24', ...many.slice(0, 11)]
    put(twelve)
    await asks()
    const line = shown()
      .split('\n')
      .find((one) => one.startsWith('1. '))
    for (const source of twelve) expect(line).toContain(source)
    expect(line).not.toMatch(/ more\b/)
  })

  test('sees application security groups by their names', async () => {
    const { sourceAddressPrefix: _, ...rest } = before
    const put = (...sourceApplicationSecurityGroups: ReturnType<typeof named>[]) =>
      world.azure.mutate({
        do: 'put-rule',
        nsg: group,
        name: theirs,
        properties: { ...rest, sourceAddressPrefixes: ['81.2.69.0/24'], sourceApplicationSecurityGroups },
      })
    put(named('asg-jump-hosts-admin'), named('asg-everyone-else'))
    await asks()
    expect(shown()).toMatch(
      /become the application security group asg-jump-hosts-admin \(rg-ops-network-westeurope\) and the application security group asg-everyone-else \(rg-ops-network-westeurope\)\./,
    )
  })

  test('is followed by what stands in front of the VM then: no group, though the list of VMs has one', async () => {
    await asks()
    world.azure.fault({ kind: 'server-error', method: 'PUT', path: theirs })
    await agrees()
    const restore = putBehind('vm-open01', null)
    try {
      world.azure.clearFaults()
      await world.passes('3m')
      expect(world.passesTo('vm-open01', 3389, '8.8.8.8')).toBe(true)
      for (const text of [shown(), told()]) {
        expect(text).toMatch(
          /\nStands open now: no security group is in front of [\w-]+, so no rule keeps anybody out, as Azure showed /,
        )
        expect(text).not.toMatch(/Nothing stands open/)
        expect(text).not.toMatch(/From now on people ask/)
      }
    } finally {
      restore()
    }
  })

  test('is not taken once the group is not in front of the VM any more', async () => {
    await asks()
    const restore = putBehind('vm-open01', null)
    try {
      await agrees()
      await world.passes('3m')
      expect(answered('lee')).toMatch(/^Your yes was not taken, .* Nothing was changed\./)
      expect(rule()).toEqual(before)
    } finally {
      restore()
    }
  })

  test('is followed until Azure shows what became of a write that it took, however often reading fails', async () => {
    await asks()
    world.azure.fault({ kind: 'forbidden', method: 'GET', path: `${theirs}$`, after: 1 })
    await agrees()
    await world.passes('2m')
    expect(rule()).toEqual({ ...before, sourceAddressPrefix: 'VirtualNetwork' })
    expect(shown()).toMatch(
      /^Being changed: .* Not confirmed by Azure yet\. The last try met: Azure took the write, and what became of it could not be read: .* I keep trying\.$/s,
    )
    world.azure.clearFaults()
    await world.passes('10m')
    expect(shown()).toMatch(/^Changed: .*\n1\. Changed: the sources of the rule rdp-for-everyone/)
    expect(writes()).toEqual([`PUT ${theirs} 200`])
  })

  test('does not do again what somebody has put back since Azure took it', async () => {
    await asks()
    world.azure.fault({ kind: 'server-error', method: 'GET', path: `${theirs}$`, after: 1 })
    await agrees()
    expect(rule()).toEqual({ ...before, sourceAddressPrefix: 'VirtualNetwork' })
    byHand({})
    world.azure.clearFaults()
    await world.passes('10m')
    expect(rule()).toEqual(before)
    expect(shown()).toMatch(
      /1\. Not done as agreed: the rule rdp-for-everyone .* Azure had taken the change, and the rule rdp-for-everyone stands there as it was before\. Somebody may have put it back, so it is not done again\./,
    )
    expect(writes()).toEqual([`PUT ${theirs} 200`])
  })

  test('takes no credit for what somebody else has done meanwhile', async () => {
    await asks()
    world.azure.fault({ kind: 'server-error', method: 'PUT', path: theirs })
    await agrees()
    byHand({ sourceAddressPrefix: 'VirtualNetwork' })
    world.azure.clearFaults()
    await world.passes('10m')
    for (const text of [shown(), told()]) {
      expect(text).toMatch(
        /^So already: the rules in front of vm-open01 .*\n1\. So already: the sources of the rule rdp-for-everyone .* are VirtualNetwork, as Azure showed .*\. It was no write of mine that Azure confirmed, so somebody else may have done it\./,
      )
      expect(text).not.toMatch(/Changed:|To put it back/)
    }
    expect(audited().slice(-2)).toEqual([
      'a rule of somebody else’s was as agreed already, by no write of mine that Azure confirmed',
      'no change of rules is left to make',
    ])
    expect(world.auditLines().at(-1)).toContain('0 done, 0 not done as agreed, 1 so already')
  })

  test('is not acted on any more once access there is stopped, or the policy names other operators', async () => {
    await asks()
    world.azure.fault({ kind: 'server-error', method: 'PUT', path: theirs })
    await agrees()
    await types('panic vm vm-open01 because it is compromised')
    world.azure.clearFaults()
    await world.passes('10m')
    expect(rule()).toEqual(before)
    expect(shown()).toMatch(
      /^Not done as agreed: .*\n1\. Not done as agreed: .* Access to vm-open01, or of somebody who wanted this, was stopped since, so it was not done\. Once the stop is lifted, an operator can ask anew\./,
    )
    await types('panic lift because it was cleaned')

    await asks()
    world.azure.fault({ kind: 'server-error', method: 'PUT', path: theirs })
    await agrees()
    await world.policy(policy('[]'))
    world.azure.clearFaults()
    await world.passes('10m')
    expect(rule()).toEqual(before)
    expect(shown()).toMatch(/The policy does not name both of those who wanted this as operators any more/)
  })

  test('is asked for once more, and says so, where Slack’s answer to the question was lost', async () => {
    const had = cards().length
    const proposal = await looks()
    // One of the two is the line of the audit channel.
    world.slack.fault({ method: 'chat.postMessage', kind: 'lost-reply', times: 2 })
    await world.clicks('alex', 'ask_conversion', proposal)
    await world.passes('1m')
    expect(cards()).toHaveLength(had + 2)
    const twice = /may stand here twice\. Only this one is kept up to date; the earlier one decides nothing\./
    expect(shown()).toMatch(twice)
    await agrees()
    await world.passes('2m')
    expect(shown()).toMatch(/^Changed: /)
    expect(shown()).toMatch(twice)
  })
})
