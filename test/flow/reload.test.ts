import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const policy = `${worldPolicy}pages: { channel: C0PAGES }\n`
const shorter = policy.replace('maxDuration: 8h', 'maxDuration: 20m')
const bad = policy.replace('approvals: 2', 'aprovals: 2')
const worse = bad.replace('maxDuration: 15m', 'maxDuration: soon')
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

describe('changing the policy while the bot runs', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy, durable: true })
    await world.settle()
  })
  afterAll(() => world?.close())

  const pages = () => world.slack.messages('C0PAGES').map((message) => world.slack.visible(message))
  const changes = async (text: string) => {
    const wrong = await world.policy(text)
    await world.settle()
    return wrong
  }
  const versions = async () =>
    (await world.app.store.auditAfter(0, 1_000))
      .filter(({ type }) => type === 'policy.loaded')
      .map(({ details }) => details['policy'])
  const answers = async () => {
    await world.asks('robin', 'why rdp vm-jump01 30m from 81.2.69.142')
    return world.ephemerals('robin').at(-1) ?? ''
  }

  test('the policy that the bot starts with is on record, with its text', async () => {
    expect(await versions()).toEqual([hashOf(policy)])
    expect(await world.app.store.policyText(hashOf(policy))).toBe(policy)
    expect(world.auditLines()[0]).toMatch(/^#1 · a policy came into force · .* · version \w{12}, 3 rules/)
  })

  test('a good change is in force at once, on record once, and nobody is alarmed', async () => {
    expect(await changes(shorter)).toBeNull()
    expect(await changes(shorter)).toBeNull()
    expect(await answers()).toMatch(/Denied: .*30 min is more than the 20 min/s)
    expect(await versions()).toEqual([hashOf(policy), hashOf(shorter)])
    expect(await world.app.store.policyText(hashOf(shorter))).toBe(shorter)
    expect(pages()).toEqual([])
  })

  test('a bad change is refused: the old policy stays, and the operators are told where it is wrong', async () => {
    expect(await changes(bad)).toMatch(/policy\.yml:12:5: rules\[0\]\.aprovals: unknown key/)
    expect(pages()).toHaveLength(1)
    expect(pages()[0]).toMatch(
      /^The changed policy file is refused, because it has mistakes\. The policy that was in force stays in force\./,
    )
    expect(pages()[0]).toMatch(
      /• \S*policy\.yml:12:5: rules\[0\]\.aprovals: unknown key; allowed are name, vm/,
    )
    expect(await answers()).toMatch(/Denied: .*30 min is more than the 20 min/s)
    expect(await versions()).toHaveLength(2)
  })

  test('the same mistake is told once, and another one again', async () => {
    await changes(bad)
    await world.passes('10m')
    expect(pages()).toHaveLength(1)
    await changes(worse)
    expect(pages()).toHaveLength(2)
    expect(pages()[1]).toMatch(/rules\[1\]\.maxDuration: “soon” is not a duration/)
  })

  test('once the file is right again, the same mistake is told anew', async () => {
    expect(await changes(policy)).toBeNull()
    expect(await answers()).toMatch(/^Why:.*\nNeeds approval/)
    expect(await versions()).toEqual([hashOf(policy), hashOf(shorter), hashOf(policy)])
    await changes(bad)
    expect(pages()).toHaveLength(3)
    await changes(policy)
  })

  test('a decision carries the hash of a text that can be looked up', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    const id = /Request (\w+)/.exec(world.cardText())?.[1] ?? ''
    const kase = await world.app.store.case(id)
    expect(await world.app.store.policyText(kase?.request.verdict.policyHash ?? '')).toBe(policy)
  })

  test('a restart with the same policy is no change', async () => {
    const before = await versions()
    await world.restarts()
    await world.settle()
    expect(await versions()).toEqual(before)
  })
})
