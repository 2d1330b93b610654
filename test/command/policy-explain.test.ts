import { describe, expect, test } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import { treeText } from '../../src/core/tree-text.ts'
import { parsePolicy } from '../../src/policy-file.ts'
import { subject, vm } from '../support/cases.ts'
import { files, policyCommand } from './policy-run.ts'

const text = `version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0ASKS, maxDuration: 2h, approvers: { groups: [S0LEADS] } }
deny:
  - name: a contractor asks in the evening
    requester: { groups: [S0CONTRACTORS] }
    time: { not: { hours: 08:00-18:00, zone: Europe/Berlin } }
rules:
  - name: a lead agrees to let somebody into production
    vm: { tags: { env: prod } }
    source: { within: [81.2.69.0/24] }
    reason: required
  - name: it is a short look at a test machine
    vm: { name: vm-test-* }
    maxDuration: 15m
    approvals: 0
    quota: { perPerson: 3 }
  - name: a lead agrees to anything else
    vm: { not: { tags: { env: prod } } }
    services: [rdp, ssh]
`
const { policy, other, broken } = await files({
  policy: text,
  other: text.replace('approvals: 0', 'approvals: 1').replace('    quota: { perPerson: 3 }\n', ''),
  broken: text.replace('required', 'requird'),
})

const explain = (...args: string[]) => policyCommand(policy, 'explain', ...args)
const robin = ['--requester', 'U0ROBIN']
const shop = [...robin, '--vm', 'vm-shop', '--tag', 'env=prod', '--service', 'rdp']
const testMachine = [...robin, '--vm', 'vm-test-1', '--service', 'ssh']

