import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AddressSite, formOf, from, robin, startAddressSite, titleOf } from '../support/address-page.ts'

const home = '81.2.69.142'

describe('the button of the address page', () => {
  let site: AddressSite
  let token: string
  const page = () => `${site.url}/ip/${token}`

  beforeEach(async () => {
    site = await startAddressSite()
    token = site.makes()
  })
  afterEach(() => site?.close())

  async function signedIn(to = page()) {
    site.openId.signsIn(robin)
    const browser = from(home)
    const { text } = await browser.goes(`${to}/sign-in`)
    return { browser, form: formOf(text) ?? '' }
  }

  const untouched = () => {
    expect(site.links.bound).toEqual([])
    expect(site.link(token)?.state).toBe('waiting')
  }

  test.each([
    { of: 'a page of somebody else', headers: { 'sec-fetch-site': 'cross-site' } },
    { of: 'a page beside ours', headers: { 'sec-fetch-site': 'same-site' } },
    { of: 'nowhere', headers: { 'sec-fetch-site': 'none' } },
    { of: 'another origin', headers: { origin: 'https://evil.example' } },
    {
      of: 'another origin in an old browser',
      headers: { origin: 'https://evil.example', 'sec-fetch-site': undefined },
    },
    { of: 'a hidden origin in an old browser', headers: { origin: 'null', 'sec-fetch-site': undefined } },
  ])('is not taken from $of', async ({ headers }) => {
    const { browser, form } = await signedIn()
    const sent = await browser.presses(page(), { form }, headers)
    expect(sent.status).toBe(403)
    expect(titleOf(await sent.text())).toBe('That came from somewhere else')
    untouched()
  })

  test('is taken from a browser that names our origin and nothing more', async () => {
    const { browser, form } = await signedIn()
    const sent = await browser.send(page(), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: site.url },
      body: `form=${form}`,
    })
    expect(sent.status).toBe(200)
  })

  test('is not taken without the word of its page, or with one that was changed', async () => {
    const { browser, form } = await signedIn()
    const changed = `${form.slice(0, -4)}${form.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
    for (const fields of [{}, { form: '' }, { form: 'x' }, { form: changed }, { form: form.slice(0, 30) }]) {
      const sent = await browser.presses(page(), fields)
      expect(sent.status).toBe(403)
      expect(titleOf(await sent.text())).toBe('That button was too old')
    }
    untouched()
  })

  test('is not taken with the word of another sign-in of the same person', async () => {
    const [first, second] = [await signedIn(), await signedIn()]
    expect((await second.browser.presses(page(), { form: first.form })).status).toBe(403)
    untouched()
  })

  test('is not taken with the word of another link', async () => {
    const other = await signedIn(`${site.url}/ip/${site.makes()}`)
    const { browser } = await signedIn()
    expect((await browser.presses(page(), { form: other.form })).status).toBe(403)
    untouched()
  })

  test('is not taken with the session that belongs to another link', async () => {
    const { browser, form } = await signedIn(`${site.url}/ip/${site.makes()}`)
    const sent = await browser.presses(page(), { form })
    expect(titleOf(await sent.text())).toBe('You are no longer signed in')
    untouched()
  })

  test('is not taken from a browser that is not signed in, or was ten minutes ago', async () => {
    const { browser, form } = await signedIn()
    expect((await from(home).presses(page(), { form })).status).toBe(403)
    const late = site.makes({ expiresAt: Number.MAX_SAFE_INTEGER })
    const lateForm = await signedIn(`${site.url}/ip/${late}`)
    site.passes(10 * 60_000)
    const sent = await lateForm.browser.presses(`${site.url}/ip/${late}`, { form: lateForm.form })
    expect(titleOf(await sent.text())).toBe('You are no longer signed in')
    expect((await browser.presses(page(), { form })).status).toBe(404)
    expect(site.links.bound).toEqual([])
  })

  test('is not taken with a cookie for the start of a sign-in in place of a session', async () => {
    const { browser, form } = await signedIn()
    const other = from(home)
    await other.send(`${page()}/sign-in`)
    const start = other.jar(site.url).get('__Host-jitney-start') ?? ''
    browser.jar(site.url).set('__Host-jitney-session', start)
    expect((await browser.presses(page(), { form })).status).toBe(403)
    untouched()
  })

  test.each(['text/plain', 'application/json', 'multipart/form-data; boundary=x', ''])(
    'is not taken as “%s”',
    async (type) => {
      const { browser, form } = await signedIn()
      expect((await browser.presses(page(), { form }, { 'content-type': type })).status).toBe(415)
      untouched()
    },
  )

  test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('is not pressed by %s', async (method) => {
    const { browser } = await signedIn()
    const sent = await browser.send(page(), { method })
    expect([sent.status, sent.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST'])
    untouched()
  })

  test('does not read more than 16 kB, whether the length is announced or not', async () => {
    const { browser, form } = await signedIn()
    const full = `form=${form}&more=`
    const body = `${full}${'x'.repeat(16 * 1024 - full.length)}`
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }
    const tooLong = await browser.send(page(), { method: 'POST', headers, body: `${body}x` })
    expect(tooLong.status).toBe(413)
    const stream = new Blob([`${body}x`]).stream()
    const chunked = await browser.send(page(), {
      method: 'POST',
      headers,
      body: stream,
      duplex: 'half',
    } as object)
    expect(chunked.status).toBe(413)
    untouched()
    expect((await browser.send(page(), { method: 'POST', headers, body })).status).toBe(200)
  })
})

describe('the address page', () => {
  let site: AddressSite
  let isReady: boolean
  beforeEach(async () => {
    isReady = true
    site = await startAddressSite({ ready: () => isReady })
  })
  afterEach(() => site?.close())

  test('hardens every answer', async () => {
    const token = site.makes()
    const page = `${site.url}/ip/${token}`
    site.openId.signsIn(robin)
    const browser = from(home)
    await browser.goes(`${page}/sign-in`)
    const answers = [
      await from(home).send(page),
      await browser.send(page),
      await from(home).send(page, { method: 'HEAD' }),
      await from(home).send(`${page}/sign-in`),
      await from(home).send(`${site.url}/ip/signed-in?code=x&state=y`),
      await from(home).send(`${site.url}/ip/nothing`),
      await from(home).send(page, { method: 'PUT' }),
      await from(home).send(page, { method: 'POST', body: 'x'.repeat(20_000) }),
      await browser.presses(page, {}),
      await browser.presses(page, {}, { 'sec-fetch-site': 'cross-site' }),
      await from(home).send(`${site.url}/nothing`),
      await from(home).send(`${site.url}/livez`),
    ]
    isReady = false
    answers.push(await from(home).send(page))
    isReady = true
    site.links.find = () => Promise.reject(new Error('the database is away'))
    answers.push(await from(home).send(page))
    expect(answers.map(({ status }) => status)).toEqual([
      200, 200, 200, 303, 400, 404, 405, 413, 403, 403, 404, 200, 503, 500,
    ])
    for (const { headers } of answers) {
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
      )
      expect(headers.get('strict-transport-security')).toBeNull()
    }
    expect(site.troubles).toEqual(['the address page failed: Error: the database is away'])
  })

  test('asks browsers to keep to TLS where the page is reached by it', async () => {
    const overTls = await startAddressSite({ environment: { PUBLIC_URL: 'https://jit.example' } })
    try {
      const answer = await from(home).send(`${overTls.url}/ip/${overTls.makes()}`)
      expect(answer.headers.get('strict-transport-security')).toBe('max-age=31536000')
    } finally {
      await overTls.close()
    }
  })

  test('has no script, and keeps its cookies to this host, from scripts and for ten minutes', async () => {
    const page = `${site.url}/ip/${site.makes()}`
    expect(await (await from(home).send(page)).text()).not.toMatch(/<script|\son\w+=|javascript:/i)
    site.openId.signsIn(robin)
    const browser = from(home)
    const seen: string[] = []
    const send = browser.send.bind(browser)
    browser.send = async (url, init) => {
      const response = await send(url, init)
      if (url.startsWith(site.url)) seen.push(...response.headers.getSetCookie())
      return response
    }
    await browser.goes(`${page}/sign-in`)
    const set = seen.filter((line) => !line.includes('Max-Age=0'))
    expect(set.map((line) => line.split('=')[0])).toEqual(['__Host-jitney-start', '__Host-jitney-session'])
    for (const line of set)
      expect(line.slice(line.indexOf(';'))).toBe('; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax')
    expect(seen.join()).not.toContain('U0ROBIN')
  })

  test('says that it is not ready until links can be looked up', async () => {
    isReady = false
    const page = `${site.url}/ip/${site.makes()}`
    expect((await from(home).send(page)).status).toBe(503)
    isReady = true
    expect((await from(home).send(page)).status).toBe(200)
  })

  test('escapes what it is told, wherever it shows it', async () => {
    const evil = '<img src=x onerror=alert(1)>"\'&'
    const token = site.makes({ about: { label: evil, vm: evil, howLong: evil } })
    site.openId.signsIn({ ...robin })
    const browser = from(home)
    const pages = [await (await browser.send(`${site.url}/ip/${token}`)).text()]
    const { text, url } = await browser.goes(`${site.url}/ip/${token}/sign-in`)
    pages.push(text, await (await browser.presses(url, { form: formOf(text) ?? '' })).text())
    for (const page of pages) {
      expect(page).not.toContain('<img')
      expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;')
    }
  })

  test('turns an address away that comes too often, for a minute, and no other', async () => {
    const page = () => `${site.url}/ip/${site.makes()}`
    for (let visit = 0; visit < 120; visit++) expect((await from(home).send(page())).status).toBe(200)
    const turnedAway = await from(home).send(page())
    expect(turnedAway.status).toBe(429)
    expect(titleOf(await turnedAway.text())).toBe('Too many visits')
    expect((await from('81.2.69.160').send(page())).status).toBe(200)
    site.passes(60_000)
    expect((await from(home).send(page())).status).toBe(200)
  })

  test('counts a whole /64 as one address', async () => {
    const token = 'AAAAAAAAAAAAAAAAAAAAAA'
    const visit = (address: string) => from(address).send(`${site.url}/ip/${token.slice(1)}`)
    for (let each = 1; each <= 120; each++) await visit(`2a02:6b8:0:1::${each.toString(16)}`)
    expect((await visit('2a02:6b8:0:1:ffff::1')).status).toBe(429)
    expect((await visit('2a02:6b8:0:2::1')).status).toBe(404)
  })

  test('turns away whoever comes when a link is opened too often', async () => {
    const [page, other] = [`${site.url}/ip/${site.makes()}`, `${site.url}/ip/${site.makes()}`]
    for (let visit = 0; visit < 60; visit++) await from(`81.2.70.${visit}`).send(page)
    expect((await from(home).send(page)).status).toBe(429)
    expect((await from(home).send(`${page}/sign-in`)).status).toBe(429)
    expect((await from(home).send(other)).status).toBe(200)
  })

  test('believes no header from a sender that is not trusted, and counts it', async () => {
    const open = await startAddressSite({ environment: { TRUSTED_PROXIES: '10.0.0.0/8' } })
    try {
      const page = await (await from(home).send(`${open.url}/ip/${open.makes()}`)).text()
      expect(page).not.toContain(home)
      expect(page).toContain('127.0.0.1')
      const metrics = await (await fetch(`${open.url}/metrics`)).text()
      expect(metrics).toMatch(/^jit_forwarded_ignored_total 1$/m)
    } finally {
      await open.close()
    }
  })

  test('hears every header that forwards, not only the first', async () => {
    const seen = await new Promise<string>((resolve, reject) => {
      const headers = { 'x-forwarded-for': ['9.9.9.9', home] }
      const asked = request(`${site.url}/ip/${site.makes()}`, { headers }, (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += String(chunk)
        })
        response.on('end', () => resolve(text))
      })
      asked.on('error', reject).end()
    })
    expect(seen).toContain(`<dd>${home}</dd>`)
    expect(seen).not.toContain('9.9.9.9')
  })

  test('hangs up on whoever never finishes the headers', async () => {
    const { port } = new URL(site.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n')
    const answer = await new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk) => {
        text += String(chunk)
      })
      socket.on('close', () => resolve(text))
    })
    expect(answer).toMatch(/^HTTP\/1.1 408 /)
  })
})
