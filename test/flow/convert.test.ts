import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

const policy = (operators = '[U0ALEX, U0LEE]', vm = 'vm-*') => `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: ${operators} }
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees, vm: { name: ${vm} } }
`
const group = 'nsg-open01-nic'
const theirs = 'rdp-for-everyone'
const fromInside = '10.20.1.99'
const fromOutside = '8.8.8.8'

let world: World
const last = (name: Name) => {
  const found = world.slack.ephemerals(name).at(-1)
  if (!found) throw new Error('There is no answer.')
  return found
}
/** The proposal that Convert to JIT answers. */
const looks = async (name: Name = 'alex') => {
  await world.asks(name, 'vms open01')
  await world.clicks(name, 'convert', last(name))
  return last(name)
}
const answered = (name: Name) => world.ephemerals(name).at(-1) ?? ''
const asks = async (name: Name = 'alex') => {
  await world.clicks(name, 'ask_conversion', await looks(name))
  return answered(name)
}
const told = (name: Name = 'alex') => world.dm(name).at(-1) ?? ''
const cards = () =>
  world.slack
    .messages(channels.pages)
    .filter((message) => /vm-open01 \(rg-ops/.test(world.slack.visible(message)))
const card = () => {
  const message = cards().at(-1)
  if (!message) throw new Error('Nobody was asked.')
  return message
}
const shown = () => world.slack.visible(card())
const audited = () => world.auditLines().map((line) => line.split(' · ')[1] ?? '')
const rule = (name = theirs) => world.azure.rules(group)[name]
const writes = () =>
  world.azure
    .calls()
    .filter(({ method }) => method === 'PUT' || method === 'DELETE')
    .map(({ method, path, status }) => `${method} ${path.split('/').at(-1)} ${status}`)
const lets = (source: string, port = 3389) => world.passesTo('vm-open01', port, source)
const types = async (text: string) => {
  await world.people.alex.types('/jit', text, { channel: channels.access })
  await world.people.alex.submits(await world.slack.until(() => world.people.alex.modal()))
  await world.settle()
}

describe('what stands open on a VM is turned into access on request', () => {
  let before: NonNullable<ReturnType<typeof rule>>
  const byHand = (properties: Partial<typeof before>, name = theirs) =>
    world.azure.mutate({ do: 'put-rule', nsg: group, name, properties: { ...before, ...properties } })
  let sentBefore = 0
  const written = () => writes().slice(sentBefore)

  beforeAll(async () => {
    world = await createWorld({ policy: policy(), durable: true })
    await world.app.inventory.refresh()
    const found = structuredClone(rule())
    if (!found) throw new Error('There is no such rule.')
    before = found
    return () => world.close()
  })
  beforeEach(async () => {
    for (const name of Object.keys(world.azure.rules(group)))
      world.azure.mutate({ do: 'delete-rule', nsg: group, name })
    byHand({})
    await world.app.inventory.refresh()
    sentBefore = writes().length
  })
  afterEach(async () => {
    world.azure.clearFaults()
    await world.policy(policy())
    await world.passes('5m')
  })

  test('when one operator asks and another one agrees; who is inside still gets in', async () => {
    expect([lets(fromOutside), lets(fromInside)]).toEqual([true, true])
    const proposal = await looks()
    expect(world.slack.visible(proposal)).toMatch(
      /You can ask for it here: once another operator agrees, I make it\.\n\[Ask for this change\]$/,
    )
    await world.clicks('alex', 'ask_conversion', proposal)
    expect(answered('alex')).toMatch(
      /^Another operator is asked, in #pages, whether this change is made\. Until one agrees every rule stays as it is\. You are told what becomes of it\.$/,
    )
    expect(shown()).toMatch(
      /^@alex asks to change 1 rule that is not Jitney’s, so that people outside have to ask for access to vm-open01 \(rg-ops, Production\)\.\nStands open, .*RDP \(3389\) to anybody/,
    )
    expect(shown()).toMatch(
      /1\. Let the rule rdp-for-everyone \(priority 310\) in nsg-open01-nic keep only whoever is inside: its sources are any and become VirtualNetwork\. Now it lets in any to any on 3389 \(protocol Tcp\)\. Its description is “Added by hand for a demo\.”\. No other VM is behind that group/,
    )
    expect(shown()).toMatch(
      /After that nothing stands open .*Another operator decides.*\[Make the change\] \[Leave it\]$/s,
    )
    expect(written()).toEqual([])

    await world.clicks('lee', 'make_conversion', card())
    expect(answered('lee')).toMatch(/The change is being made, as far as each rule is still as it was shown/)
    expect(rule()).toEqual({ ...before, sourceAddressPrefix: 'VirtualNetwork' })
    expect(written()).toEqual([`PUT ${theirs} 200`])
    expect([lets(fromOutside), lets(fromInside)]).toEqual([false, true])
    expect(shown()).toMatch(
      /^Changed: the rules in front of vm-open01 .*, as @alex asked and @lee agreed .*\n1\. Changed: the sources of the rule rdp-for-everyone .* were any and are VirtualNetwork, as Azure showed .*\nNothing stands open to people outside on the ports that I look at, by the rules that I read .*\nFrom now on people ask for access, as in \/jit rdp vm-open01 30m\.$/,
    )
    expect(told()).toMatch(/^Changed: the rules .*\nTo put it back:\n.*--source-address-prefixes '\*'/s)
    expect(audited().slice(-4)).toEqual([
      '@alex asks another operator to change rules of somebody else’s',
      '@lee agreed to change rules of somebody else’s',
      'changed a rule of somebody else’s, confirmed by Azure',
      'no change of rules is left to make',
    ])
    expect(world.auditLines().at(-2)).toMatch(
      /rdp-for-everyone in nsg-open01-nic before: Allow Tcp from any to any on 3389, priority 310; after: Allow Tcp from VirtualNetwork to any on 3389, priority 310/,
    )
    expect(await looks().then((message) => world.slack.visible(message))).toMatch(
      /no rule that I could read, as of .*, lets anybody outside in/,
    )

    await world.asks('robin', 'rdp vm-open01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    expect(world.passesTo('vm-open01', 3389, '81.2.69.142')).toBe(true)
    await world.passes('31m')
    expect(world.passesTo('vm-open01', 3389, '81.2.69.142')).toBe(false)
  })

  test('a rule for people outside alone goes, and of one for more ports only the open ones', async () => {
    byHand({ destinationPortRange: '20-4000', sourceAddressPrefix: 'Internet' })
    byHand({ priority: 320, destinationPortRange: '22', sourceAddressPrefix: '81.2.69.0/24' }, 'ssh-office')
    await asks()
    expect(shown()).toMatch(/1\. Take these ports out of .*\n2\. Remove the rule ssh-office/)
    await world.clicks('lee', 'make_conversion', card())
    const { destinationPortRange: _, ...rest } = before
    expect(rule()).toEqual({
      ...rest,
      sourceAddressPrefix: 'Internet',
      destinationPortRanges: ['20-21', '23-3388', '3390-4000'],
    })
    expect(rule('ssh-office')).toBeUndefined()
    expect([lets('81.2.69.9', 22), lets('81.2.69.9', 3389), lets('81.2.69.9', 80)]).toEqual([
      false,
      false,
      true,
    ])
    expect(told()).toMatch(
      /1\. Changed: the ports of .* were 20-4000 and are 20-21, 23-3388 and 3390-4000.*\n2\. Removed: the rule ssh-office .*that it is gone\.\n.*To put change 1 back:\n.*To put change 2 back: Its description is .*az network nsg rule create/s,
    )
  })

  test('never by the yes of whoever asked, nor of anybody who is no operator', async () => {
    await asks()
    await world.clicks('alex', 'make_conversion', card())
    expect(answered('alex')).toMatch(/Nobody decides on their own request/)
    for (const button of ['make_conversion', 'leave_conversion']) {
      await world.clicks('avery', button, card())
      expect(answered('avery')).toMatch(/Only the operators whom the policy names may do this/)
    }
    await world.policy(policy('[U0ALEX]'))
    await world.clicks('lee', 'make_conversion', card())
    expect(answered('lee')).toMatch(/Only the operators whom the policy names/)
    expect(shown()).toMatch(/\[Make the change\]/)
    await world.clicks('alex', 'leave_conversion', card())
    expect(answered('alex')).toBe('Every rule stays as it is.')
    expect(rule()).toEqual(before)
    expect(written()).toEqual([])
  })

  test('is asked for by operators alone, and others hear who they are', async () => {
    const robins = world.slack.visible(await looks('robin'))
    expect(robins).toMatch(/az network nsg rule update/)
    expect(robins).toMatch(
      /An operator can ask for it here, and it is made when another operator agrees: @alex, @lee\.$/,
    )
    const proposal = await looks()
    await world.policy(policy('[U0LEE]'))
    await world.clicks('alex', 'ask_conversion', proposal)
    expect(answered('alex')).toMatch(/Only the operators whom the policy names may do this.*@lee/)
    await world.policy(policy('[]'))
    expect(world.slack.visible(await looks())).toMatch(/names no operators, so nobody can ask for it here\.$/)
  })

  test('not when another operator leaves it', async () => {
    await asks()
    expect(await asks()).toMatch(
      /A change of rules for vm-open01 is asked for or under way already, in #pages\. Nothing was changed\./,
    )
    await world.clicks('lee', 'leave_conversion', card())
    expect(shown()).toMatch(
      /^Left as it is: 1 rule in front of vm-open01 .*@alex asked .* to change it, and @lee decided .* to leave it\.\nWhat was asked for, by the rules as of .*:\n1\. .*\nNothing of this was changed\.$/,
    )
    expect(told()).toBe(
      '@lee left the rules for vm-open01 as they are: the change that you asked for is not made.',
    )
    expect(audited().at(-1)).toBe('@lee left rules of somebody else’s as they are')
    expect(rule()).toEqual(before)
    expect(await asks()).toMatch(/^Another operator is asked/)
    await world.clicks('lee', 'leave_conversion', card())
  })

  test('not when a rule is another one than was shown, before it is asked for', async () => {
    const proposal = await looks()
    byHand({ sourceAddressPrefix: 'Internet' })
    const asked = cards().length
    await world.clicks('alex', 'ask_conversion', proposal)
    expect(answered('alex')).toMatch(
      /What would have to change is not what you were shown any more, so nobody was asked\. Look at it again with Convert to JIT\. Nothing was changed\./,
    )
    world.azure.fault({ kind: 'server-error', method: 'GET', path: group })
    await world.clicks('alex', 'ask_conversion', proposal)
    expect(answered('alex')).toMatch(/Nobody was asked: (?:no rule|not everything).*Nothing was changed\./)
    expect(cards()).toHaveLength(asked)
  })

  test('a rule that somebody changed before its turn came is left alone, and the rest is done', async () => {
    byHand({ priority: 320, destinationPortRange: '22', sourceAddressPrefix: '81.2.69.0/24' }, 'ssh-office')
    await asks()
    world.azure.fault({ kind: 'server-error', method: 'PUT', path: theirs })
    await world.clicks('lee', 'make_conversion', card())
    byHand({ description: 'Now it is ours.' })
    world.azure.clearFaults()
    await world.passes('1m')
    expect(rule()).toEqual({ ...before, description: 'Now it is ours.' })
    expect(rule('ssh-office')).toBeUndefined()
    for (const text of [shown(), told()]) {
      expect(text).toMatch(/^Changed in part: the rules in front of vm-open01/)
      expect(text).toMatch(
        /1\. Not done as agreed: the rule rdp-for-everyone .* The rule rdp-for-everyone is not as it was shown any more, so it is left alone\.\n2\. Removed: the rule ssh-office/,
      )
      expect(text).toMatch(/Stands open now: RDP \(3389\) to anybody .*by the rules as of/)
    }
    expect(told()).not.toMatch(/To put (?:it|change 1) back/)
    expect(audited().slice(-3)).toEqual([
      'a rule of somebody else’s is not changed as agreed',
      'changed a rule of somebody else’s, confirmed by Azure',
      'no change of rules is left to make',
    ])
  })

  test('not while somebody has stopped all access there', async () => {
    const proposal = await looks()
    await types('panic vm vm-open01 because it is compromised')
    await world.clicks('alex', 'ask_conversion', proposal)
    expect(answered('alex')).toMatch(
      /@alex stopped all access to the VM vm-open01 at .*: it is compromised\. Until another operator lifts that, no such change is asked for or agreed to\. Nothing was changed\./,
    )
    await types('panic lift because it was cleaned')
    await asks()
    await types('panic vm vm-open01 because it is compromised again')
    await world.clicks('lee', 'make_conversion', card())
    expect(answered('lee')).toMatch(/@alex stopped all access to the VM vm-open01.*Nothing was changed\./)
    expect(rule()).toEqual(before)
    await types('panic lift because it was cleaned')
    await world.clicks('lee', 'make_conversion', card())
    expect(rule()).toMatchObject({ sourceAddressPrefix: 'VirtualNetwork' })
  })

  test('while Azure fails it is tried again, over a restart, and made once', async () => {
    await asks()
    world.azure.fault({ kind: 'server-error', method: 'PUT', path: theirs })
    await world.clicks('lee', 'make_conversion', card())
    await world.passes({ seconds: 10 })
    expect(shown()).toMatch(
      /^Being changed: 1 rule in front of vm-open01 .*\n1\. Let the rule .* Not confirmed by Azure yet\. The last try met: .* I keep trying\.$/,
    )
    expect(rule()).toEqual(before)
    const heard = world.dm('alex').length
    await world.restarts()
    world.azure.clearFaults()
    await world.passes('2m')
    expect(rule()).toEqual({ ...before, sourceAddressPrefix: 'VirtualNetwork' })
    expect(written().filter((line) => line.endsWith(' 200'))).toEqual([`PUT ${theirs} 200`])
    expect(shown()).toMatch(/^Changed: /)
    expect(world.dm('alex')).toHaveLength(heard + 1)
    await world.restarts()
    await world.passes('2m')
    expect(world.dm('alex')).toHaveLength(heard + 1)
    expect(written().filter((line) => line.endsWith(' 200'))).toHaveLength(1)
  })

  test('the answer of the write is lost, and it is not made a second time', async () => {
    await asks()
    world.azure.fault({ kind: 'drop', method: 'PUT', path: theirs, when: 'after', times: 1 })
    await world.clicks('lee', 'make_conversion', card())
    await world.passes('1m')
    expect(rule()).toEqual({ ...before, sourceAddressPrefix: 'VirtualNetwork' })
    expect(shown()).toMatch(/^Changed: /)
    expect(written()).toHaveLength(1)
  })

  test('what stands open afterwards is said not to be known when it cannot be read', async () => {
    await asks()
    // The first reading is for the yes.
    world.azure.fault({ kind: 'server-error', method: 'GET', path: `${group}/securityRules$`, after: 1 })
    await world.clicks('lee', 'make_conversion', card())
    await world.passes('1m')
    expect(rule()).toMatchObject({ sourceAddressPrefix: 'VirtualNetwork' })
    for (const text of [shown(), told()])
      expect(text).toMatch(/What stands open now could not be read: .*\/jit vms looks again\./)
  })

  test('says so where nobody may ask for access afterwards', async () => {
    await world.policy(policy('[U0ALEX, U0LEE]', 'vm-web*'))
    await asks()
    expect(shown()).toMatch(/No rule of the policy file lets anybody ask for this VM,.*Add one first\./)
    await world.clicks('lee', 'make_conversion', card())
    for (const text of [shown(), told()])
      expect(text).toMatch(/No rule of the policy file lets anybody ask for this VM\. Add one, so that/)
    expect(told()).not.toMatch(/\/jit rdp/)
  })

  test('asked for in the Home as well, where the proposal is a message', async () => {
    await world.people.alex.opensHome()
    await world.settle()
    const home = world.people.alex.home()
    if (!home) throw new Error('There is no Home.')
    await world.people.alex.clicks(home, 'convert')
    await world.settle()
    const proposal = world.slack.dm('alex').at(-1)
    if (!proposal) throw new Error('There is no proposal.')
    await world.clicks('alex', 'ask_conversion', proposal)
    expect(answered('alex')).toMatch(/^Another operator is asked/)
    await world.clicks('lee', 'leave_conversion', card())
  })
})
