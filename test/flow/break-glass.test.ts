import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { channels, createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 2h }
rules:
  - name: nobody hurries into the database
    vm: { name: vm-db* }
    approvers: { users: [U0AVERY] }
  - name: a colleague agrees, or the house is on fire
    approvers: { users: [U0AVERY], groups: [S0LEADS] }
    breakGlass: { maxDuration: 30m, reviewers: { users: [U0ALEX] } }
`

describe('breaking the glass', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())

  const breaks = async (text: string) => {
    await world.people.robin.types('/jit', `break-glass ${text}`, { channel: channels.access })
    const view = await world.slack.until(() => world.people.robin.modal())
    expect(world.slack.visible(view)).toMatch(
      /ssh to vm-\w+ for \d+ min, without waiting.*From 81\.2\.69\.142\./s,
    )
    expect(world.slack.visible(view)).toMatch(/Everybody who would have been asked is told at once/)
    await world.people.robin.submits(view)
    await world.settle()
  }

  test('opens at once, tells everybody who was not asked, and stays to be reviewed by somebody else', async () => {
    await breaks('ssh vm-jump01 20m from 81.2.69.142 because the shop is down')
    expect(world.cardText()).toMatch(/^Open: ssh to vm-jump01/)
    expect(world.cardText()).toMatch(/Begun by breaking the glass/)
    expect(world.cardText()).not.toMatch(/nobody had to be asked/)
    expect(world.cardText()).toMatch(
      /Break-glass: nobody was asked\. Nobody has reviewed it yet; @alex should/,
    )
    expect(world.auditLines().join('\n')).toMatch(/@robin broke the glass · .* · VM vm-jump01/)
    expect(world.thread().join('\n')).toMatch(/@avery @leads The glass was broken.*the shop is down/s)
    expect(world.thread().join('\n')).toMatch(
      /ssh to vm-jump01 for @robin from 81\.2\.69\.142 \(typed, not confirmed\), 20 min, until .*press Sign or Not justified/s,
    )
    expect(world.dm('avery').at(-1)).toMatch(/You were not asked/)
    await world.passes('21m')
    expect(world.cardText()).toMatch(/^Closed: /)

    await world.clicks('robin', 'sign')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /Nobody reviews what they did themselves.*still waits for another person’s signature/,
    )
    await world.asks('avery', 'status')
    expect(world.ephemerals('avery').at(-1)).toMatch(/Emergencies that nobody has reviewed: 1/)
    const reminders = () => world.thread().filter((line) => /Not reviewed yet/.test(line)).length
    await world.passes('1d')
    expect(reminders()).toBe(1)
    await world.passes('1d')
    expect(reminders()).toBe(2)

    await world.clicks('alex', 'sign')
    expect(world.cardText()).toMatch(/@alex signed it/)
    expect(world.auditLines().at(-1)).toMatch(/reviewed the emergency and signed it/)
    await world.passes('2d')
    expect(reminders()).toBe(2)
    await world.asks('avery', 'status')
    expect(world.ephemerals('avery').at(-1)).not.toMatch(/Emergencies/)
  })

  test('may be found not justified', async () => {
    await breaks('ssh vm-jump01 20m from 81.2.69.142 because I felt like it')
    await world.clicks('avery', 'unjustified')
    expect(world.cardText()).toMatch(/@avery found it not justified/)
    expect(world.dm('robin').join('\n')).toMatch(/@avery found not justified/)
    await world.clicks('avery', 'close')
  })

  test('has a shorter limit, and only where the rule says so', async () => {
    await breaks('ssh vm-jump01 31m from 81.2.69.142 because the shop is down')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /31 min is more than the 30 min that the rule allows without a yes; ask for at most 30 min/,
    )
    await breaks('ssh vm-db01 20m from 81.2.69.142 because the shop is down')
    expect(world.ephemerals('robin').at(-1)).toMatch(/the rule does not allow it/)
    expect(world.ourRules()).toEqual([])
  })

  test('does not tell whoever did it that they were not asked', async () => {
    await world.policy(policy.replaceAll('[U0AVERY]', '[U0AVERY, U0ROBIN]'))
    await breaks('ssh vm-jump01 20m from 81.2.69.142 because the shop is down')
    expect(world.thread().join('\n')).toMatch(/^@avery @leads The glass was broken/m)
    expect(world.dm('robin').join('\n')).not.toMatch(/You were not asked/)
    await world.clicks('avery', 'close')
    await world.policy(policy)
  })

  test('shows an address that is remembered before it opens for it', async () => {
    await world.people.robin.types('/jit', 'break-glass ssh vm-jump01 20m because the shop is down', {
      channel: channels.access,
    })
    const view = await world.slack.until(() => world.people.robin.modal())
    expect(world.slack.visible(view)).toMatch(/From 81\.2\.69\.142, which you gave before/)
    await world.people.robin.closes(view, { all: true })
  })

  test('needs a reason', async () => {
    const seen = await world.asks('robin', 'break-glass ssh vm-jump01 20m from 81.2.69.142')
    expect(JSON.stringify(seen)).toMatch(/says why, after “because”/)
  })
})

describe('the review of a break-glass', () => {
  let world: World
  afterEach(() => world?.close())

  const head = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY] } }
rules:
`
  const reviewedBy = (who: string) =>
    `${head}  - { name: fire, breakGlass: { maxDuration: 15m, reviewers: ${who} } }\n`
  const begins = async (text: string, tags: Record<string, string> = {}) => {
    world = await createWorld({ policy: text })
    world.tags('vm-jump01', tags)
    await world.people.robin.types(
      '/jit',
      'break-glass ssh vm-jump01 15m from 81.2.69.142 because the shop is down',
      { channel: channels.access },
    )
    await world.people.robin.submits(await world.slack.until(() => world.people.robin.modal()))
    await world.settle()
    expect(world.cardText()).toMatch(/^Open/)
  }

  test('tells everybody who was passed over, whichever tag of the VM names them', async () => {
    const stages = 'stages: [{ approvers: { ownerTag: owner } }, { approvers: { ownerTag: security } }]'
    await begins(
      `${head}  - { name: fire, ${stages}, breakGlass: { maxDuration: 15m, reviewers: { users: [U0ALEX] } } }\n`,
      { owner: 'U0AVERY', security: 'U0LEE' },
    )
    expect(world.thread()[0]).toMatch(/^@avery @lee The glass was broken/)
    for (const name of ['avery', 'lee'] as const) expect(world.dm(name).at(-1)).toMatch(/You were not asked/)
    await world.clicks('lee', 'sign')
    expect(world.cardText()).toMatch(/@lee signed it/)
    await world.clicks('lee', 'close')
    expect(world.cardText()).toMatch(/^Clos/)
  })

  test('belongs to those whom the policy names at the click', async () => {
    await begins(reviewedBy('{ users: [U0LEE] }'))
    await world.policy(reviewedBy('{ users: [U0MALLORY] }'))
    await world.clicks('lee', 'sign')
    expect(world.ephemerals('lee').at(-1)).toMatch(/Only an operator, or whoever the policy names/)
    expect(world.cardText()).toMatch(/Nobody has reviewed it yet/)
    await world.passes('1d')
    expect(world.thread().at(-1)).toMatch(/^@mallory Not reviewed yet/)
    expect(world.cardText()).toMatch(/@mallory should/)
    await world.clicks('mallory', 'sign')
    expect(world.cardText()).toMatch(/@mallory signed it/)
  })

  test('belongs to the owner of that moment', async () => {
    await begins(reviewedBy('{ ownerTag: owner }'), { owner: 'U0LEE' })
    world.slack.group('S0OWNERS', 'owners', ['mallory'])
    world.tags('vm-jump01', { owner: 'S0OWNERS' })
    await world.clicks('lee', 'sign')
    expect(world.ephemerals('lee').at(-1)).toMatch(/Only an operator, or whoever the policy names/)
    await world.clicks('mallory', 'sign')
    expect(world.cardText()).toMatch(/@mallory signed it/)
  })

  test('stays with those of the request, and the operators, where the rule is gone', async () => {
    await begins(reviewedBy('{ users: [U0LEE] }'))
    await world.policy(`operators: { users: [U0ALEX] }\n${head}  - { name: another }\n`)
    await world.clicks('mallory', 'sign')
    expect(world.ephemerals('mallory').at(-1)).toMatch(/Only an operator, or whoever the policy names/)
    await world.clicks('lee', 'sign')
    expect(world.cardText()).toMatch(/@lee signed it/)
  })
})
