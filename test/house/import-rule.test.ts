import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)

interface Layer {
  readonly file: string
  readonly may: readonly string[]
  readonly mayNot: readonly string[]
}

/** The rule of the layers: left may import right, nothing else. */
const layers: readonly Layer[] = [
  {
    file: 'src/core/planted.ts',
    may: ['./grant.ts', 'luxon', 'ipaddr.js'],
    mayNot: [
      '../ports.ts',
      '../engine/dispatch.ts',
      '../slack/cards.ts',
      '../config.ts',
      'node:crypto',
      'zod',
      'pg',
    ],
  },
  {
    file: 'src/ports.ts',
    may: ['./core/grant.ts'],
    mayNot: ['./engine/dispatch.ts', './store/store.ts', './config.ts', 'node:fs', 'luxon'],
  },
  {
    file: 'src/policy-file.ts',
    may: ['./core/policy.ts', 'zod', 'yaml'],
    mayNot: ['./ports.ts', './engine/dispatch.ts', './config.ts', 'node:fs', 'luxon'],
  },
  {
    file: 'src/engine/planted.ts',
    may: ['./dispatch.ts', '../core/grant.ts', '../ports.ts'],
    mayNot: [
      '../slack/cards.ts',
      '../azure/arm.ts',
      '../store/store.ts',
      '../web/server.ts',
      '../app.ts',
      'node:timers',
      'pino',
    ],
  },
  {
    file: 'src/slack/planted.ts',
    may: ['./cards.ts', '../core/grant.ts', '../ports.ts', '@slack/bolt', '@slack/web-api', 'node:http'],
    mayNot: [
      '../engine/dispatch.ts',
      '../azure/arm.ts',
      '../store/store.ts',
      '../web/server.ts',
      '../simulator/server.ts',
      '../app.ts',
      '../config.ts',
      'kysely',
    ],
  },
  {
    file: 'src/slack/actions/planted.ts',
    may: ['./click.ts', '../cards.ts', '../../core/grant.ts', '../../ports.ts', '@slack/bolt'],
    mayNot: [
      '../../engine/dispatch.ts',
      '../../azure/arm.ts',
      '../../store/store.ts',
      '../../app.ts',
      '../../config.ts',
      'pg',
    ],
  },
  {
    file: 'src/azure/planted.ts',
    may: ['./arm.ts', '../core/grant.ts', '../ports.ts', '@azure/identity', 'node:crypto'],
    mayNot: [
      '../engine/dispatch.ts',
      '../slack/cards.ts',
      '../store/store.ts',
      '../simulator/server.ts',
      '../config.ts',
      'hono',
    ],
  },
  {
    file: 'src/oncall/planted.ts',
    may: ['./pagerduty.ts', '../core/fault.ts', '../ports.ts', 'zod', 'node:http'],
    mayNot: [
      '../engine/dispatch.ts',
      '../slack/directory.ts',
      '../store/store.ts',
      '../app.ts',
      '../config.ts',
      'pino',
    ],
  },
  {
    file: 'src/store/planted.ts',
    may: ['./jobs.ts', '../core/grant.ts', '../ports.ts', 'kysely', 'pg', '@electric-sql/pglite', 'node:fs'],
    mayNot: [
      '../engine/dispatch.ts',
      '../slack/cards.ts',
      '../azure/arm.ts',
      '../web/server.ts',
      '../config.ts',
      'pino',
    ],
  },
  {
    file: 'src/web/planted.ts',
    may: [
      './server.ts',
      '../core/grant.ts',
      '../ports.ts',
      'hono',
      'hono/html',
      '@hono/node-server',
      'openid-client',
    ],
    mayNot: [
      '../engine/dispatch.ts',
      '../slack/cards.ts',
      '../azure/arm.ts',
      '../store/store.ts',
      '../config.ts',
      'pino',
    ],
  },
  {
    file: 'src/simulator/planted.ts',
    may: ['./world.ts', 'hono', '@hono/node-server', 'ipaddr.js', 'selfsigned', 'node:https'],
    mayNot: [
      '../core/grant.ts',
      '../ports.ts',
      '../engine/dispatch.ts',
      '../slack/cards.ts',
      '../azure/arm.ts',
      '../config.ts',
      'zod',
    ],
  },
]

const reportShape = z.object({
  diagnostics: z.array(
    z.object({
      code: z.string().optional(),
      filename: z.string(),
      labels: z.array(z.object({ span: z.object({ line: z.number() }) })),
    }),
  ),
})

/** One import a line, of both kinds: a type is an import like any other. */
const sourceOf = (imports: readonly string[]): string =>
  imports
    .map((from, at) =>
      at % 2 === 0 ? `import { a${at} } from '${from}'` : `import type { A${at} } from '${from}'`,
    )
    .join('\n')

describe('the import rule', () => {
  /** Which imports oxlint refused, as `file → module`. */
  const refused = new Set<string>()

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jitney-imports-'))
    await cp(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const { file, may, mayNot } of layers) {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(folder, file), sourceOf([...may, ...mayNot]))
    }
    // oxlint exits 1 when it finds something; its answer is on stdout all the same.
    const { stdout } = await run(join(root, 'node_modules', '.bin', 'oxlint'), ['--format', 'json', 'src'], {
      cwd: folder,
    }).catch((error: unknown) => z.object({ stdout: z.string() }).parse(error))
    for (const { code, filename, labels } of reportShape.parse(JSON.parse(stdout)).diagnostics) {
      if (!code?.includes('no-restricted-imports')) continue
      const layer = layers.find(({ file }) => file === filename)
      const from = [...(layer?.may ?? []), ...(layer?.mayNot ?? [])][(labels[0]?.span.line ?? 0) - 1]
      refused.add(`${filename} → ${from}`)
    }
    await rm(folder, { recursive: true, force: true })
  })

  test.each(layers)('$file may import its own', ({ file, may }) => {
    expect(may.filter((from) => refused.has(`${file} → ${from}`))).toEqual([])
  })

  test.each(layers)('$file may import nothing else', ({ file, mayNot }) => {
    expect(mayNot.filter((from) => !refused.has(`${file} → ${from}`))).toEqual([])
  })

  test('demo.ts and the command that simulates Azure are the only ones that know the simulator', async () => {
    const files = await readdir(join(root, 'src'), { recursive: true })
    const outside = files.filter((file) => file.endsWith('.ts') && !file.startsWith('simulator'))
    const texts = await Promise.all(outside.map((file) => readFile(join(root, 'src', file), 'utf8')))
    const knowing = outside.filter((_, at) =>
      /from '[^']*simulator\/|import\('[^']*simulator\//.test(texts[at] ?? ''),
    )
    expect(knowing.toSorted()).toEqual(['demo.ts', 'main.ts'])
  })
})
