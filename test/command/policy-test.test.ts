import { describe, expect, test } from 'vitest'
import { files, policyCommand } from './policy-run.ts'

const policyText = `version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0ASKS, maxDuration: 2h, approvers: { groups: [S0LEADS] } }
deny:
  - name: a contractor asks for a database
    vm: { name: db-* }
    requester: { groups: [S0CONTRACTORS] }
rules:
  - name: two leads agree to production
    vm: { tags: { env: prod } }
    approvals: 2
    reason: required
  - name: it is a short look at a test machine
    vm: { name: vm-test-* }
    maxDuration: 15m
    approvals: 0
    quota: { perPerson: 3 }
`
const head = `people:
  robin: { id: U0ROBIN }
  casey: { id: U0CASEY, groups: [S0CONTRACTORS] }
vms:
  db-shop: { tags: { env: prod } }
  box: { name: vm-test-1, os: linux }
rows:
`
const good = `${head}  - { who: robin, vm: db-shop, service: rdp, for: 1h, reason: broken, expect: needs approval, approvals: 2, rule: two leads agree to production }
  - { who: robin, vm: db-shop, service: rdp, for: 1h, expect: deny, because: say why }
  - { who: casey, vm: db-shop, service: 443/tcp, for: 1h, reason: x, expect: deny, rule: a contractor asks for a database }
  - { who: robin, vm: box, service: 22, for: 15m, expect: allow, approvals: 0 }
  - { who: robin, vm: box, service: ssh, for: 15m, used: { byPerson: 3 }, expect: deny }
  - { who: robin, vm: box, service: ssh, for: 15m, groups: [S0CONTRACTORS], expect: allow }
`
const timed = `${policyText}    time: { days: mon-fri, zone: Europe/Berlin }\n`

const row = (who: string, what = 'service: ssh, for: 1h') =>
  `${head}  - { who: ${who}, ${what}, expect: deny }\n`

const run = async (table: string, policy = policyText) => {
  const written = await files({ 'policy.yml': policy, 'table.yml': table })
  return policyCommand(written['policy.yml'], 'test', written['table.yml'])
}

