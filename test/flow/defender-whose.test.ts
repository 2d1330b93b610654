import { beforeEach, describe, expect, test } from 'vitest'
import { asksInPortal, copyOfAllow, guardedGroup, jitAllows, jitRecord } from '../support/defender.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const policy = `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n`
/** Each step of the bot is gone through, every second of the time that passes. */
const patience = { timeout: 120_000 }
const robin = '81.2.69.142'
const second = 'MicrosoftDefenderForCloud-JITRule-777-9F1C2B7A5D1E4B0CA6F3D8E2B4C6A8FF'

let world: World
beforeEach(async () => {
  world = await createWorld({ policy })
  return () => world.close()
})

const pages = () => world.slack.messages('C0PAGES').map((message) => world.slack.visible(message))
const told = () => world.thread().at(-1) ?? ''
const isOpen = () => world.passesTo('vm-mdc01', 3389, robin)
const names = () => jitAllows(world.azure).map(({ name }) => name)
const remove = (name: string) => world.azure.mutate({ do: 'delete-rule', nsg: guardedGroup, name })

const approved = async (length = '30m') => {
  await world.asks('robin', `rdp vm-mdc01 ${length} from ${robin}`)
  await world.clicks('avery', 'approve')
}
const opens = async () => {
  await approved()
  await world.passes({ seconds: 10 })
  expect(world.cardText()).toMatch(/^Open:/)
}
const colleagueAsks = () => asksInPortal(world.azure, robin, new Date(world.clock.now() + 2 * 60 * 60_000))

describe('a colleague asks in the portal from the same address', () => {
  test('while ours is not open yet: theirs is not called ours, and stays', patience, async () => {
    world.azure.fault({ kind: 'late-opening', ms: 300_000, times: 1 })
    await approved()
    await world.passes('1m')
    await colleagueAsks()
    await world.passes({ seconds: 30 })
    expect(isOpen()).toBe(true)
    await world.passes('2m')
    expect(world.thread().join('\n')).not.toMatch(/Open until/)
    expect(world.cardText()).toMatch(
      /^Never opened.*Defender for Cloud replaced it by a newer request for the same VM and port/s,
    )
    await world.passes('32m')
    await world.reconciles()
    expect(isOpen()).toBe(true)
    expect(pages()).toEqual([])
  })

  test(
    'while ours is open: ours is closed, theirs stays, and nobody is called for it',
    patience,
    async () => {
      await opens()
      const [ours = ''] = names()
      await colleagueAsks()
      await world.passes('10m')
      expect(isOpen()).toBe(true)
      expect(names()).toHaveLength(1)
      expect(names()).not.toContain(ours)
      expect(world.cardText()).toMatch(/^Closed: .*replaced it by a newer request/s)
      expect(told()).toMatch(new RegExp(`gets in all the same.*${names()[0]}`, 's'))
      expect(pages().join('\n')).not.toMatch(/Not closed/)
    },
  )

  test(
    'and Defender keeps both: it is not called open, said to be left alone, and paged once',
    patience,
    async () => {
      world.azure.sim.settings.jitSupersedes = 'none'
      world.azure.fault({ kind: 'no-opening', times: 1 })
      await approved('10m')
      await colleagueAsks()
      await world.passes('1m')
      expect(isOpen()).toBe(true)
      const [theirs = ''] = names()
      expect(world.cardText()).toMatch(
        /^Approved, opening.*may be of another request, so this is not called/s,
      )
      expect(told()).toMatch(
        /^Not called open: .*may be of this request or of somebody else’s, .*I leave it alone, and the operators/s,
      )
      expect(pages()).toEqual([
        expect.stringMatching(new RegExp(`^@alex Whose rule is it\\?.*--name ${theirs}`, 's')),
      ])
      await world.clicks('robin', 'close')
      expect(world.cardText()).toMatch(/^Closing: .*I left .* alone.*surely of this request, I remove it/s)
      await world.passes('10m')
      expect(names()).toEqual([theirs])
      expect(world.cardText()).toMatch(/^Never opened.*surely of this request is left.*I left .* alone/s)
      expect(pages().filter((page) => page.includes('Whose rule'))).toHaveLength(1)
      expect(world.auditLines().join('\n')).toMatch(/may be another person’s was left alone/)
    },
  )

  test(
    'after ours was closed early, while ours is not on its way any more: theirs stays',
    patience,
    async () => {
      await opens()
      await world.clicks('robin', 'close')
      expect(isOpen()).toBe(false)
      await colleagueAsks()
      await world.passes('35m')
      expect(isOpen()).toBe(true)
    },
  )

  test('while ours has not even been asked for: theirs stays when ours is closed', patience, async () => {
    await world.asks('robin', `rdp vm-mdc01 30m from ${robin}`)
    world.azure.fault({ kind: 'server-error', method: 'GET', path: 'jitNetworkAccessPolicies/default$' })
    await world.clicks('avery', 'approve')
    await colleagueAsks()
    await world.passes({ seconds: 30 })
    expect(isOpen()).toBe(true)
    await world.clicks('robin', 'close')
    world.azure.clearFaults()
    await world.passes('5m')
    expect(isOpen()).toBe(true)
    expect(world.cardText()).toMatch(/^Never opened/)
  })
})

