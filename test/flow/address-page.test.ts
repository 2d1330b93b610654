import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { formOf, from, mallory, robin, titleOf } from '../support/address-page.ts'
import { client, type OpenId, startOpenId } from '../support/openid.ts'
import { createWorld, type World } from '../support/world.ts'

describe('the way from an ask through the page to the card', () => {
  let world: World
  let openId: OpenId
  let home: string
  beforeAll(async () => {
    const port = await freePort()
    home = `http://localhost:${port}`
    openId = await startOpenId([robin, mallory], [`${home}/ip/signed-in`])
    world = await createWorld({
      environment: {
        PORT: String(port),
        PUBLIC_URL: home,
        SLACK_CLIENT_ID: client.id,
        SLACK_CLIENT_SECRET: client.secret,
        SLACK_OPENID_ISSUER: openId.issuer,
        TRUSTED_PROXIES: '127.0.0.1/32, ::1/128',
      },
    })
  })
  afterAll(async () => {
    await world?.close()
    await openId?.close()
  })

  const linkOf = (): string => {
    const [found] =
      world.slack
        .dm('robin')
        .flatMap(({ blocks }) => new RegExp(`${home}/ip/[\\w-]+`).exec(JSON.stringify(blocks ?? [])) ?? []) ??
      []
    if (found === undefined) throw new Error('There is no link.')
    return found
  }

  test('robin asks, opens the page, signs in, presses the button, and the request goes on', async () => {
    await world.asks('robin', 'ssh vm-jump01 30m')
    const link = linkOf()

    const scanner = await from('89.160.20.112').send(link)
    const seen = await scanner.text()
    expect(seen).toMatch(/<bdi>robin<\/bdi> asked in Slack for .*ssh.*vm-jump01.*30 min/s)
    expect(seen).not.toMatch(/You asked in Slack/)
    openId.signsIn(mallory)
    await from('89.160.20.112').goes(`${link}/sign-in`)
    await world.settle()
    expect(world.dm('robin').at(-1)).toMatch(
      /Somebody else \(@mallory\) opened your link and signed in; nothing happened/,
    )

    openId.signsIn(robin)
    const browser = from('81.2.69.142')
    const { text, url } = await browser.goes(`${link}/sign-in`)
    const answer = await browser.presses(url, { form: formOf(text) ?? '' })
    expect(titleOf(await answer.text())).toBe('Your address is confirmed')
    await world.settle()
    expect(world.cardText()).toMatch(/^Approval needed: ssh to vm-jump01/)
    expect(world.cardText()).toMatch(/81\.2\.69\.142 \(confirmed in the browser/)
    expect((await browser.presses(url, { form: formOf(text) ?? '' })).status).not.toBe(200)
  })
})
