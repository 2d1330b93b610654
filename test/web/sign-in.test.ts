import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AddressSite, formOf, from, robin, startAddressSite, titleOf } from '../support/address-page.ts'
import { type FalseIssuer, startFalseIssuer } from '../support/false-issuer.ts'
import { client } from '../support/openid.ts'

const home = '81.2.69.142'

describe('signing in with Slack', () => {
  let issuer: FalseIssuer
  let site: AddressSite
  beforeEach(async () => {
    issuer = await startFalseIssuer()
    site = await startAddressSite({ environment: { SLACK_OPENID_ISSUER: issuer.issuer } })
  })
  afterEach(async () => {
    await site?.close()
    await issuer?.close()
  })

  const slackIds = { 'https://slack.com/user_id': robin.userId, 'https://slack.com/team_id': robin.teamId }
  const claims = (nonce: string) => ({
    iss: issuer.issuer,
    aud: client.id,
    sub: robin.userId,
    nonce,
    iat: Math.floor(Date.now() / 1000),
    exp: Math.floor(Date.now() / 1000) + 300,
    ...slackIds,
  })
  const signsIn = () => from(home).goes(`${site.url}/ip/${site.makes()}/sign-in`)

  test('is done when everything is as it should be', async () => {
    issuer.says(claims)
    const { text } = await signsIn()
    expect(formOf(text)).not.toBeNull()
    expect(issuer.asked[0]?.get('client_secret')).toBe(client.secret)
    expect(issuer.asked[0]?.get('code_verifier')?.length).toBeGreaterThan(40)
  })

  test.each<{ wrong: string; says: (nonce: string) => object; forge?: true }>([
    { wrong: 'meant for another app', says: (nonce) => ({ ...claims(nonce), aud: 'another' }) },
    { wrong: 'of another issuer', says: (nonce) => ({ ...claims(nonce), iss: 'https://evil.example' }) },
    { wrong: 'for another sign-in', says: () => claims('another nonce') },
    { wrong: 'for no sign-in at all', says: (nonce) => ({ ...claims(nonce), nonce: undefined }) },
    { wrong: 'too old', says: (nonce) => ({ ...claims(nonce), exp: Math.floor(Date.now() / 1000) - 60 }) },
    { wrong: 'signed by somebody else', says: (nonce) => claims(nonce), forge: true },
    {
      wrong: 'about nobody in Slack',
      says: (nonce) => ({ ...claims(nonce), 'https://slack.com/user_id': undefined }),
    },
    {
      wrong: 'about no team',
      says: (nonce) => ({ ...claims(nonce), 'https://slack.com/team_id': undefined }),
    },
  ])('takes no ID token that is $wrong', async ({ says, forge = false }) => {
    issuer.says(says, { forge })
    issuer.knows({ sub: robin.userId })
    const { text, response } = await signsIn()
    expect([response.status, titleOf(text)]).toEqual([403, 'You were not signed in'])
    expect(site.troubles).toHaveLength(1)
    expect(site.troubles.join()).not.toContain(client.secret)
  })

  test('asks who it is where the ID token does not say, and takes it for the same person only', async () => {
    issuer.says((nonce) => ({ ...claims(nonce), 'https://slack.com/team_id': undefined }))
    issuer.knows({ sub: robin.userId, ...slackIds })
    expect(formOf((await signsIn()).text)).not.toBeNull()
    issuer.knows({ sub: 'U0MALLORY', ...slackIds })
    expect(titleOf((await signsIn()).text)).toBe('You were not signed in')
  })

  test('is finished by no other browser than the one that began it, and only once', async () => {
    issuer.says(claims)
    const [page, robins] = [`${site.url}/ip/${site.makes()}`, from(home)]
    const away = await robins.send(`${page}/sign-in`)
    const atSlack = await robins.send(away.headers.get('location') ?? '')
    const back = atSlack.headers.get('location') ?? ''

    const theirs = from(home)
    await theirs.send(`${page}/sign-in`)
    for (const browser of [from(home), theirs]) {
      const answer = await browser.send(back)
      expect([answer.status, titleOf(await answer.text())]).toEqual([400, 'This sign-in cannot be finished'])
    }
    expect(issuer.asked).toEqual([])
    expect((await robins.send(back)).status).toBe(303)
    expect((await robins.send(back)).status).toBe(400)
  })

  test('takes ten minutes at most', async () => {
    issuer.says(claims)
    const robins = from(home)
    const away = await robins.send(`${site.url}/ip/${site.makes()}/sign-in`)
    const atSlack = await robins.send(away.headers.get('location') ?? '')
    site.passes(10 * 60_000)
    expect((await robins.send(atSlack.headers.get('location') ?? '')).status).toBe(400)
  })

  test('says so when it was called off, and leads back to the link', async () => {
    const [token, robins] = [site.makes(), from(home)]
    const away = await robins.send(`${site.url}/ip/${token}/sign-in`)
    const state = new URL(away.headers.get('location') ?? '').searchParams.get('state') ?? ''
    const { text } = await robins.goes(`${site.url}/ip/signed-in?error=access_denied&state=${state}`)
    expect(titleOf(text)).toBe('You were not signed in')
    expect(text).toContain(`href="/ip/${token}"`)
  })

  test('says so when Slack does not answer, and works once it does', async () => {
    const { port } = new URL(issuer.issuer)
    await issuer.close()
    const { text, response } = await signsIn()
    expect([response.status, titleOf(text)]).toEqual([502, 'Slack does not answer'])
    issuer = await startFalseIssuer(Number(port))
    issuer.says(claims)
    expect(formOf((await signsIn()).text)).not.toBeNull()
  })

  test('is known to another replica with the same secret, and to none with another', async () => {
    issuer.says(claims)
    const token = site.makes()
    const robins = from(home)
    await robins.goes(`${site.url}/ip/${token}/sign-in`)
    const session = robins.jar(site.url).get('__Host-jitney-session') ?? ''
    for (const [secret, knows] of [[client.secret, true] as const, ['another', false] as const]) {
      const replica = await startAddressSite({ environment: { SLACK_CLIENT_SECRET: secret } })
      const link = site.link(token)
      if (link) for (const hash of site.links.lookedUp) replica.links.kept.set(hash, link)
      const visitor = from(home)
      visitor.jar(replica.url).set('__Host-jitney-session', session)
      const page = await (await visitor.send(`${replica.url}/ip/${token}`)).text()
      expect(formOf(page) !== null).toBe(knows)
      await replica.close()
    }
  })
})
