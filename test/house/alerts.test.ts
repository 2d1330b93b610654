import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createMetrics } from '../../src/metrics.ts'

const read = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8')
const standing = { states: {}, earliestExpiry: null, overdue: 0, stuck: 0 }
const named = (text: string) => [...new Set(text.match(/\bjit_[a-z_]*[a-z]/g))].toSorted()

const exported = async () => {
  const { body } = await createMetrics(async () => standing).render()
  return [...body.matchAll(/^# TYPE (jit_\w+) /gm)].map((match) => match[1] ?? '')
}

describe('the metrics that the documents name', () => {
  test('are all that there are, in the README', async () => {
    expect(named(await read('README.md'))).toEqual((await exported()).toSorted())
  })

  test('exist, in the alerts', async () => {
    const text = await read('docs/alerts.yml')
    const names = named(text).map((name) => name.replace(/_bucket$/, ''))
    expect(names.length).toBeGreaterThan(0)
    expect(await exported()).toEqual(expect.arrayContaining(names))
    expect(parse(text)).toMatchObject({ groups: [{ name: 'jitney' }] })
  })
})
