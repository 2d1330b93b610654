import { describe, expect, test } from 'vitest'
import type { RoleAnswer } from '../../src/core/azure-role.ts'
import { evaluate } from '../../src/core/evaluate.ts'
import { Fault } from '../../src/core/fault.ts'
import type { Match, PolicyRule } from '../../src/core/policy.ts'
import { knowRoles } from '../../src/engine/requester-roles.ts'
import { alice, clock, member, policy, subject, terms } from '../support/cases.ts'
import { TestClock } from '../support/test-clock.ts'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }
const requester = member(alice, { entraId: 'e1' })

const rule = (name: string, match: Partial<Match> = {}): PolicyRule => ({
  name,
  match: { vm: {}, requester: {}, ...match },
  reason: { kind: 'optional' },
  quota: {},
  extension: { kind: 'same' },
  terms: terms({ rule: name, maxDurationMs: 3_600_000 }),
})

/** An Azure that knows these roles, and notes what it is asked. */
function azure(known: Record<string, RoleAnswer>) {
  const asked: string[] = []
  const time = new TestClock(clock('09:00'))
  const know = knowRoles({
    clock: time,
    log: quiet,
    azureRoles: {
      held: (entraId, vmId, role) => {
        asked.push(`${entraId} ${vmId.split('/').at(-1)} ${role}`)
        const answer = known[role]
        return answer
          ? Promise.resolve(answer)
          : Promise.reject(new Fault('no such role', 'no such role', { kind: 'permanent' }))
      },
    },
  })
  return { asked, time, know }
}

describe('Azure is asked about a role', () => {
  const rules = [
    rule('database', { vm: { name: ['vm-db*'] }, azureRole: 'Database' }),
    rule('owner', { azureRole: 'Owner' }),
    rule('reader', { azureRole: 'Reader' }),
    rule('anybody'),
    rule('never reached', { azureRole: 'Contributor' }),
  ]

  test.each<[string, Record<string, RoleAnswer>, readonly string[], string]>([
    ['only when a rule that fits turns on it', { Owner: 'held', Reader: 'held' }, ['Owner'], 'owner'],
    ['after another one was not held', { Owner: 'not held', Reader: 'held' }, ['Owner', 'Reader'], 'reader'],
    ['after another one was denied', { Owner: 'denied', Reader: 'not held' }, ['Owner', 'Reader'], 'anybody'],
    ['after another one was not known', { Reader: 'held' }, ['Owner', 'Reader'], 'reader'],
  ])('%s', async (_, known, roles, decides) => {
    const { asked, know } = azure(known)
    const given = policy(rules)
    const about = await know(given, subject(), requester)
    expect(asked).toEqual(roles.map((role) => `e1 vm-jump01 ${role}`))
    expect(evaluate(given, about).terms?.rule).toBe(decides)
  })

  test('even when the rule would then say no to the duration, so that the reason is the true one', async () => {
    const { know } = azure({ Owner: 'held' })
    const given = policy([rules[1] ?? rule('owner')])
    const about = await know(given, subject({ durationMs: 7_200_000 }), requester)
    expect(evaluate(given, about).tree.because).toMatch(/the rule “owner” applies, but the duration/)
  })

  test('never when a refusal decides, when nothing turns on a role, or when nobody knows the person', async () => {
    const { asked, know } = azure({ Owner: 'held' })
    const refused = policy(rules, [{ name: 'no', match: { vm: {}, requester: {} } }])
    await know(refused, subject(), requester)
    await know(policy([rule('anybody')]), subject(), requester)
    const about = await know(policy(rules), subject(), member(alice))
    expect(asked).toEqual([])
    expect(evaluate(policy(rules), about).terms?.rule).toBe('anybody')
  })

  test('never when Entra is not to be asked', async () => {
    const know = knowRoles({ clock: new TestClock(), log: quiet, azureRoles: null })
    const about = await know(policy(rules), subject(), requester)
    expect(about.azureRoles).toEqual(new Map())
  })

  test('once a minute, at each click anew, and again after a failure', async () => {
    const known: Record<string, RoleAnswer> = { Owner: 'held' }
    const { asked, time, know } = azure(known)
    const given = policy([rules[1] ?? rule('owner')])
    const ask = async (how?: 'live') =>
      (await know(given, subject(), requester, how)).azureRoles?.get('Owner')
    expect([await ask(), await ask()]).toEqual(['held', 'held'])
    expect(asked).toHaveLength(1)
    delete known['Owner']
    expect(await ask('live')).toBeUndefined()
    expect(await ask()).toBeUndefined()
    expect(asked).toHaveLength(3)
    known['Owner'] = 'not held'
    expect(await ask()).toBe('not held')
    known['Owner'] = 'held'
    time.to(time.now() + 59_999)
    expect(await ask()).toBe('not held')
    time.to(time.now() + 1)
    expect(await ask()).toBe('held')
  })
})
