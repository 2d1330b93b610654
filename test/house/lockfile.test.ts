import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'

const names = z.record(z.string(), z.string()).optional()
const lockShape = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({ version: z.string().optional(), dependencies: names, optionalDependencies: names }),
  ),
})
const text = await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8')
const { packages } = lockShape.parse(JSON.parse(text))

/** Whether a package finds a dependency: in its own folder, or in one further up. */
function finds(from: string, name: string): boolean {
  if (Object.hasOwn(packages, `${from === '' ? '' : `${from}/`}node_modules/${name}`)) return true
  return from !== '' && finds(from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name)
}

test('the lockfile knows the packages of every platform: without one of them, npm ci refuses them all', () => {
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !finds(path, name)),
  )
  expect(missing).toEqual([])
})

test('the lockfile names no server that packages come from', () => {
  expect(text).not.toMatch(/"resolved"|https?:\/\/[^"]*\.tgz/)
})
