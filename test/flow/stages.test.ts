import { afterEach, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

const staged = (...stages: readonly string[]) => `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 1h, maxDuration: 8h }
rules:
  - name: one stage after another agrees
    stages:
${stages.map((stage) => `      - ${stage}`).join('\n')}
`
const of = (...users: readonly string[]) => `{ approvers: { users: [${users.join(', ')}] } }`

let world: World
const told = (name: Parameters<World['ephemerals']>[0]) => world.ephemerals(name).at(-1) ?? ''
const open = () => world.ourRules().length > 0
const begin = async (policy: string) => {
  world = await createWorld({ policy })
  await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
}

afterEach(() => world?.close())

test('an early yes of the only one who can fill the next stage is moved there by somebody else’s', async () => {
  await begin(staged(of('U0AVERY', 'U0LEE'), of('U0AVERY')))
  expect(world.cardText()).toContain('Approvers (stage 1 of 2): @avery and @lee.')
  await world.clicks('avery', 'approve')
  expect(world.cardText()).toContain('1 of 2 approvals, by @avery')
  expect(world.cardText()).toContain(
    'Approvers (stage 2 of 2): nobody else. One more yes in an earlier stage helps too, because somebody who gave one there can count here. Approvers (stage 1 of 2): @lee.',
  )
  await world.clicks('avery', 'approve')
  expect(told('avery')).toMatch(/already counts/)
  await world.passes('30m')
  expect(world.thread().at(-1)).toMatch(/@lee/)
  expect(world.thread().at(-1)).not.toMatch(/@avery/)
  await world.clicks('alex', 'approve')
  expect(told('alex')).toMatch(/not an approver.*names @avery, @lee/)
  expect(open()).toBe(false)
  await world.clicks('lee', 'approve')
  expect(open()).toBe(true)
  expect(world.cardText()).toMatch(/Approved by @avery [^@]+ and @lee /)
})

test('a yes counts in the stage that a new policy names its giver for', async () => {
  await begin(staged(of('U0AVERY'), of('U0ALEX')))
  await world.clicks('avery', 'approve')
  expect(await world.policy(staged(of('U0LEE'), of('U0AVERY')))).toBeNull()
  await world.clicks('avery', 'approve')
  expect(told('avery')).toMatch(
    /said yes already, and that stands: nothing more is needed from you. The request waits for @lee/,
  )
  expect(open()).toBe(false)
  await world.clicks('lee', 'approve')
  expect(open()).toBe(true)
})

test.each(['avery', 'lee'] as const)(
  'one more click is enough once a new policy asks no more: by %s',
  async (who) => {
    await begin(staged(of('U0AVERY', 'U0LEE'), of('U0ALEX')))
    await world.clicks('avery', 'approve')
    expect(open()).toBe(false)
    expect(await world.policy(staged(of('U0AVERY', 'U0LEE')))).toBeNull()
    await world.clicks(who, 'approve')
    expect(open()).toBe(true)
  },
)