describe('policy explain', () => {
  test('shows what would decide, and why, and exits with 0 when approvers would be asked', async () => {
    const said = await explain(
      ...shop,
      '--for',
      '30m',
      '--source',
      '81.2.69.142',
      '--reason',
      'the shop is down',
      '--group',
      'S0DEV',
    )
    expect(said).toMatchInlineSnapshot(`
      {
        "code": 0,
        "text": "Needs approval: the rule “a lead agrees to let somebody into production” asks for 1 approval.
      Access is granted if …
        yes – no refusal applies
          no – a contractor asks in the evening
            no – the requester: neither named in the rule nor in one of its groups
            no – not: the time: Monday 10:00 to Monday 10:30 is within every day 08:00 to 18:00 (Europe/Berlin)
        yes – a lead agrees to let somebody into production
          yes – its tag env: prod is among prod
          yes – the address: 81.2.69.142 is among 81.2.69.0/24
          yes – the duration: 30 min is within the 2 h that the rule allows
          yes – the reason: it is given
        not tried – 2 rules, from “it is a short look at a test machine” on: an earlier rule decided

      The approvers were not looked up. When nobody but the requester could approve, the bot refuses.

      Quotas are taken as unused.",
      }
    `)
  })

  test('exits with 0 when the policy would allow it, and says what it took for granted', async () => {
    expect(await explain(...testMachine, '--for', '15m')).toMatchInlineSnapshot(`
      {
        "code": 0,
        "text": "Allowed: the rule “it is a short look at a test machine” allows it.
      Access is granted if …
        yes – no refusal applies
          no – a contractor asks in the evening
            no – the requester: neither named in the rule nor in one of its groups
            no – not: the time: Monday 10:00 to Monday 10:15 is within every day 08:00 to 18:00 (Europe/Berlin)
        no – a lead agrees to let somebody into production
          no – its tag env: the VM has no such tag
          no – the address: the address is not known
        yes – it is a short look at a test machine
          yes – the VM’s name: vm-test-1 is among vm-test-*
          yes – the quota for this person: 0 of 3 in the last 24 hours are used
          yes – the duration: 15 min is within the 15 min that the rule allows
        not tried – a lead agrees to anything else: an earlier rule decided

      The policy looks at more than was told, so the real answer may differ. Tell it with --tag, --group, --source.

      Quotas are taken as unused.",
      }
    `)
  })

  test('exits with 1 when the policy would refuse it', async () => {
    const said = await explain(...testMachine, '--for', '16m', '--tag', 'env=dev', '--group', 'S0DEV')
    expect(said.code).toBe(1)
    expect(said.text).toContain(
      'Denied: the rule “it is a short look at a test machine” applies, but the duration: 16 min is more than the 15 min that the rule allows; ask for at most 15 min.',
    )
  })

  test('shows the refusal that decided', async () => {
    const at = ['--at', '2026-11-23T19:00+01:00']
    const said = await explain(...testMachine, '--for', '10m', '--group', 'S0CONTRACTORS', ...at)
    expect(said).toMatchInlineSnapshot(`
      {
        "code": 1,
        "text": "Denied: access is refused if a contractor asks in the evening.
      Access is granted if …
        no – no refusal applies
          yes – a contractor asks in the evening
            yes – the requester: in the group S0CONTRACTORS
            yes – not: the time: Monday 19:00 to Monday 19:10 is not within every day 08:00 to 18:00 (Europe/Berlin)
        not tried – 3 rules, from “a lead agrees to let somebody into production” on: a refusal decided

      The policy looks at more than was told, so the real answer may differ. Tell it with --tag, --source.

      Quotas are taken as unused.",
      }
    `)
    const morning = await explain(
      ...testMachine,
      '--for',
      '10m',
      '--group',
      'S0CONTRACTORS',
      '--at',
      '2026-11-23T08:00',
    )
    expect(morning.code).toBe(0)
  })

  test('says what the policy looks at and nobody told', async () => {
    const said = await explain(...shop, '--for', '30m')
    expect(said.code).toBe(1)
    expect(said.text).toContain('no – the address: the address is not known')
    expect(said.text).toMatch(/so the real answer may differ\. Tell it with --group, --source\.$/m)
  })

  test('says that a role was not told, and takes those that are told for all of them', async () => {
    const looksAfter = await files({
      roles: text.replace('    approvals: 0\n', '    approvals: 0\n    requireAzureRole: Owner\n'),
    })
    const ask = (...told: string[]) =>
      policyCommand(looksAfter.roles, 'explain', ...testMachine, '--for', '10m', '--tag', 'env=prod', ...told)
    const untold = await ask()
    expect(untold.code).toBe(1)
    expect(untold.text).toMatch(/more than was told, so the real answer may differ\. .*--azure-role/)
    expect((await ask('--azure-role', 'Reader')).text).toMatch(/they do not hold Owner on this VM/)
    const held = await ask('--azure-role', 'Reader', '--azure-role', 'owner')
    expect(held.text).toMatch(/^Allowed/)
    expect(held.text).not.toMatch(/--azure-role/)
  })

  test('refuses what nobody but the requester could approve, as the bot does', async () => {
    const named = await files({ named: text.replace('groups: [S0LEADS]', 'users: [U0ROBIN]') })
    const ask = (who: string) =>
      policyCommand(
        named.named,
        'explain',
        '--requester',
        who,
        '--vm',
        'vm-x',
        '--service',
        'rdp',
        '--for',
        '30m',
      )
    const own = await ask('U0ROBIN')
    expect(own.code).toBe(1)
    expect(own.text).toMatch(/^Denied: .* but nobody but the requester could approve/)
    const colleague = await ask('U0AVERY')
    expect(colleague.text).toMatch(/^Needs approval/)
    expect(colleague.text).not.toMatch(/looked up/)
    expect((await explain(...robin, '--vm', 'vm-x', '--service', 'rdp', '--for', '30m')).text).toMatch(
      /The approvers were not looked up\. When nobody but the requester could approve, the bot refuses\./,
    )
  })

  test('reads the file that is named, in either way, before the one of the environment', async () => {
    const asked = [...testMachine, '--for', '15m']
    expect((await explain(other, ...asked)).text).toMatch(/^Needs approval/)
    expect((await explain('--file', other, ...asked)).text).toMatch(/^Needs approval/)
    expect((await explain(other, '--file', other, ...asked)).code).toBe(2)
  })

  test('names every mistake in its options at once', async () => {
    const said = await explain(
      '--requester',
      'U0ROBIN',
      '--service',
      'smtp',
      '--for',
      '30',
      '--source',
      '10.0.0.4',
      '--at',
      'noon',
      '--tag',
      'env',
      '--os',
      'mac',
    )
    expect(said.code).toBe(2)
    expect(said.text.split('\n').filter((line) => line.startsWith('--'))).toMatchInlineSnapshot(`
      [
        "--vm: is missing; expected the name of a VM",
        "--os: “mac” is not allowed; expected windows or linux",
        "--tag: “env” is no tag; write it as in env=prod",
        "--service: unknown service “smtp”; allowed are rdp, ssh, winrm, or a port such as 443/tcp",
        "--for: “30” has no unit; say 30m for minutes or 30h for hours. Write a duration such as 30m, 2h or 1h30m.",
        "--source: 10.0.0.4 is private: it does not exist on the internet. Give the public address that you connect from.",
        "--at: “noon” is not a time; write it as in 2026-11-23T09:00+01:00, or without a zone for UTC",
      ]
    `)
  })

  test('a policy that is broken explains nothing, and says where it is broken', async () => {
    const said = await policyCommand(broken, 'explain', ...testMachine, '--for', '15m')
    expect(said).toEqual({
      code: 2,
      text: 'broken:12:13: rules[0].reason: expected optional, required, or a pattern with its help (found "requird")',
    })
  })

  test('says the same as the bot would for the same request', async () => {
    const answer = parsePolicy(text, 'hash')
    if (!answer.ok) throw new Error('The policy is broken.')
    const asked = subject({ vm: vm({ name: 'vm-shop', tags: { env: 'prod' } }), reason: null })
    const said = await explain(...shop, '--requester', 'UALICE', '--for', '30m', '--source', '81.2.69.142')
    expect(said.text.split('\n\n')[0]).toBe(treeText(evaluate(answer.policy, asked)))
  })
})

describe('policy', () => {
  test.each([[[]], [['check']], [['chekc', 'x']], [['check', 'a', 'b']]])(
    '%j is answered with how to use it',
    async (args) => {
      const said = await policyCommand(policy, ...args)
      expect(said.code).toBe(2)
      expect(said.text).toContain('policy check FILE')
      expect(said.text).toContain('policy explain [FILE]')
    },
  )
})
