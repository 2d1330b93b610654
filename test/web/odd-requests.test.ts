import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMetrics, nothingYet } from '../../src/metrics.ts'
import { startWeb, type Web } from '../../src/web/server.ts'
import { type AddressSite, startAddressSite } from '../support/address-page.ts'

/** Sends these bytes alone; answers everything that comes back until the connection ends. */
const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let seen = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => {
      seen += String(chunk)
    })
    socket.on('close', () => resolve(seen))
    socket.on('error', reject)
  })

function hardened(answer: string): void {
  const [head = ''] = answer.toLowerCase().split('\r\n\r\n', 1)
  const lines = head.split('\r\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      'cache-control: no-store',
      'referrer-policy: no-referrer',
      'x-content-type-options: nosniff',
      'x-frame-options: deny',
      expect.stringMatching(/^content-security-policy: default-src 'none'/),
    ]),
  )
  expect(new Set(lines.map((line) => line.split(':', 1)[0])).size).toBe(lines.length)
}

describe('what is no proper request is answered with the headers of all others', () => {
  let site: AddressSite
  beforeAll(async () => {
    site = await startAddressSite()
  })
  afterAll(() => site?.close())

  const close = 'Connection: close\r\n\r\n'
  test.each([
    { of: 'a bad host', sent: `GET /ip/x HTTP/1.1\r\nHost: a b\r\n${close}`, status: 400 },
    { of: 'a host with a path', sent: `GET /ip/x HTTP/1.1\r\nHost: a/b?c\r\n${close}`, status: 400 },
    { of: 'a host with a user', sent: `GET /ip/x HTTP/1.1\r\nHost: u@evil\r\n${close}`, status: 400 },
    { of: 'no host', sent: `GET /ip/x HTTP/1.1\r\n${close}`, status: 400 },
    { of: 'no host in an old version', sent: 'GET /ip/x HTTP/1.0\r\n\r\n', status: 400 },
    { of: 'TRACE', sent: `TRACE /ip/x HTTP/1.1\r\nHost: localhost\r\n${close}`, status: null },
    { of: 'another scheme', sent: `GET ftp://x/ip/x HTTP/1.1\r\nHost: localhost\r\n${close}`, status: 400 },
    { of: 'a star', sent: `OPTIONS * HTTP/1.1\r\nHost: localhost\r\n${close}`, status: null },
    {
      of: 'a broken escape',
      sent: `GET /ip/%E0%A4%A/sign-in HTTP/1.1\r\nHost: localhost\r\n${close}`,
      status: 404,
    },
    {
      of: 'an expectation',
      sent: `GET /livez HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\n${close}`,
      status: 200,
    },
    {
      of: 'bad chunks',
      sent: `POST /ip/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n${close}zz\r\n`,
      status: 400,
    },
    { of: 'no HTTP at all', sent: 'hello\r\n\r\n', status: 400 },
    {
      of: 'too many headers',
      sent: `GET /livez HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n${close}`,
      status: 431,
    },
  ])('$of', async ({ sent, status }) => {
    const seen = await raw(Number(new URL(site.url).port), sent)
    expect(seen).toMatch(status === null ? /^HTTP\/1\.1 [1-5]\d\d / : new RegExp(`^HTTP/1\\.1 ${status} `))
    hardened(seen)
  })

  test('and what follows a proper request is answered on its own', async () => {
    const proper = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const seen = await raw(Number(new URL(site.url).port), `${proper}hello\r\n\r\n`)
    const answers = seen.split(/(?=HTTP\/1\.1 \d{3} )/)
    expect(answers.length).toBeGreaterThan(0)
    for (const answer of answers) hardened(answer)
  })
})

describe('Slack’s way in, while Slack cannot be served yet', () => {
  let web: Web
  beforeAll(async () => {
    const metrics = createMetrics(async () => nothingYet)
    web = await startWeb({
      host: '127.0.0.1',
      port: 0,
      unready: () => [],
      metrics: metrics.render,
      slack: () => null,
    })
  })
  afterAll(() => web?.close())

  test('is answered with the same headers', async () => {
    const sent =
      'POST /slack/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
    const seen = await raw(web.port, sent)
    expect(seen).toMatch(/^HTTP\/1\.1 503 /)
    hardened(seen)
  })
})
