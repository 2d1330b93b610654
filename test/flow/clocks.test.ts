import { afterEach, describe, expect, test } from 'vitest'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const policy = `${worldPolicy.replace('maxDuration: 8h', 'maxDuration: 45d')}pages: { channel: C0PAGES, users: [U0ALEX] }\n`

describe('the end of access', () => {
  let world: World
  afterEach(() => world.close())

  const approves = async (text = 'rdp vm-jump01 30m from 81.2.69.142') => {
    await world.asks('robin', text)
    await world.clicks('avery', 'approve')
  }
  const pages = () => world.slack.messages('C0PAGES').map((message) => world.slack.visible(message))
  const puts = () =>
    world.azure.calls().filter(({ method, path }) => method === 'PUT' && path.includes('securityRules/jit-'))

  test.each(['25d', '40d'])('is not at once when it is %s away', async (length) => {
    world = await createWorld({ policy })
    await approves(`rdp vm-jump01 ${length} from 81.2.69.142`)
    expect(world.cardText()).toMatch(/^Open/)
    await world.passes('24d')
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    await world.passes(`${Number.parseInt(length, 10) - 24}d`)
    expect(world.ourRules()).toEqual([])
    expect(world.thread().at(-1)).toMatch(/^Closed/)
  })

  test.each([3_600, -3_600])(
    'with Azure’s clock %i s off nothing new is opened, people are told, and what is open is closed in time',
    async (seconds) => {
      world = await createWorld({ policy })
      await approves('rdp vm-open01 30m from 81.2.69.142')
      expect(world.ourRules()).toHaveLength(1)
      world.azure.fault({ kind: 'clock-skew', seconds })
      const before = puts().length
      await approves()
      await world.passes('5m')
      expect(puts()).toHaveLength(before)
      expect(world.cardText()).not.toMatch(/^Open/)
      expect(pages()).toEqual([
        expect.stringMatching(/The clocks disagree: Azure’s clock is 3\d{3} s (ahead|behind)/),
      ])
      await world.passes('25m')
      expect(world.ourRules()).toEqual([])
      expect(world.cardText()).toMatch(/^Never opened/)
    },
  )

  test('that is nearer than one call may take opens nothing any more', async () => {
    world = await createWorld({ policy })
    // Azure is busy for a minute; the pauses have doubled so far that the next try comes 8 s before the end.
    world.azure.fault({ kind: 'busy', status: 429, method: 'PUT', path: 'securityRules/jit-' })
    await approves('rdp vm-jump01 1.2m from 81.2.69.142')
    await world.passes('1m')
    const sent = puts().length
    expect(sent).toBeGreaterThan(3)
    world.azure.clearFaults()
    await world.passes({ seconds: 10 })
    expect(puts()).toHaveLength(sent)
    expect(world.azure.history().filter(({ rule }) => rule.startsWith('jit-'))).toEqual([])
    expect(world.cardText()).toMatch(
      /^Could not open.*too little time was left to open it and close it safely/s,
    )
  })

  test('is on the name of a rule, and no two grants ever have the same name', async () => {
    world = await createWorld({ policy })
    for (let times = 0; times < 3; times += 1) {
      // The same request at the same moment, so that the ends are the same second.
      await approves('rdp vm-open01 30m from 81.2.69.142')
      await world.clicks('robin', 'close')
    }
    const names = world.azure.history().flatMap(({ rule }) => (rule.startsWith('jit-') ? [rule] : []))
    expect(new Set(names).size).toBe(3)
    expect(new Set(names.map((name) => name.split('-').at(-1))).size).toBe(1)
  })
})
