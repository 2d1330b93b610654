import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { type Demo, demoLines, startDemo } from '../../src/demo.ts'
import { formOf, titleOf } from '../support/address-page.ts'
import { type LocalMessage, LocalSlack, until } from '../support/local-slack.ts'
import { production, trustSimulator } from '../support/simulator.ts'
import { Visitor } from '../support/visitor.ts'

const [requester, approver] = ['U0REQUESTER', 'U0APPROVER1']
const [general, approvals, audit] = ['C0GENERAL', 'C0APPROVALS', 'C0AUDIT']
const address = '81.2.69.142'

const binary = `local-slack-${process.platform}-${process.arch}`
const required = binary === 'local-slack-linux-x64'
const installed = (() => {
  try {
    return createRequire(import.meta.url).resolve(`${binary}/package.json`) !== ''
  } catch {
    return false
  }
})()

const linkIn = (messages: readonly LocalMessage[]): string | undefined =>
  /http:\/\/localhost:\d+\/ip\/[\w-]+/.exec(JSON.stringify(messages))?.[0]

/** Goes from the link to the provider, chooses who it is, and comes back. */
async function signsIn(visitor: Visitor, link: string, user: string) {
  const asked = await visitor.goes(`${link}/sign-in`)
  expect(titleOf(asked.text)).toBe('Who are you?')
  const back = (await visitor.presses(asked.url, { user })).headers.get('location') ?? ''
  return visitor.goes(new URL(back, asked.url).href)
}

const isCard = (message: LocalMessage) => message.thread_ts === undefined
const said = (messages: readonly LocalMessage[]) => messages.map(({ text }) => text ?? '')

