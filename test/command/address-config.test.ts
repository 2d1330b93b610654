import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../src/config.ts'

const slack = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' }
const page = { PUBLIC_URL: 'http://localhost:3001', SLACK_CLIENT_ID: '1.2', SLACK_CLIENT_SECRET: 'hidden' }
const overTls = { ...page, PUBLIC_URL: 'https://jit.example', HOST: '0.0.0.0' }

function problems(environment: Record<string, string>): readonly string[] {
  try {
    readConfig({ ...slack, ...environment })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('the variables of the address page', () => {
  test.each<[string, Record<string, string>]>([
    ['nothing of it', {}],
    ['PUBLIC_URL alone, for HTTP mode', { PUBLIC_URL: 'https://jit.example', HOST: '0.0.0.0' }],
    ['a page on this computer', page],
    ['a trusted proxy', { ...overTls, TRUSTED_PROXIES: '10.0.0.0/24, fd00::/64' }],
    ['a trusted proxy on this computer', { ...overTls, HOST: '127.0.0.1', TRUSTED_PROXIES: '127.0.0.1' }],
    ['TLS of its own', { ...overTls, TLS_CERT_FILE: 'a.pem', TLS_KEY_FILE: 'b.pem' }],
  ])('are fine with %s', (_, environment) => {
    expect(problems(environment)).toEqual([])
  })

  test.each<[string, Record<string, string>, RegExp]>([
    [
      'no proxy and no TLS',
      overTls,
      /^HOST: .*0\.0\.0\.0.*TLS_CERT_FILE.*TRUSTED_PROXIES.*HOST=127\.0\.0\.1/,
    ],
    ['an empty list of proxies', { ...overTls, TRUSTED_PROXIES: ' , ' }, /^HOST: /],
    ['::', { ...overTls, HOST: '::' }, /^HOST: /],
    [
      'a proxy beside it that is not trusted',
      { ...overTls, HOST: '::1' },
      /^TRUSTED_PROXIES: .*127\.0\.0\.1\/32/,
    ],
    ['no client secret', { ...page, SLACK_CLIENT_SECRET: '' }, /^SLACK_CLIENT_SECRET: is required/],
    ['no client id', { ...page, SLACK_CLIENT_ID: '' }, /^SLACK_CLIENT_ID: is required/],
    ['no URL', { ...page, PUBLIC_URL: '' }, /^PUBLIC_URL: is required/],
    ['a URL for IPv4 alone', { PUBLIC_URL_V4: 'https://v4.example' }, /^PUBLIC_URL_V4: needs/],
    ['half of TLS', { ...overTls, TLS_CERT_FILE: 'a.pem' }, /^TLS_KEY_FILE: is required/],
    ['no range', { ...overTls, TRUSTED_PROXIES: '10.0.0.0/24,proxy' }, /^TRUSTED_PROXIES: “proxy” is not/],
    ['everybody as a proxy', { ...overTls, TRUSTED_PROXIES: '0.0.0.0/0' }, /^TRUSTED_PROXIES: .*everybody/],
    ['http elsewhere', { ...page, PUBLIC_URL: 'http://jit.example' }, /^PUBLIC_URL: expected https/],
    ['IPv4 by http', { ...page, PUBLIC_URL_V4: 'http://v4.example' }, /^PUBLIC_URL_V4: expected https/],
    ['an issuer by http', { ...page, SLACK_OPENID_ISSUER: 'http://a.example' }, /^SLACK_OPENID_ISSUER: exp/],
  ])('are refused with %s', (_, environment, words) => {
    const found = problems(environment)
    expect(found).toEqual([expect.stringMatching(words)])
    expect(found.join()).not.toContain('hidden')
  })
})
