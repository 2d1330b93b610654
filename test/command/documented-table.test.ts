import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { files, policyCommand } from './policy-run.ts'

test('the table in the documents is one that policy test reads', async () => {
  const readme = await readFile(new URL('../../docs/policy.md', import.meta.url), 'utf8')
  const [, table = ''] = /```yaml\n(people:.*?)```/s.exec(readme) ?? []
  const policy = `version: 1
audit: { channel: C0AUDIT }
rules:
  - name: two people agree
    requester: { groups: [S0ONDUTY] }
    vm: { tags: { env: prod } }
    channel: C0ASKS
    maxDuration: 8h
    approvals: 2
    approvers: { groups: [S0LEADS] }
`
  const written = await files({ 'policy.yml': policy, 'table.yml': table })
  expect(await policyCommand(written['policy.yml'], 'test', written['table.yml'])).toEqual({
    code: 0,
    text: 'table.yml: 2 rows, all as expected',
  })
})
