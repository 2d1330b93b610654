import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../src/config.ts'
import { addressPageLine } from '../../src/config-address.ts'

const slack = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' }
const page = { PUBLIC_URL: 'http://localhost:3001', SLACK_CLIENT_ID: '1.2', SLACK_CLIENT_SECRET: 'hidden' }
const overTls = { ...page, PUBLIC_URL: 'https://jit.example', HOST: '0.0.0.0' }

const behind = { ...overTls, TRUSTED_PROXIES: '10.0.0.0/24' }

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
    ['a wide range of private proxies', { ...overTls, TRUSTED_PROXIES: '10.0.0.0/8,fc00::/7,fe80::/10' }],
    [
      'a slash at the end of its name',
      { ...overTls, PUBLIC_URL: 'https://jit.example/', TRUSTED_PROXIES: '10.0.0.1' },
    ],
    [
      'another name for IPv4',
      { ...overTls, PUBLIC_URL_V4: 'https://v4.jit.example', TRUSTED_PROXIES: '10.0.0.1' },
    ],
    ['a path with PUBLIC_URL alone, which then leads nowhere', { PUBLIC_URL: 'https://jit.example/jit/' }],
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
    ['0, which is every network', { ...overTls, TRUSTED_PROXIES: ',', HOST: '0' }, /^HOST: /],
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
    [
      'half of everybody as a proxy',
      { ...overTls, TRUSTED_PROXIES: '128.0.0.0/1' },
      /^TRUSTED_PROXIES: .*everybody/,
    ],
    ['everybody as a proxy', { ...overTls, TRUSTED_PROXIES: '0.0.0.0/0' }, /^TRUSTED_PROXIES: .*everybody/],
    ['everybody by IPv6', { ...overTls, TRUSTED_PROXIES: '2000::/3' }, /^TRUSTED_PROXIES: .*everybody/],
    [
      'a proxy in octal',
      { ...overTls, TRUSTED_PROXIES: '010.0.0.1/32' },
      /“010.0.0.1\/32” is not.*leading zeros/,
    ],
    ['a short proxy', { ...overTls, TRUSTED_PROXIES: '10.1' }, /“10.1” is not.*written in full/],
    [
      'IPv4 proxies in IPv6 clothes, which match nobody',
      { ...overTls, TRUSTED_PROXIES: '::ffff:10.0.0.0/104' },
      /is not.*IPv4 as IPv4/,
    ],
    [
      'a query',
      { ...behind, PUBLIC_URL: 'https://jit.example/?a=1' },
      /^PUBLIC_URL: .*such as https:\/\/jit.example;/,
    ],
    [
      'a bare query',
      { ...behind, PUBLIC_URL: 'https://jit.example?' },
      /^PUBLIC_URL: expected a scheme and a host/,
    ],
    [
      'a fragment',
      { ...behind, PUBLIC_URL: 'https://jit.example/#x' },
      /^PUBLIC_URL: expected a scheme and a host/,
    ],
    ['a path', { ...behind, PUBLIC_URL: 'https://jit.example/jit/' }, /^PUBLIC_URL: .*\/ip\/ there$/],
    [
      'a path for IPv4',
      { ...behind, PUBLIC_URL_V4: 'https://v4.example/jit' },
      /^PUBLIC_URL_V4: expected a scheme/,
    ],
    [
      'a password',
      { ...behind, PUBLIC_URL: 'https://u:hidden@jit.example/' },
      /^PUBLIC_URL: holds a name or a pass/,
    ],
    [
      'one host twice',
      { ...behind, PUBLIC_URL_V4: 'https://JIT.example:8443' },
      /^PUBLIC_URL_V4: is the same host.*or leave it out/,
    ],
    ['http elsewhere', { ...page, PUBLIC_URL: 'http://jit.example' }, /^PUBLIC_URL: expected https/],
    ['IPv4 by http', { ...page, PUBLIC_URL_V4: 'http://v4.example' }, /^PUBLIC_URL_V4: expected https/],
    ['an issuer by http', { ...page, SLACK_OPENID_ISSUER: 'http://a.example' }, /^SLACK_OPENID_ISSUER: exp/],
  ])('are refused with %s', (_, environment, words) => {
    const found = problems(environment)
    expect(found).toEqual([expect.stringMatching(words)])
    expect(found.join()).not.toContain('hidden')
  })
})

test('it is told whether the page is on and where, or what it lacks', () => {
  expect(addressPageLine({ ...page, PUBLIC_URL: 'https://jit.example/' })).toBe(
    'on at https://jit.example/ip/…',
  )
  expect(addressPageLine({ PUBLIC_URL: 'https://jit.example' })).toBe(
    'off; to turn it on, set SLACK_CLIENT_ID and SLACK_CLIENT_SECRET',
  )
  expect(addressPageLine({})).toBe(
    'off; to turn it on, set PUBLIC_URL, SLACK_CLIENT_ID and SLACK_CLIENT_SECRET',
  )
})