describe('policy test', () => {
  test('a table that is answered as expected', async () => {
    expect(await run(good)).toEqual({ code: 0, text: 'table.yml: 6 rows, all as expected' })
  })

  test('knows the roles of a person or a row, and refuses what nobody else could approve', async () => {
    const roles = policyText.replace('    approvals: 0\n', '    approvals: 0\n    requireAzureRole: Owner\n')
    const looks = 'vm: box, service: ssh, for: 15m'
    const table = `${head.replace('{ id: U0ROBIN }', '{ id: U0ROBIN, azureRoles: [Owner] }')}
  - { who: robin, ${looks}, expect: allow }
  - { who: robin, ${looks}, azureRoles: [], expect: deny, because: they do not hold Owner }
  - { who: casey, ${looks}, expect: deny, because: whether they hold Owner on this VM is not known }
`
    expect(await run(table, roles)).toMatchObject({ code: 0 })
    const robinAlone = policyText
      .replace(/approvers: {[^}]*}/, 'approvers: { users: [U0ROBIN] }')
      .replace('approvals: 2', 'approvals: 1')
    const production = 'vm: db-shop, service: rdp, for: 1h, reason: broken'
    const alone = `${head}  - { who: robin, ${production}, expect: deny, because: nobody but the requester could approve }
`
    expect(await run(alone, robinAlone)).toMatchObject({ code: 0 })
  })

  test('a row that is answered otherwise is shown with its line, what differs, and why', async () => {
    const rows = `${head}  - { who: robin, vm: box, service: ssh, for: 30m, expect: allow }
  - { who: robin, vm: box, service: ssh, for: 15m, expect: allow }
`
    expect(await run(rows)).toMatchInlineSnapshot(`
      {
        "code": 1,
        "text": "table.yml:8: robin: ssh to box for 30m: expected allow, but the answer is deny
          Denied: the rule “it is a short look at a test machine” applies, but the duration: 30 min is more than the 15 min that the rule allows; ask for at most 15 min.
          Access is granted if …
            yes – no refusal applies
              no – a contractor asks for a database
                no – the VM’s name: vm-test-1 is not among db-*
                no – the requester: neither named in the rule nor in one of its groups
            no – two leads agree to production
              no – its tag env: the VM has no such tag
            no – it is a short look at a test machine
              yes – the VM’s name: vm-test-1 is among vm-test-*
              yes – the quota for this person: 0 of 3 in the last 24 hours are used
              no – the duration: 30 min is more than the 15 min that the rule allows

      table.yml: 2 rows, 1 not as expected",
      }
    `)
  })

  test('says everything that differs in a row', async () => {
    const one = `${head}  - { who: robin, vm: db-shop, service: rdp, for: 1h, reason: x, expect: allow, rule: other, approvals: 1, because: the moon }\n`
    const { code, text } = await run(one)
    expect(code).toBe(1)
    expect(text.split('\n')[0]).toMatchInlineSnapshot(
      `"table.yml:8: robin: rdp to db-shop for 1h: expected allow, but the answer is needs approval; expected the rule “other”, but “two leads agree to production” decided; expected approvals: 1, but it asks for 2; expected “the moon” among the reasons, but nothing says so"`,
    )
  })

  test('names the refusal that decided instead of the rule that was expected', async () => {
    const one = `${head}  - { who: casey, vm: db-shop, service: rdp, for: 1h, reason: x, expect: deny, rule: two leads agree to production }\n`
    expect((await run(one)).text).toContain(
      'expected the rule “two leads agree to production”, but access is refused if a contractor asks for a database',
    )
  })

  test('reads the policy that is named', async () => {
    const written = await files({ 'policy.yml': policyText, 'table.yml': good })
    const said = await policyCommand(
      'nowhere.yml',
      'test',
      written['table.yml'],
      '--policy',
      written['policy.yml'],
    )
    expect(said.code).toBe(0)
    expect((await policyCommand('nowhere.yml', 'test', written['table.yml'])).code).toBe(2)
  })

  test.each<[string, string, string[]]>([
    [
      'no rows',
      head.replace('rows:\n', 'rows: []\n'),
      ['7:7: rows: expected at least one row: an empty table proves nothing (found a list)'],
    ],
    ['nothing at all', '', ['1:1: Invalid input: expected object, received null (found null)']],
    [
      'somebody who is not named',
      row('rob, vm: box'),
      ['8:12: rows[0].who: “rob” is not named above; allowed are robin, casey'],
    ],
    [
      'a VM that is not named',
      row('robin, vm: bix'),
      ['8:23: rows[0].vm: “bix” is not named above; allowed are db-shop, box'],
    ],
    [
      'a service that nobody knows',
      row('robin, vm: box', 'service: shh, for: 1h'),
      [
        '8:37: rows[0].service: unknown service “shh”; allowed are rdp, ssh, winrm, or a port such as 443/tcp',
      ],
    ],
    [
      'a bad duration',
      row('robin, vm: box', 'service: ssh, for: 30'),
      [
        '8:47: rows[0].for: “30” has no unit; say 30m for minutes or 30h for hours. Write a duration such as 30m, 2h or 1h30m.',
      ],
    ],
    [
      'a private address',
      row('robin, vm: box', 'service: ssh, for: 1h, from: 10.0.0.4'),
      [
        '8:57: rows[0].from: 10.0.0.4 is private: it does not exist on the internet. Give the public address that you connect from.',
      ],
    ],
    [
      'another outcome',
      row('robin, vm: box').replace('deny', 'maybe'),
      ['8:59: rows[0].expect: expected allow, needs approval, deny (found "maybe")'],
    ],
    [
      'a time without a day',
      row('robin, vm: box', 'service: ssh, for: 1h, at: "09:00"'),
      [
        '8:55: rows[0].at: expected a time such as 2026-11-23T09:00+01:00; without a zone it is UTC (found "09:00")',
      ],
    ],
    [
      'a misspelt key',
      row('robin, vm: box, servce: ssh'),
      [
        '8:28: rows[0].servce: unknown key; allowed are who, vm, service, for, from, learnt, at, reason, breakGlass, groups, entraGroups, azureRoles, used, expect, rule, approvals, because',
      ],
    ],
    [
      'a misspelt key of a person',
      head.replace('groups:', 'group:').replace('rows:\n', 'rows: []\n'),
      [
        '3:25: people.casey.group: unknown key; allowed are id, groups, entraGroups, azureRoles',
        '7:7: rows: expected at least one row: an empty table proves nothing (found a list)',
      ],
    ],
  ])('%s is a mistake, with its place', async (_, table, wrong) => {
    const said = await run(table)
    expect(said.code).toBe(2)
    expect(said.text.split('\n')).toEqual(wrong.map((text) => `table.yml:${text}`))
  })

  test('a policy that asks for the time needs one in the table', async () => {
    const timeless = '  - { who: robin, vm: box, service: ssh, for: 15m, expect: allow }\n'
    expect(await run(`${head}${timeless}`, timed)).toEqual({
      code: 2,
      text: 'table.yml:8:5: rows[0].at: is missing, and the policy asks for the time; expected a time such as 2026-11-23T09:00+01:00; without a zone it is UTC',
    })
    expect((await run(`at: 2026-11-23T09:00\n${head}${timeless}`, timed)).code).toBe(0)
    expect((await run(`at: 2026-11-22T09:00\n${head}${timeless}`, timed)).code).toBe(1)
  })

  test('without a table it says how to use it', async () => {
    expect(await policyCommand('policy.yml', 'test')).toEqual({
      code: 2,
      text: 'Use: policy test FILE [--policy FILE]',
    })
  })
})
