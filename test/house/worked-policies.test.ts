import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { policyCommand } from '../command/policy-run.ts'

const folder = fileURLToPath(new URL('../../docs/policies/', import.meta.url))
const files = await readdir(folder)
const tableOf = (policy: string) => policy.replace(/\.yml$/, '.test.yml')
const policies = files.filter((file) => file.endsWith('.yml') && !file.endsWith('.test.yml'))

const read = (file: string) => readFile(join(folder, file), 'utf8')
/** What a command answers about a policy, without the folder. */
const told = async (...[verb, policy, file]: readonly [string, string, string]) => {
  const { code, text } = await policyCommand(join(folder, policy), verb, join(folder, file))
  return { code, text: text.replaceAll(folder, '') }
}

describe('the worked policies', () => {
  test('are at least ten, each with its table, and there is nothing else', () => {
    expect(policies.length).toBeGreaterThanOrEqual(10)
    expect(files.toSorted()).toEqual([...policies, ...policies.map(tableOf)].toSorted())
  })

  test.each(policies)('%s says for whom it is', async (policy) => {
    const [first = '', ...lines] = (await read(policy)).split('\n')
    expect(first).toMatch(/^# For /)
    const more = lines.findIndex((line) => !line.startsWith('# '))
    expect([1, 2]).toContain(more)
    expect(lines[more]).toBe('version: 1')
  })

  test.each(policies)('%s has nothing in it that is wrong or can never work', async (policy) => {
    const { code, text } = await told('check', policy, policy)
    expect(text).toMatch(
      /^SLACK_BOT_TOKEN is not set, .*\n\S+: (\d+ refusals? and )?\d+ rules?, no problems$/,
    )
    expect(code).toBe(0)
  })

  test.each(policies)('%s answers as its table expects', async (policy) => {
    const { code, text } = await told('test', policy, tableOf(policy))
    expect(text).toMatch(/^\S+: \d+ rows, all as expected$/)
    expect(code).toBe(0)
  })

  test.each(policies)('%s is tested with what it grants and with what it denies', async (policy) => {
    const expected = [...(await read(tableOf(policy))).matchAll(/ expect: (allow|needs approval|deny)\b/g)]
    const outcomes = expected.map(([, outcome]) => outcome)
    expect(outcomes.length).toBeGreaterThanOrEqual(6)
    expect(outcomes).toContain('deny')
    expect(outcomes).toContain('needs approval')
  })

  test('between them show every answer', async () => {
    const tables = (await Promise.all(policies.map(async (policy) => read(tableOf(policy))))).join('\n')
    for (const outcome of ['allow', 'needs approval', 'deny']) expect(tables).toContain(`expect: ${outcome}`)
  })

  test.each(files)('%s has ids that nobody could take for real ones', async (file) => {
    const ids = (await read(file)).match(/(?<=[[ ])[UWCGSP][A-Z0-9]*\d[A-Z0-9]+\b/g) ?? []
    expect(ids.filter((id) => !/^([UCSP]0+[A-Z]+|CS\d{7})$/.test(id))).toEqual([])
  })
})
