import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Rule } from '../../src/core/grant.ts'
import type { Written } from '../../src/ports.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { guardedGroup, rgShop } from '../support/defender.ts'
import { startTestSimulator } from '../support/simulator.ts'

export const guardedNsg =
  `${rgShop}/providers/Microsoft.Network/networkSecurityGroups/${guardedGroup}`.toLowerCase()

/** One way to open and to close; `open` resolves once Azure shows it. */
export interface WayUnderTest {
  open(rule: Rule): Promise<Written>
  close(rule: Rule): Promise<Written>
}

export const wanted = (changes: Partial<Rule> = {}): Rule => ({
  name: 'jit-01kb3x9y7z-1795447000',
  nsgId: guardedNsg,
  priority: 3000,
  source: '81.2.69.142',
  destinations: ['10.30.2.10'],
  ports: [{ number: 3389, protocol: 'tcp' }],
  description: 'jitney request 01kb3x9y7z for U0ALICE',
  state: 'planned',
  ...changes,
})

/** What holds whichever way access is opened; what only a rule of our own can do has a contract of its own. */
export function wayContract(
  name: string,
  connect: (azure: Simulator, clock: { ms: number }) => WayUnderTest,
) {
  describe(`${name} as a way to open`, () => {
    let azure: Simulator
    let way: WayUnderTest
    const clock = { ms: Date.UTC(2026, 10, 23, 9) }
    const passes = (port = 3389, source = '81.2.69.142') =>
      azure.flow({ vm: 'vm-mdc01', source, port }).access === 'Allow'

    beforeAll(async () => {
      azure = await startTestSimulator({ now: () => clock.ms, tokenLifetimeSeconds: 10_000_000 })
      way = connect(azure, clock)
    })
    afterAll(() => azure.close())

    it('lets in the one address on the one port, and nobody else, until it is closed', async () => {
      expect(passes()).toBe(false)
      expect(await way.open(wanted())).toEqual({ kind: 'present' })
      expect([passes(), passes(22), passes(3389, '81.2.69.143')]).toEqual([true, false, false])
      expect(await way.close(wanted())).toEqual({ kind: 'absent' })
      expect(passes()).toBe(false)
    })

    it('opens several ports', async () => {
      const both = wanted({
        ports: [
          { number: 3389, protocol: 'tcp' },
          { number: 22, protocol: 'tcp' },
        ],
      })
      expect(await way.open(both)).toEqual({ kind: 'present' })
      expect([passes(), passes(22)]).toEqual([true, true])
      expect(await way.close(both)).toEqual({ kind: 'absent' })
      expect([passes(), passes(22)]).toEqual([false, false])
    })

    it('leaves the rules of others as they were', async () => {
      const before = azure.rules(guardedGroup)
      await way.open(wanted())
      await way.close(wanted())
      expect(azure.rules(guardedGroup)).toEqual(before)
    })

    it('calls what was never there absent', async () => {
      expect(await way.close(wanted())).toEqual({ kind: 'absent' })
    })

    it('says what Azure refuses to close, and closes it once that is mended', async () => {
      await way.open(wanted())
      azure.fault({ kind: 'forbidden', method: 'DELETE' })
      expect(await way.close(wanted())).toMatchObject({ kind: 'refused', code: 'AuthorizationFailed' })
      expect(passes()).toBe(true)
      azure.clearFaults()
      expect(await way.close(wanted())).toEqual({ kind: 'absent' })
    })

    it('says what Azure refuses to open', async () => {
      azure.fault({ kind: 'forbidden', method: 'PUT' })
      azure.fault({ kind: 'forbidden', method: 'POST', path: '/initiate$' })
      expect(await way.open(wanted())).toMatchObject({ kind: 'refused' })
      azure.clearFaults()
      expect(passes()).toBe(false)
    })
  })
}
