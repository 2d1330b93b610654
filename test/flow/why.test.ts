import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { treeLines } from '../../src/core/tree-text.ts'
import { createWorld, type World } from '../support/world.ts'

describe('asking why', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world?.close())

  type Name = Parameters<World['ephemerals']>[0]
  const lastTold = (name: Name) => world.ephemerals(name).at(-1) ?? ''
  const told = async (text: string) => {
    const before = world.ephemerals('robin').length
    await world.asks('robin', text)
    return world.ephemerals('robin').slice(before)
  }
  const nothingHappened = async () => {
    expect(await world.app.store.grants(['opening', 'open', 'closing', 'closed'])).toEqual([])
    expect(world.slack.messages('C0APPROVALS')).toEqual([])
    expect(world.auditLines().filter((line) => line.includes('vm-'))).toEqual([])
    expect(world.dm('robin')).toEqual([])
  }

  test('Robin asks why before asking: the answer comes in private, and nobody is asked', async () => {
    const answers = await told('why rdp vm-jump01 30m from 81.2.69.142 because the shop is down')
    expect(answers).toMatchInlineSnapshot(`
      [
        "Reading what the policy says about rdp to vm-jump01 for 30 min. Nobody is asked for approval.",
        "Why: rdp to vm-jump01 for 30 min from 81.2.69.142. So the policy answers at this moment. Nobody was asked, and nothing was stored or opened.
      Needs approval: the rule “a colleague agrees to let somebody into any other VM” asks for 1 approval.
      Access is granted if …
       no – two people agree to let somebody into production
        no – its tag env: ops is not among prod
       no – nobody needs to agree to look at a web server
        no – the VM’s name: vm-jump01 is not among vm-web*
        no – the ports: 3389/tcp is not within 22/tcp
       yes – a colleague agrees to let somebody into any other VM
        yes – the ports: 3389/tcp is within 3389/tcp, 22/tcp, 5985/tcp, 5986/tcp, 5432/tcp
        yes – the duration: 30 min is within the 8 h that the rule allows",
      ]
    `)
    await nothingHappened()
  })

  test('Robin asks why it would be refused, and reads which rule says so', async () => {
    const [, answer] = await told('why rdp vm-jump01 9h from 81.2.69.142')
    expect(answer).toContain(
      'Denied: the rule “a colleague agrees to let somebody into any other VM” applies',
    )
    expect(answer).toContain('no – the duration: 9 h is more than the 8 h that the rule allows')
    await nothingHappened()
  })

  test('the address that was only asked about is not remembered', async () => {
    expect((await told('why rdp vm-jump01 30m')).at(-1)).toMatch(/Which address will you connect from\?/)
  })

  test.each([
    ['nothing', 'why', '/jit why '],
    ['no duration', 'why rdp vm-jump01', '/jit why rdp vm-jump01 30m'],
    ['a VM that does not exist', 'why rdp vm-jmup01 30m from 81.2.69.142', 'vm-jump01'],
  ])('with %s to ask about, Robin is told what to type', async (_, text, hint) => {
    expect((await told(text)).at(-1)).toContain(hint)
    await nothingHappened()
  })

  test('the card’s Why and the requester’s Why show what the request got, word for word', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'why')
    const answer = lastTold('avery')
    expect(answer).toMatch(
      /^Why: rdp to vm-jump01 for 30 min from 81\.2\.69\.142\. So the policy answered when request/,
    )
    const [, ...lines] = answer.split('\n')
    const before = (await told('why rdp vm-jump01 30m from 81.2.69.142')).at(-1)
    expect(before?.split('\n').slice(1)).toEqual(lines)
    const [mirror] = world.slack.dm('robin')
    if (!mirror) throw new Error('Robin has no message.')
    await world.clicks('robin', 'why', mirror)
    expect(lastTold('robin')).toBe(answer)
    expect(world.cardText()).toMatch(/^Approval needed/)
  })

  test('what is explained is what was decided: one answer through both doors', async () => {
    const id = /Request (\w+)/.exec(world.cardText())?.[1] ?? ''
    const kase = await world.app.store.case(id)
    if (!kase) throw new Error('The request is not stored.')
    await world.clicks('avery', 'why')
    const [, ...lines] = lastTold('avery').split('\n')
    expect(lines.map((line) => line.trim())).toEqual(treeLines(kase.request.verdict).map(({ text }) => text))
  })

  test('a guest in the channel reads no reasons', async () => {
    world.people.mallory.becomes({ guest: true })
    await world.clicks('mallory', 'why')
    expect(lastTold('mallory')).toMatch(/You cannot see why: this is the account of a guest/)
    world.people.mallory.becomes({ guest: false })
  })

  test('a later policy does not change what is said of the request, and the button stays to the end', async () => {
    await world.clicks('avery', 'why')
    const before = lastTold('avery')
    await world.clicks('avery', 'deny')
    expect(world.cardText()).toMatch(/^Denied/)
    await world.clicks('alex', 'why')
    expect(lastTold('alex')).toBe(before)
  })

  test('one click that arrives five times is answered once', async () => {
    const before = world.ephemerals('alex').length
    await world.people.alex.clicks(world.card(), 'why', { times: 5, everyConnection: true })
    await world.settle()
    expect(world.ephemerals('alex')).toHaveLength(before + 1)
  })
})
