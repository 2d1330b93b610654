import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createMetrics, nothingYet, type Standing } from '../../src/metrics.ts'

const read = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8')
const named = (text: string) => [...new Set(text.match(/\bjit_[a-z_]*[a-z]/g))].toSorted()

const rendered = async (standing: Partial<Standing> = {}) =>
  (await createMetrics(async () => ({ ...nothingYet, ...standing })).render()).body
const exported = async () =>
  [...(await rendered()).matchAll(/^# TYPE (jit_\w+) /gm)].map((match) => match[1] ?? '')

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

const start = Date.UTC(2026, 10, 23, 9)
const scrapeMs = 15_000

/** The alert's expression, which says of one moment's metrics whether it holds. */
async function condition(alert: string): Promise<(body: string, now: number) => boolean> {
  const { groups } = parse(await read('docs/alerts.yml'))
  const { expr } = groups[0].rules.find((rule: { alert: string }) => rule.alert === alert)
  const [, ago, metric, most] =
    /^(time\(\) - )?max(?: by \(\w+\))? ?\((\w+)\{job="jitney"\}\) > (\d+)$/m.exec(expr) ?? []
  if (!metric) throw new Error(`this test cannot read the expression ${expr}`)
  return (body, now) => {
    const values = [...body.matchAll(new RegExp(`^${metric}(?:{.*})? (\\S+)$`, 'gm'))].map(([, value]) =>
      ago ? now / 1000 - Number(value) : Number(value),
    )
    return Math.max(...values) > Number(most)
  }
}

/** Whether the alert's expression holds at each of so many scrapes in a row. */
async function holds(alert: string, standing: (now: number) => Partial<Standing>, scrapes = 20) {
  const isSo = await condition(alert)
  const moments = Array.from({ length: scrapes }, (_, index) => start + index * scrapeMs)
  return Promise.all(moments.map(async (now) => isSo(await rendered({ ...standing(now), now }), now)))
}

const busy = (now: number) => ({ overdue: 40, overdueSince: now - 2_000 })
const late = () => ({ overdue: 1, overdueSince: start })
const both = (one: number, other: number) => ({
  reconciled: new Map([
    ['s1', one],
    ['s2', other],
  ]),
})
const fine = (now: number) => both(now - 60_000, now - 5_000)

describe('the alert about access past its end', () => {
  test('stays silent while closes are prompt, even when one is under way at every scrape', async () => {
    expect(await holds('JitneyAccessPastItsEnd', busy)).not.toContain(true)
  })

  test('comes, and stays, when one and the same grant is late by more than a minute', async () => {
    const seen = await holds('JitneyAccessPastItsEnd', late)
    expect(seen).toEqual(seen.map((_, index) => index * scrapeMs > 60_000))
  })

  test('stays silent when nothing is late', async () => {
    expect(await holds('JitneyAccessPastItsEnd', () => ({}))).not.toContain(true)
  })
})

describe('the alert about comparisons', () => {
  test('stays silent while every subscription is compared each minute', async () => {
    expect(await holds('JitneyComparesNothing', fine)).not.toContain(true)
  })

  test('comes when one of them was not compared for five minutes', async () => {
    const seen = await holds('JitneyComparesNothing', (now) => both(now, start - 250_000))
    expect(seen).toEqual(seen.map((_, index) => index * scrapeMs > 50_000))
  })
})
