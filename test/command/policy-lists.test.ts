import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { addressRefusal } from '../../src/core/address-policy.ts'
import { loadPolicy, problemText } from '../../src/policy-source.ts'

const folder = await mkdtemp(join(tmpdir(), 'jitney-lists-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const file = join(folder, 'policy.yml')
await writeFile(
  file,
  `version: 1
audit: { channel: C0AUDIT }
address:
  neverFiles:
    - cloud.txt
    - relay.csv
defaults: { channel: C0ASKS, maxDuration: 2h, approvers: { users: [U0BOB] } }
rules: [{ name: a colleague agrees }]
`,
)
const write = (name: string, text: string) => writeFile(join(folder, name), text)
const said = async () => {
  const answer = await loadPolicy(file)
  return answer.ok ? [] : answer.problems.map((problem) => problemText(file, problem).replaceAll(folder, ''))
}
const good = '\uFEFF# a cloud\r\n198.41.128.0/24\r\n\r\n  2a09:bac0::/29  # six\r\n9.9.9.9\r\n'
const csv = '172.224.226.0/31,GB,GB-EN,London,\n"2a02:26f7:1::/64",US,US-CA,,\n'

describe('lists of addresses in files', () => {
  test('that are missing or wrong are mistakes of the policy, with file and line', async () => {
    await write('cloud.txt', `${good}office\n10.0.0.0/33 # too narrow\n`)
    expect(await said()).toEqual([
      '/cloud.txt:6:1: expected a range such as 81.2.69.0/24 or 2a00:1450::/32, without leading zeros, and IPv4 as IPv4 (found "office")',
      '/cloud.txt:7:1: expected a range such as 81.2.69.0/24 or 2a00:1450::/32, without leading zeros, and IPv4 as IPv4 (found "10.0.0.0/33")',
      expect.stringMatching(
        /^\/policy\.yml:6:7: address\.neverFiles\[1\]: the file \/relay\.csv cannot be read \(ENOENT/,
      ),
    ])
    await write('cloud.txt', good)
    await write('relay.csv', '# nothing was downloaded\n')
    expect(await said()).toEqual(['/relay.csv:1:1: holds no range at all'])
  })

  test('keep out whatever they hold, and are read again with the policy', async () => {
    await write('cloud.txt', good)
    await write('relay.csv', csv)
    const first = await loadPolicy(file)
    if (!first.ok) throw new Error('it is not good')
    const refused = (address: string) => addressRefusal(first.policy, address)
    expect(refused('172.224.226.1')).toContain('172.224.226.1 stands in the list relay.csv of addresses')
    expect(refused('9.9.9.9')).toContain('the list cloud.txt')
    expect(['2a02:26f7:1::9', '2a09:bac7::1', '198.41.128.1'].map(refused)).not.toContain(null)
    expect(['172.224.226.2', '2a02:26f7:2::', '81.2.69.142'].map(refused)).toEqual([null, null, null])
    expect(first.policy.hash).toBe(first.hash)

    await write('relay.csv', '81.2.69.142\n')
    const second = await loadPolicy(file)
    if (!second.ok) throw new Error('it is not good')
    expect(addressRefusal(second.policy, '81.2.69.142')).toContain('relay.csv')
    expect(addressRefusal(second.policy, '172.224.226.1')).toBeNull()
    expect(second.text).toBe(first.text)
    expect(second.hash).not.toBe(first.hash)
  })
})
