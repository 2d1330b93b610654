import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WebClient } from '@slack/web-api'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const read = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8')

const manifestShape = z.looseObject({
  display_information: z.looseObject({ name: z.string() }),
  features: z.looseObject({
    slash_commands: z.array(
      z.looseObject({ command: z.string(), usage_hint: z.string(), should_escape: z.boolean() }),
    ),
  }),
  oauth_config: z.strictObject({ scopes: z.strictObject({ bot: z.array(z.string()) }) }),
  settings: z.looseObject({
    socket_mode_enabled: z.boolean(),
    org_deploy_enabled: z.boolean(),
    token_rotation_enabled: z.boolean(),
    interactivity: z.looseObject({ is_enabled: z.boolean() }),
  }),
})
const manifest = manifestShape.parse(parse(await read('manifest.yml')))
const schema = z.looseObject({}).parse(JSON.parse(await read('test/house/manifest-schema.json')))
const validate = new Ajv({ allErrors: true, strict: true }).compile(schema)

const problems = (value: unknown): string[] =>
  validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)

/** The manifest with one value put somewhere, or replaced. */
function changed(path: readonly (string | number)[], value: unknown): unknown {
  const copy: unknown = structuredClone(manifest)
  let at = copy
  for (const key of path.slice(0, -1)) {
    if (typeof at === 'object' && at !== null) at = Reflect.get(at, key)
  }
  if (typeof at !== 'object' || at === null) throw new Error(`There is nothing at ${path.join('.')}`)
  Reflect.set(at, path.at(-1) ?? '', value)
  return copy
}

describe('the Slack app’s manifest', () => {
  test('keeps Slack’s rules', () => {
    expect(problems(manifest)).toEqual([])
  })

  test.each<[string, readonly (string | number)[], unknown, RegExp]>([
    ['a name of 36', ['display_information', 'name'], 'n'.repeat(36), /name must NOT have more than 35/],
    ['a description of 141', ['display_information', 'description'], 'd'.repeat(141), /more than 140/],
    ['a short long_description', ['display_information', 'long_description'], 'short', /fewer than 175/],
    ['a command without a slash', ['features', 'slash_commands', 0, 'command'], 'jit', /match pattern/],
    ['a command of 33', ['features', 'slash_commands', 0, 'command'], `/${'j'.repeat(32)}`, /more than 32/],
    [
      'a usage hint of 1001',
      ['features', 'slash_commands', 0, 'usage_hint'],
      'u'.repeat(1001),
      /more than 1000/,
    ],
    [
      'six unfurl domains',
      ['features', 'unfurl_domains'],
      [1, 2, 3, 4, 5, 6].map((at) => `d${at}.io`),
      /more than 5/,
    ],
    ['an unknown setting', ['settings', 'socket_mode'], true, /settings must NOT have additional/],
    ['an unknown part', ['scopes'], [], /must NOT have additional/],
    ['an unknown scope', ['oauth_config', 'scopes', 'bot', 0], 'chat:wirte', /equal to one of the allowed/],
    ['interactivity without its switch', ['settings', 'interactivity'], {}, /must have required/],
  ])('would not pass with %s', (_, path, value, problem) => {
    expect(problems(changed(path, value)).join('\n')).toMatch(problem)
  })

  test('offers /jit, escaped, over Socket Mode, to one workspace', () => {
    const [command, ...others] = manifest.features.slash_commands
    expect(others).toEqual([])
    expect(command).toMatchObject({ command: '/jit', should_escape: true })
    expect(command?.usage_hint).toContain('rdp vm-jump01 30m')
    expect(manifest.settings).toMatchObject({
      socket_mode_enabled: true,
      org_deploy_enabled: false,
      token_rotation_enabled: false,
      interactivity: { is_enabled: true },
    })
  })
})

/** What Slack asks for each Web API method; a method that is called and not in here fails the test below. */
const scopeOf: Readonly<Record<string, string | null>> = {
  'auth.test': null,
  'apps.connections.open': null,
  'chat.postMessage': 'chat:write',
  'chat.update': 'chat:write',
  'chat.delete': 'chat:write',
  'chat.postEphemeral': 'chat:write',
  'conversations.open': 'im:write',
  'usergroups.list': 'usergroups:read',
  'usergroups.users.list': 'usergroups:read',
  'users.info': 'users:read',
  'users.lookupByEmail': 'users:read.email',
  'views.open': null,
  'views.publish': null,
  'views.push': null,
  'views.update': null,
}

const client = new WebClient()

/** Whether Slack's own client has a method of this name, such as `chat.postMessage`. */
function isMethod(name: string): boolean {
  const found = name
    .split('.')
    .reduce<unknown>((at, key) => (typeof at === 'object' && at ? Reflect.get(at, key) : undefined), client)
  return typeof found === 'function'
}

async function slackSources(): Promise<string> {
  const folder = new URL('../../src/slack/', import.meta.url).pathname
  const files = await readdir(folder, { recursive: true })
  const texts = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFile(join(folder, file), 'utf8'))
  return (await Promise.all(texts)).join('\n')
}

describe('the scopes', () => {
  test('are exactly those that the called methods need', async () => {
    const source = await slackSources()
    const calls = [...source.matchAll(/\.([a-z]+(?:\.[a-zA-Z]+)+)\(/g)].map(([, name]) => name ?? '')
    const methods = [...new Set(calls)].filter(isMethod)
    expect(methods).toEqual(expect.arrayContaining(['chat.postMessage', 'users.info']))
    expect(methods.filter((method) => !Object.hasOwn(scopeOf, method))).toEqual([])

    const needed = methods.flatMap((method) => scopeOf[method] ?? [])
    // The e-mail in the answer of users.info has a scope of its own.
    if (source.includes('.profile?.email')) needed.push('users:read.email')
    if (source.includes('app.command(')) needed.push('commands')
    if (source.includes("app.event('app_mention'")) needed.push('app_mentions:read')
    expect(new Set(manifest.oauth_config.scopes.bot)).toEqual(new Set(needed))
  })

  test('and the events are exactly those that somebody listens to', async () => {
    const heard = [...(await slackSources()).matchAll(/\bapp\.event\(\s*'([a-z_.]+)'/g)].map(
      ([, name]) => name,
    )
    const asked = z
      .object({ event_subscriptions: z.object({ bot_events: z.array(z.string()) }).optional() })
      .parse(manifest.settings).event_subscriptions
    expect(asked?.bot_events ?? []).toEqual(heard)
  })
})