describe('closed early', () => {
  test(
    'before it has opened, long after Defender says that it began: the rule is removed when it comes',
    patience,
    async () => {
      world.azure.fault({ kind: 'late-opening', ms: 8 * 60_000 })
      await approved()
      for (const port of jitRecord(world.azure)) port.status = 'Initiated'
      await world.clicks('robin', 'close')
      await world.passes('7m')
      expect(world.cardText()).toMatch(
        /^Closing: .*cannot be told not to\. As soon as its network rule appears, I remove it/s,
      )
      expect(pages()).toEqual([
        expect.stringMatching(
          /may still let 81\.2\.69\.142 in\..*no rule of this request was seen so far\./s,
        ),
      ])
      expect(pages()[0]).not.toMatch(/not tried yet|az network|by hand/)
      await world.passes('3m')
      const born = world.azure.history(guardedGroup).findLast(({ rule }) => rule.includes('JITRule-'))
      expect(born).toMatchObject({ by: 'defender', endedBy: 'arm' })
      expect((born?.to ?? Infinity) - (born?.from ?? 0)).toBeLessThan(30_000)
      expect(isOpen()).toBe(false)
      expect(world.cardText()).toMatch(/^Never opened/)
    },
  )

  test('and Defender never opens: it is closing until its end, and then never opened', patience, async () => {
    world.azure.fault({ kind: 'no-opening' })
    await approved('10m')
    for (const port of jitRecord(world.azure)) port.status = 'Initiated'
    await world.clicks('robin', 'close')
    await world.passes('8m')
    expect(world.cardText()).toMatch(/^Closing: /)
    await world.passes('3m')
    expect(world.cardText()).toMatch(/^Never opened/)
  })

  test('a rule that Defender wrote anew under another name is removed too', patience, async () => {
    await opens()
    const [first = ''] = names()
    copyOfAllow(world.azure, second)
    remove(first)
    await world.clicks('avery', 'close')
    await world.passes({ seconds: 10 })
    expect(isOpen()).toBe(false)
    expect(world.cardText()).toMatch(/^Closed/)
    expect(told()).toMatch(/Jitney removed the network rule that Defender for Cloud had written/)
    await world.passes('32m')
    expect(pages()).toEqual([])
  })

  test('one that Azure does not let go is paged with the name that it has now', patience, async () => {
    await opens()
    const [first = ''] = names()
    copyOfAllow(world.azure, second)
    remove(first)
    world.azure.fault({ kind: 'forbidden', method: 'DELETE', path: 'JITRule' })
    await world.clicks('avery', 'close')
    await world.passes('3m')
    expect(pages().at(-1)).toMatch(new RegExp(`Not closed: .*after .*--name ${second}`, 's'))
    world.azure.clearFaults()
    await world.passes('5m')
    expect(isOpen()).toBe(false)
  })

  test('so is a second rule of the same request', patience, async () => {
    await opens()
    copyOfAllow(world.azure, second)
    await world.clicks('robin', 'close')
    await world.passes({ seconds: 10 })
    expect(isOpen()).toBe(false)
    expect(world.cardText()).toMatch(/^Closed/)
  })
})