describe.skipIf(!installed && !required)(`the demo (skipped where npm has no ${binary})`, () => {
  let demo: Demo
  let slack: LocalSlack

  beforeAll(async () => {
    demo = await startDemo({ slack: await freePort(), web: await freePort(), azure: 0, signIn: 0 })
    trustSimulator(await readFile(demo.caFile, 'utf8'))
    slack = new LocalSlack(demo.slackUrl)
  })
  afterAll(() => demo?.close())

  const passes = async (): Promise<string> => {
    const query = new URLSearchParams({ vm: 'vm-jump01', source: address, port: '3389' })
    const flow: unknown = await (await fetch(`${demo.azureUrl}/_sim/flow?${query.toString()}`)).json()
    return typeof flow === 'object' && flow !== null && 'access' in flow ? String(flow.access) : ''
  }

  /** What ARM itself lists, with a token from the token endpoint that the bot uses. */
  const ourRules = async (nsg: string): Promise<readonly string[]> => {
    const query = new URLSearchParams({
      'api-version': '2019-08-01',
      resource: 'https://management.azure.com',
    })
    const asked = await fetch(`${demo.azureUrl}/msi/token?${query.toString()}`, {
      headers: { 'x-identity-header': 'demo' },
    })
    const token: unknown = await asked.json()
    const bearer =
      typeof token === 'object' && token !== null && 'access_token' in token ? token.access_token : ''
    const group = `/subscriptions/${production}/resourceGroups/rg-ops/providers/Microsoft.Network/networkSecurityGroups/${nsg}`
    const response = await fetch(`${demo.azureUrl}${group}/securityRules?api-version=2026-01-01`, {
      headers: { authorization: `Bearer ${String(bearer)}` },
    })
    expect(response.status).toBe(200)
    const names = [...(await response.text()).matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name ?? '')
    return names.filter((name) => name.startsWith('jit-'))
  }

  test('tells a newcomer in three lines what to open, type and press', () => {
    const lines = demoLines(demo).split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toContain(demo.slackUrl)
    expect(lines[0]).toMatch(/type: {2}\/jit rdp vm-jump01 1m because I try it out$/)
    expect(lines[1]).toMatch(/Confirm my address.*as requester.*81\.2\.69\.142.*approver1.*Approve/)
    expect(lines[2]).toContain(demo.azureUrl)
  })

  test('the page writes times in the reader’s own zone, and everything else passes through', async () => {
    const page = await (await fetch(demo.slackUrl)).text()
    expect(page).toContain('<!date^seconds^form|text>')
    expect(page).toContain('<title>local-slack</title>')
    expect((await fetch(`${demo.slackUrl}/api/auth.test`, { method: 'POST' })).status).toBe(200)
    expect((await fetch(`${demo.webUrl}/readyz`)).status).toBe(200)
  })

  test('a port that is taken is named before anything starts, with the variable that moves it', async () => {
    const web = Number(new URL(demo.webUrl).port)
    const another = startDemo({ slack: await freePort(), web, azure: 0, signIn: 0 })
    await expect(another).rejects.toThrow(`port ${web} (move it with DEMO_WEB_PORT)`)
  })

  test('a request goes its whole way, once, in a real minute', { timeout: 150_000 }, async () => {
    expect(await passes()).toBe('Deny')
    await slack.types(requester, general, `rdp vm-jump01 1m from ${address} because the demo says so`)

    const card = await until('a card that waits for approval', 15_000, async () =>
      (await slack.messages(approvals)).find(isCard),
    )
    expect(card.text).toContain('rdp to vm-jump01')
    expect(await passes()).toBe('Deny')

    await slack.presses(requester, approvals, card, 'approve')
    await until('that nobody approves their own request', 15_000, async () =>
      said(await slack.messages(approvals)).find((text) => text.includes('own request')),
    )
    expect(await passes()).toBe('Deny')

    await slack.presses(approver, approvals, card, 'approve')
    const opened = await until('the notice that it is open', 20_000, async () =>
      (await slack.messages(approvals)).find(
        (message) => message.thread_ts === card.ts && message.text?.includes('Open until'),
      ),
    )
    expect(opened.text).toContain(address)
    expect(await passes()).toBe('Allow')
    expect(await ourRules('nsg-jump01-nic')).toEqual([expect.stringMatching(/^jit-[0-9a-z]+-\d{10}$/)])
    expect(said(await slack.direct(requester)).join('\n')).toContain('mstsc /v:')

    const closed = await until('the notice that it is closed', 90_000, async () =>
      (await slack.messages(approvals)).find(
        (message) => message.thread_ts === card.ts && message.text?.includes('Closed'),
      ),
    )
    expect(closed.text).toContain('Azure confirms that no network rule')
    expect(await passes()).toBe('Deny')
    expect(await ourRules('nsg-jump01-nic')).toEqual([])

    // The workspace hands each gesture to both of the bot's connections; one gesture must have one effect.
    const posted = (await slack.messages(approvals)).filter(({ subtype }) => subtype !== 'ephemeral')
    expect(posted.filter(isCard)).toHaveLength(1)
    expect(said(posted.filter((message) => !isCard(message)))).toEqual([opened.text, closed.text])
    const lines = await until('every line of the audit', 10_000, async () => {
      const all = said(await slack.messages(audit))
      return all.some((line) => line.startsWith('#9 ')) ? all : undefined
    })
    expect(lines.map((line) => Number(/^#(\d+) /.exec(line)?.[1]))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    const order = [
      'a policy came into force',
      'asked',
      'approved',
      'opening',
      'open, confirmed',
      'open, verified',
      'closing',
      'closed',
      'closed, verified',
    ]
    expect(lines.filter((line, at) => !line.includes(order[at] ?? '–'))).toEqual([])
  })

  test('an ask without an address goes on with the one that its person confirms on the page', async () => {
    await slack.types(requester, general, 'rdp vm-web01 1m because the page is there')
    const link = await until('the link of the private message', 15_000, async () =>
      linkIn(await slack.direct(requester)),
    )
    expect(link).toContain(`${demo.webUrl}/ip/`)

    // What a browser says of where it comes from is not believed, and the provider asks it anew who it is.
    const browser = new Visitor({ 'x-forwarded-for': '8.8.8.8' })
    expect(titleOf((await signsIn(browser, link, approver)).text)).toBe('This link cannot be used')
    const { text, url } = await signsIn(browser, link, requester)
    expect(text).toContain(address)
    expect(text).not.toContain('8.8.8.8')
    const answer = await browser.presses(url, { form: formOf(text) ?? '' })
    expect(titleOf(await answer.text())).toBe('Your address is confirmed')

    const card = await until('the card', 15_000, async () =>
      (await slack.messages(approvals)).find((each) => isCard(each) && each.text?.includes('vm-web01')),
    )
    expect(JSON.stringify(card.blocks)).toMatch(/81\.2\.69\.142 \(confirmed in the browser/)
  })

  test('a sign-in that is over is said in plain words, and nobody else than the demo’s people signs in', async () => {
    const { signInUrl } = demo
    const old = await fetch(`${signInUrl}/interaction/long-ago`, {
      method: 'POST',
      body: new URLSearchParams({ user: requester }),
    })
    expect(old.status).toBe(400)
    expect(titleOf(await old.text())).toBe('This sign-in is over')
    const stranger = await fetch(`${signInUrl}/interaction/long-ago`, {
      method: 'POST',
      body: new URLSearchParams({ user: 'U0STRANGER' }),
    })
    const page = await stranger.text()
    for (const name of ['requester', 'approver1', 'approver2']) expect(page).toContain(`Sign in as ${name}<`)
  })
})
