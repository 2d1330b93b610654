import { execFile } from 'node:child_process'
import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { deployRole, roleFiles } from '../support/deploy-roles.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string) => readFile(join(root, file), 'utf8')
const readme = await read('README.md')
const documents = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'policy.example.yml',
  'manifest.yml',
  'Dockerfile',
]

const { stdout: help } = await promisify(execFile)(process.execPath, [join(root, 'src', 'main.ts'), '--help'])
const commands = [...help.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name ?? '')

const section = (title: string): string => {
  const from = readme.indexOf(`\n## ${title}\n`)
  expect(from, title).toBeGreaterThan(0)
  const to = readme.indexOf('\n## ', from + 1)
  return readme.slice(from, to < 0 ? undefined : to)
}

async function sources(): Promise<string> {
  const files = await readdir(join(root, 'src'), { recursive: true })
  const texts = files
    .filter((file) => file.endsWith('.ts') && file !== 'config.ts')
    .map((file) => read(`src/${file}`))
  return (await Promise.all(texts)).join('\n')
}

describe('the README', () => {
  test('is read in a few minutes, in the order of a newcomer’s questions', () => {
    expect(readme.split('\n').length).toBeLessThan(225)
    const titles = [...readme.matchAll(/^## (.*)$/gm)].map(([, title]) => title)
    expect(titles).toEqual(['Try it', 'How it works', 'The policy', 'Deploy', 'Security', 'Develop'])
  })

  test('names the two commands of a fresh machine, and no script that does not exist', async () => {
    expect(section('Try it')).toContain('npm ci && npm run demo')
    expect(section('Develop')).toContain('npm ci && npm test')
    const { scripts } = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(await read('package.json')))
    const named = [...readme.matchAll(/npm (?:run )?([a-z0-9]+)/g)].map(([, name]) => name ?? '')
    expect(named.filter((name) => name !== 'ci' && name !== 'and' && !Object.hasOwn(scripts, name))).toEqual(
      [],
    )
  })

  test('names commands that exist, and says of none that exists that it is not there yet', () => {
    expect(commands).toEqual(expect.arrayContaining(['start', 'demo', 'policy', 'migrate']))
    const named = [...readme.matchAll(/node src\/main\.ts ([a-z-]+)/g)].map(([, name]) => name ?? '')
    expect(named.filter((name) => !commands.includes(name))).toEqual([])
    const [, missing = ''] = /^Not there yet: (.*)$/m.exec(readme) ?? []
    const promised = [...missing.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name ?? '')
    expect(promised.length).toBeGreaterThan(0)
    expect(promised.filter((name) => commands.includes(name))).toEqual([])
    expect(missing.includes('audit')).toBe(!commands.includes('audit'))
  })

  test('lists every variable that the bot uses, and no other', async () => {
    const config = await read('src/config.ts')
    const [, shape = ''] = /const shape = z\.object\(\{\n(.*?)\n\}\)/s.exec(config) ?? []
    const known = [...shape.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map(([, name]) => name ?? '')
    const code = await sources()
    // @azure/identity reads this one itself.
    const used = known.filter((name) => name === 'IDENTITY_HEADER' || new RegExp(`\\b${name}\\b`).test(code))
    const rows = section('Deploy')
      .split('\n')
      .filter((line) => /^\| `[A-Z]/.test(line))
    const listed = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([A-Z0-9_]+)`/g)].map(([, name]) => name ?? ''),
    )
    expect(used.length).toBeGreaterThan(15)
    expect(listed.toSorted()).toEqual(used.toSorted())
  })

  test('leads to a page with a row for every key of the policy', async () => {
    const example = await read('policy.example.yml')
    const keys = [...example.matchAll(/^\s*(?:- )?([a-zA-Z]+):/gm)].map(([, key]) => key ?? '')
    const made = ['postgres', 'web', 'env', 'rules', 'office']
    const text = await read('docs/policy.md')
    const words = new Set(
      [...text.matchAll(/`([a-zA-Z.[\]]+)`/g)].flatMap(([, key = '']) => key.split(/\W+/)),
    )
    const missing = [...new Set(keys)].filter((key) => !made.includes(key) && !words.has(key))
    expect(missing).toEqual([])
  })

  test('names the roles that there are', async () => {
    for (const name of roleFiles) expect(section('Deploy')).toContain(`deploy/${name}.json`)
  })

  test('has an action for everything that is asked of Azure', async () => {
    const actionOf: Readonly<Record<string, string>> = {
      'networkInterfaces.get': 'Microsoft.Network/networkInterfaces/read',
      'publicIPAddresses.get': 'Microsoft.Network/publicIPAddresses/read',
      'subnets.get': 'Microsoft.Network/virtualNetworks/subnets/read',
      'virtualNetworks.get': 'Microsoft.Network/virtualNetworks/read',
      'networkSecurityGroups.get': 'Microsoft.Network/networkSecurityGroups/read',
      'networkSecurityGroups.list': 'Microsoft.Network/networkSecurityGroups/read',
      'networkSecurityGroups.listAll': 'Microsoft.Network/networkSecurityGroups/read',
      'networkWatchers.listAll': 'Microsoft.Network/networkWatchers/read',
      'networkWatchers.verifyIPFlow': 'Microsoft.Network/networkWatchers/ipFlowVerify/action',
      'securityRules.get': 'Microsoft.Network/networkSecurityGroups/securityRules/read',
      'securityRules.list': 'Microsoft.Network/networkSecurityGroups/securityRules/read',
    }
    const called = [
      ...(await sources()).matchAll(
        /\.((?:network[A-Z]\w+|public\w+|subnets|virtual\w+|securityRules)\.(?:get|list\w*|begin\w*|create\w*|delete\w*|verify\w*))\b/g,
      ),
    ].map(([, call]) => call ?? '')
    expect(called.length).toBeGreaterThan(3)
    const { Actions } = await deployRole('role-nsg')
    expect(called.filter((call) => !Actions.includes(actionOf[call] ?? ''))).toEqual([])
  })

  test('shows a picture, and links only to what is there', async () => {
    expect(readme).toMatch(/!\[[^\]]{40,}\]\(docs\/images\/[a-z-]+\.png\)/)
    for (const document of ['README.md', 'SECURITY.md']) {
      const links = [...(await read(document)).matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)].map(
        ([, link]) => link ?? '',
      )
      for (const link of links.filter((each) => !each.startsWith('https://'))) await access(join(root, link))
    }
  })
})

describe('every document', () => {
  test.each(documents)('%s names no place on somebody’s machine', async (document) => {
    expect(await read(document)).not.toMatch(
      /\/(?:work|root|home|tmp|Users)\/|localhost:\d{4,5}\/|registry\./,
    )
  })

  test('the licence and the package agree', async () => {
    expect(await read('LICENSE')).toMatch(/^MIT License\n\nCopyright \(c\) \d{4} The Jitney authors\n/)
    expect(JSON.parse(await read('package.json'))).toMatchObject({ license: 'MIT' })
  })
})
