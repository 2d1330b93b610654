import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'

const read = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8')

interface Instruction {
  readonly name: string
  readonly text: string
}

/** The stages of a Dockerfile, each with its instructions; a line that ends in `\` goes on in the next. */
function stagesOf(text: string): Instruction[][] {
  const stages: Instruction[][] = []
  const lines = text.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n\s*/g, '')
  for (const line of lines.split('\n').filter((each) => each.trim() !== '')) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (name === 'FROM') stages.push([])
    stages.at(-1)?.push({ name, text: rest })
  }
  return stages
}

const stages = stagesOf(await read('Dockerfile'))
const last = stages.at(-1) ?? []
const all = (name: string, stage = last) => stage.filter((each) => each.name === name).map(({ text }) => text)

describe('the image', () => {
  test('has two stages on the very Node that the tests run on', async () => {
    const { devDependencies } = z
      .object({ devDependencies: z.object({ node: z.string() }) })
      .parse(JSON.parse(await read('package.json')))
    expect(stages).toHaveLength(2)
    for (const stage of stages)
      expect(all('FROM', stage)[0]).toMatch(new RegExp(`^node:${devDependencies.node}-slim\\b`))
    expect(process.versions.node).toBe(devDependencies.node)
  })

  test('installs by the lockfile, without tools for developers and without the demo’s parts', () => {
    const installs = all('RUN', stages[0]).filter((text) => text.includes('npm'))
    expect(installs).toEqual(['npm ci --omit=dev --omit=optional --ignore-scripts'])
  })

  test('ends with the libraries, the sources and nothing that installs or builds', () => {
    expect(all('COPY')).toEqual([
      '--from=libraries /app/node_modules node_modules',
      'package.json LICENSE ./',
      'src src',
      'deploy deploy',
    ])
    expect(all('RUN').join('\n')).not.toMatch(/apt|npm (ci|install)|curl|wget|make|tsc/)
    expect(all('RUN').join('\n')).toMatch(/rm -rf \S*node_modules/)
    expect(all('ADD')).toEqual([])
  })

  test('does not run as root, and says so by number', () => {
    expect(all('USER')).toEqual(['1000:1000'])
    expect(last.findIndex(({ name }) => name === 'USER')).toBeLessThan(
      last.findIndex(({ name }) => name === 'CMD'),
    )
  })

  test('starts the bot from its sources and keeps its database in a volume', () => {
    expect(all('CMD').map((text) => z.array(z.string()).parse(JSON.parse(text)))).toEqual([
      ['node', 'src/main.ts', 'start'],
    ])
    expect(all('VOLUME')).toEqual(['/data'])
    expect(all('ENV').join(' ')).toContain('DATA_DIR=/data')
    expect(all('EXPOSE')).toEqual(['3001'])
  })

  test('holds no secret and does not open itself to the network', () => {
    const environment = stages.flatMap((stage) => [...all('ENV', stage), ...all('ARG', stage)]).join(' ')
    expect(environment).not.toMatch(/TOKEN|SECRET|PASSWORD|HOST=/)
  })

  test('asks /livez whether the bot lives, on the port that the bot has', () => {
    const [check = ''] = all('HEALTHCHECK')
    const [node, flag, script = ''] = z
      .array(z.string())
      .parse(JSON.parse(check.slice(check.indexOf('CMD ') + 4)))
    expect([node, flag]).toEqual(['node', '-e'])
    expect(script).toContain('/livez')
    expect(script).toContain('process.env.PORT || 3001')
    expect(script).toContain("process.env.TLS_CERT_FILE ? 'https' : 'http'")
  })

  test('takes only what it needs from the folder', async () => {
    const lines = (await read('.dockerignore')).trim().split('\n')
    expect(lines[0]).toBe('*')
    const copied = stages.flatMap((stage) => all('COPY', stage)).filter((text) => !text.startsWith('--from'))
    const needed = copied.flatMap((text) => text.split(' ').slice(0, -1))
    expect(new Set(lines.slice(1))).toEqual(new Set(needed.map((file) => `!${file}`)))
  })
})
