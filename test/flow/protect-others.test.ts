import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
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
const does = async (name: Name, text: string) => {
  await world.people[name].types('/jit', text, { channel: channels.access })
  const view = await world.slack.until(() => world.people[name].modal())
  await world.people[name].submits(view)
  await world.settle()
  return world.slack.visible(view)
}
const told = (name: Name = 'alex') => world.dm(name).at(-1) ?? ''
const asked = () => {
  const message = world.slack.messages(channels.pages).at(-1)
  if (!message) throw new Error('Nobody was asked.')
  return message
}
const audited = () => world.auditLines().map((line) => line.split(' · ')[1])
const rule = () => world.azure.rules(group)[theirs]

describe('a rule of somebody else’s that lets people in to a protected VM', () => {
  let before: ReturnType<typeof rule>
  beforeAll(async () => {
    world = await createWorld({ policy: policy() })
    await world.app.inventory.refresh()
    before = structuredClone(rule())
    return () => world.close()
  })
  beforeEach(async () => {
    if (!before) throw new Error('There is no such rule.')
    world.azure.mutate({ do: 'put-rule', nsg: group, name: theirs, properties: before })
    await does('alex', 'protect vm-open01')
    expect(told()).toMatch(/\/jit protect vm-open01 remove rdp-for-everyone/)
  })
  afterEach(async () => {
    world.azure.clearFaults()
    await world.policy(policy())
    if ((await world.app.store.protections()).length > 0) await does('alex', 'unprotect vm-open01')
    await world.passes('3m')
  })

  test('goes when another operator agrees, and never by the yes of whoever asked', async () => {
    expect(await does('alex', `protect vm-open01 remove ${theirs}`)).toMatch(
      /Another operator is to be asked whether the rule rdp-for-everyone is removed/,
    )
    expect(told()).toMatch(
      /Another operator is asked, in #pages, whether the rule rdp-for-everyone is removed\. Until one agrees it stays as it is/,
    )
    expect(world.slack.visible(asked())).toMatch(
      /@alex wants a rule removed that is not Jitney’s: rdp-for-everyone \(priority 310\) in nsg-open01-nic, by which somebody gets in to vm-open01.*It lets in any to any on 3389.*“Added by hand for a demo\.”.*\[Remove it\].*\[Keep it\]/s,
    )
    await world.clicks('alex', 'agree_removal', asked())
    expect(world.ephemerals('alex').at(-1)).toMatch(/Nobody decides on their own request/)
    await world.clicks('avery', 'agree_removal', asked())
    expect(world.ephemerals('avery').at(-1)).toMatch(/Only the operators whom the policy names/)
    expect(rule()).toEqual(before)

    await world.clicks('lee', 'agree_removal', asked())
    expect(world.slack.visible(asked())).toMatch(
      /^@alex wanted the rule rdp-for-everyone in nsg-open01-nic removed\. @lee decided .*is being removed, if it is still as it was shown/,
    )
    expect(world.slack.visible(asked())).not.toMatch(/\[/)
    expect(world.ephemerals('lee').at(-1)).toMatch(
      /The rule rdp-for-everyone is being removed, if it is still as it was shown/,
    )
    expect(rule()).toBeUndefined()
    expect(world.passesTo('vm-open01', 3389)).toBe(false)
    expect(told()).toMatch(
      /^Protected: vm-open01.*nothing lets anybody in to these ports\.\nRemoved: the rule rdp-for-everyone in nsg-open01-nic, as @lee agreed\. It was not Jitney’s and is not put back/s,
    )
    expect(audited().slice(-3)).toEqual([
      '@alex asks another operator to remove a rule of somebody else’s',
      '@lee agreed to remove a rule of somebody else’s',
      'removed a rule of somebody else’s, confirmed by Azure',
    ])
    await does('alex', 'unprotect vm-open01')
    expect(told()).toMatch(/Removed: the rule rdp-for-everyone/)
    expect(rule()).toBeUndefined()
  })

  test('stays when another operator keeps it', async () => {
    await does('alex', `protect vm-open01 remove ${theirs}`)
    // The second click is made while the buttons are still there.
    await world.people.lee.clicks(asked(), 'keep_rule')
    await world.people.lee.clicks(asked(), 'agree_removal')
    await world.settle()
    expect(world.ephemerals('lee').slice(-2)).toEqual([
      'The rule rdp-for-everyone is kept.',
      expect.stringMatching(/This was decided already/),
    ])
    expect(world.slack.visible(asked())).toMatch(/@lee decided .*: The rule rdp-for-everyone is kept\.$/)
    expect(told()).toMatch(
      /@lee was asked about the rule rdp-for-everyone: The rule rdp-for-everyone is kept/,
    )
    expect(rule()).toEqual(before)
  })

  test('is not asked about any more once the protection is ended, which the question says when it is clicked', async () => {
    await does('alex', `protect vm-open01 remove ${theirs}`)
    await does('alex', 'unprotect vm-open01')
    await world.passes('3m')
    await world.clicks('lee', 'agree_removal', asked())
    expect(world.ephemerals('lee').at(-1)).toMatch(
      /or the VM is not protected any more\. Nothing was changed/,
    )
    expect(world.slack.visible(asked())).toMatch(/Nobody is asked about it any more\.$/)
    expect(rule()).toEqual(before)
  })

  test('stays when whoever asked is no operator any more', async () => {
    await does('alex', `protect vm-open01 remove ${theirs}`)
    await world.policy(policy('[U0LEE]'))
    await world.clicks('lee', 'agree_removal', asked())
    expect(world.ephemerals('lee').at(-1)).toMatch(
      /^@alex, who asked for this, may not ask for it any more: the policy does not name them as an operator any more, so your yes was not taken\. Nothing was changed\./,
    )
    expect(rule()).toEqual(before)
    await world.clicks('lee', 'keep_rule', asked())
    expect(world.ephemerals('lee').at(-1)).toBe('The rule rdp-for-everyone is kept.')
  })

  test('stays when nobody has decided within a day', async () => {
    await does('alex', `protect vm-open01 remove ${theirs}`)
    const question = asked()
    expect(world.slack.visible(question)).toMatch(
      /Another operator decides; if none has by .*, this lapses\./,
    )
    await world.passes('25h')
    expect(told()).toMatch(
      /Not removed: the rule rdp-for-everyone in nsg-open01-nic\. That was asked, and has lapsed: nobody decided about it within 24 hours\./,
    )
    await world.clicks('lee', 'agree_removal', question)
    expect(world.ephemerals('lee').at(-1)).toMatch(/This was decided already/)
    expect(rule()).toEqual(before)
    expect(audited()).toContain('did not remove a rule of somebody else’s')
  })

  test('is not asked about where the message cannot show all of it', async () => {
    if (!before) throw new Error('There is no such rule.')
    const { sourceAddressPrefix: _, ...rest } = before
    const many = Array.from({ length: 13 }, (_each, at) => `81.2.${at}.0/24`)
    const put = (sourceAddressPrefixes: string[]) =>
      world.azure.mutate({
        do: 'put-rule',
        nsg: group,
        name: theirs,
        properties: { ...rest, sourceAddressPrefixes },
      })
    put(many)
    const count = world.slack.messages(channels.pages).length
    await does('alex', `protect vm-open01 remove ${theirs}`)
    expect(told()).toMatch(
      /^Nobody was asked: it has more than 12 sources, destinations or ports, so no message shows the rule rdp-for-everyone whole, .* Nothing was changed\.$/,
    )
    expect(world.slack.messages(channels.pages)).toHaveLength(count)
    put(many.slice(1))
    await does('alex', `protect vm-open01 remove ${theirs}`)
    for (const one of many.slice(1)) expect(world.slack.visible(asked())).toContain(one)
  })

  test('is told to be removed once Azure shows it, however often reading fails before', async () => {
    await does('alex', `protect vm-open01 remove ${theirs}`)
    world.azure.fault({ kind: 'forbidden', method: 'GET', path: `${theirs}$`, after: 1 })
    await world.clicks('lee', 'agree_removal', asked())
    await world.passes('2m')
    expect(rule()).toBeUndefined()
    expect(told()).not.toMatch(/Not removed|Removed:/)
    world.azure.clearFaults()
    await world.passes('10m')
    expect(told()).toMatch(/Removed: the rule rdp-for-everyone in nsg-open01-nic, as @lee agreed\./)
  })

  test('is told to be gone already when somebody else removed it meanwhile', async () => {
    await does('alex', `protect vm-open01 remove ${theirs}`)
    world.azure.fault({ kind: 'server-error', method: 'DELETE', path: theirs })
    await world.clicks('lee', 'agree_removal', asked())
    world.azure.mutate({ do: 'delete-rule', nsg: group, name: theirs })
    world.azure.clearFaults()
    await world.passes('10m')
    expect(told()).toMatch(
      /Gone already: the rule rdp-for-everyone in nsg-open01-nic\. It was no removal of mine that Azure confirmed, so somebody else may have removed it\./,
    )
    expect(audited().at(-1)).toMatch(/^a rule of somebody else’s was gone already/)
  })

  test('stays while somebody has stopped all access to the VM', async () => {
    await does('alex', `protect vm-open01 remove ${theirs}`)
    const question = asked()
    await does('alex', 'panic vm vm-open01 because it is compromised')
    await world.clicks('lee', 'agree_removal', question)
    expect(world.ephemerals('lee').at(-1)).toMatch(
      /@alex stopped all access to the VM vm-open01 at .*: it is compromised\..* Nothing was changed\./,
    )
    expect(rule()).toEqual(before)
    await does('alex', 'panic lift because it was cleaned')
    world.azure.fault({ kind: 'server-error', method: 'DELETE', path: theirs })
    await world.clicks('lee', 'agree_removal', question)
    await does('alex', 'panic vm vm-open01 because it is compromised')
    world.azure.clearFaults()
    await world.passes('10m')
    expect(rule()).toEqual(before)
    expect(told()).toMatch(
      /Not removed: the rule .* Access to vm-open01, .* was stopped since, so it was not done/,
    )
    await does('alex', 'panic lift because it was cleaned')
  })

  test('stays when it is not exactly what was shown any more', async () => {
    await does('alex', `protect vm-open01 remove ${theirs}`)
    if (!before) throw new Error('There is no such rule.')
    world.azure.mutate({
      do: 'put-rule',
      nsg: group,
      name: theirs,
      properties: { ...before, sourceAddressPrefix: '10.0.0.0/8' },
    })
    await world.clicks('lee', 'agree_removal', asked())
    expect(rule()).toMatchObject({ sourceAddressPrefix: '10.0.0.0/8' })
    expect(told()).toMatch(
      /Not removed: the rule rdp-for-everyone in nsg-open01-nic\. The rule rdp-for-everyone is not as it was when its removal was proposed/,
    )
    expect(told()).toMatch(/Open from 10\.0\.0\.0\/8 on 3389\/tcp/)
  })

  test('is not spoken of when it lets nobody in, is one of ours, or the VM is not protected', async () => {
    await does('alex', 'protect vm-open01 remove some-other')
    expect(told()).toMatch(
      /No rule named some-other lets anybody in to vm-open01 on the ports that are protected\. Nothing was changed/,
    )
    const [ours = ''] = Object.keys(world.azure.rules(group)).filter((name) =>
      name.startsWith('jitney-protect-'),
    )
    await does('alex', `protect vm-open01 remove ${ours}`)
    expect(told()).toMatch(/No rule named jitney-protect-/)
    expect(JSON.stringify(await world.asks('alex', 'protect vm-web01 remove allow-https'))).toMatch(
      /Jitney does not protect vm-web01, so nothing was changed/,
    )
    const pagesBefore = world.slack.messages(channels.pages).length
    await does('alex', `protect vm-open01 remove ${theirs}`)
    const question = asked()
    await does('alex', 'unprotect vm-open01')
    await world.clicks('lee', 'agree_removal', question)
    expect(world.ephemerals('lee').at(-1)).toMatch(/the VM is not protected any more/)
    expect(rule()).toEqual(before)
    expect(world.slack.messages(channels.pages)).toHaveLength(pagesBefore + 1)
  })
})
