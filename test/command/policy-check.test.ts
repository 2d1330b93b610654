import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import { files, policyCommandWith } from './policy-run.ts'

const head = `version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0ASKS, maxDuration: 1h, approvers: { users: [U0AVERY], groups: [S0LEADS] } }
`
const unasked = 'SLACK_BOT_TOKEN is not set, so it was not checked whether the people and groups exist.\n'

async function check(text: string, slack: FakeSlack | null = null): Promise<{ code: number; text: string }> {
  const { policy } = await files({ policy: text })
  const lookup = slack && { token: slack.botToken, slackApiUrl: slack.apiUrl }
  return policyCommandWith(lookup, policy, 'check', policy)
}
const warned = async (rest: string): Promise<string[]> => {
  const { code, text } = await check(`${head}${rest}`)
  expect(code).toBe(1)
  expect(text.startsWith(unasked)).toBe(true)
  return text.slice(unasked.length).split('\n')
}

describe('policy check', () => {
  test('a file without a problem', async () => {
    expect(await check(`${head}deny: [{ name: no, vm: { name: x } }]\nrules: [{ name: a }]\n`)).toEqual({
      code: 0,
      text: `${unasked}policy: 1 refusal and 1 rule, no problems`,
    })
  })

  test('a file with mistakes names them, and nobody is asked about it', async () => {
    expect(await check(`${head}rules: [{ nam: a }]\n`)).toEqual({
      code: 1,
      text: 'policy:4:9: rules[0].name: is missing; expected string\npolicy:4:11: rules[0].nam: unknown key; allowed are name, vm, requester, services, source, time, duration, maxDuration, maxAddresses, approvals, approvers, fromDifferentGroups, stages, selfApproval, reason, channel, deadline, escalate, extend, priorities, way, requireAzureRole, quota, breakGlass, flushConnections',
    })
  })

  test.each<[string, string, string[]]>([
    [
      'a rule that an earlier one always takes first',
      'rules:\n  - { name: any VM }\n  - { name: a database, vm: { name: db-* } }\n',
      [
        'policy:6:13: rules[1].name: can never apply, because “any VM” (rules[0]) decides everything that fits it; move this rule above it, or narrow that one',
      ],
    ],
    [
      'a rule that a refusal covers',
      'deny: [{ name: databases are closed, vm: { name: db-* } }]\nrules: [{ name: a database, vm: { name: db-shop } }]\n',
      [
        'policy:5:17: rules[0].name: can never apply, because the refusal “databases are closed” (deny[0]) covers everything that fits it; narrow one of the two',
      ],
    ],
    [
      'a refusal that covers everything',
      'deny: [{ name: not today }]\nrules: [{ name: any VM }]\n',
      [
        'policy:4:8: deny[0]: refuses everything, so no rule can ever apply; say which VMs, people or times it is about',
      ],
    ],
    [
      'two stages that want the same person',
      'rules:\n  - { name: twice, stages: [{ approvers: { users: [U0BOB] } }, { approvers: { users: [U0BOB] } }] }\n',
      [
        'policy:5:13: rules[0].name: asks for more different people than may approve it; name more approvers, or ask for fewer approvals',
      ],
    ],
    [
      'somebody who would have to approve what they ask for',
      'rules: [{ name: bob asks, requester: { users: [U0BOB] }, approvers: { users: [U0BOB] } }]\n',
      [
        'policy:4:17: rules[0].name: names U0BOB as requester, and too few others may approve what they ask for; name more approvers, or ask for fewer approvals',
      ],
    ],
  ])('%s is a problem, with its place', async (_, rest, wrong) => {
    expect(await warned(rest)).toEqual(wrong)
  })

  test.each([
    [
      'a rule whose quota may be used up',
      'rules: [{ name: a, approvals: 0, quota: { perVm: 1 } }, { name: b }]\n',
    ],
    ['a rule for longer times', 'rules: [{ name: a, duration: { atMost: 15m } }, { name: b }]\n'],
    [
      'people who may approve their own',
      'rules: [{ name: a, selfApproval: true, requester: { users: [U0BOB] }, approvers: { users: [U0BOB] } }]\n',
    ],
    ['one approver for everybody', 'rules: [{ name: a, approvers: { users: [U0BOB] } }]\n'],
  ])('%s is none', async (_, rest) => {
    expect((await check(`${head}${rest}`)).code).toBe(0)
  })
})

describe('policy check with Slack', () => {
  let slack: FakeSlack
  beforeEach(async () => {
    slack = await startFakeSlack()
    slack.person('avery', { id: 'U0AVERY' })
    slack.person('gone', { id: 'U0GONE', deleted: true })
    slack.person('guest', { id: 'U0GUEST', guest: true })
    slack.person('robot', { id: 'U0ROBOT', bot: true })
    slack.group('S0LEADS', 'leads', ['avery'])
  })
  afterEach(() => slack.stop())

  test('everybody who is named exists', async () => {
    expect(await check(`${head}rules: [{ name: a }]\n`, slack)).toEqual({
      code: 0,
      text: 'policy: 1 rule, no problems',
    })
  })

  test('says who does not exist, and where they are named', async () => {
    const rest = `pages: { users: [U0GONE], groups: [S0NOBODY] }
rules:
  - { name: a, requester: { users: [U0NOBODY, U0GUEST], not: { users: [U0GONE, U0LOST] } }, approvers: { users: [U0AVERY, U0ROBOT] } }
`
    expect(await check(`${head}${rest}`, slack)).toMatchInlineSnapshot(`
      {
        "code": 1,
        "text": "policy:4:18: pages.users[0]: this person’s account is deactivated (found "U0GONE")
      policy:4:36: pages.groups[0]: Slack knows no such group; it knows S0LEADS (@leads) (found "S0NOBODY")
      policy:6:37: rules[0].requester.users[0]: Slack knows no such person; expected the id of a member (found "U0NOBODY")
      policy:6:47: rules[0].requester.users[1]: this is a guest, who may neither ask nor approve (found "U0GUEST")
      policy:6:80: rules[0].requester.not.users[1]: Slack knows no such person; expected the id of a member (found "U0LOST")
      policy:6:123: rules[0].approvers.users[1]: this is a bot, which may neither ask nor approve (found "U0ROBOT")",
      }
    `)
  })

  test('counts the members of a group', async () => {
    const rest = 'rules: [{ name: two leads agree, approvals: 2, approvers: { groups: [S0LEADS] } }]\n'
    expect((await check(`${head}${rest}`, slack)).text).toBe(
      'policy:4:17: rules[0].name: asks for more different people than may approve it; name more approvers, or ask for fewer approvals',
    )
  })

  test('says that it could not ask when Slack does not answer, and what else is wrong', async () => {
    slack.fault({ method: 'users.info', kind: '500', times: 100 })
    const said = await check(`${head}rules: [{ name: a }, { name: b }]\n`, slack)
    expect(said.code).toBe(1)
    expect(said.text).toMatchInlineSnapshot(`
      "Slack answered users.info with HTTP 500, so it was not checked whether the people and groups exist.
      policy:4:30: rules[1].name: can never apply, because “a” (rules[0]) decides everything that fits it; move this rule above it, or narrow that one"
    `)
  })
})
