import { pino } from 'pino'
import type { SlackLookup } from './config.ts'
import { Fault } from './core/fault.ts'
import { loadPolicy, problemText } from './policy-source.ts'
import { namedIn, type People, unasked, warningsOf } from './policy-warnings.ts'
import type { PolicyRun } from './run-policy.ts'
import { lookUpNamed } from './slack/named-people.ts'

export const checkUse = 'policy check FILE'

const unchecked = 'so it was not checked whether the people and groups exist'

/** Asks Slack about everybody whom the file names; without an answer that is said, and the rest still holds. */
async function askSlack(raw: unknown, slack: SlackLookup, run: PolicyRun): Promise<People> {
  if (slack === null) {
    run.say(`SLACK_BOT_TOKEN is not set, ${unchecked}.`)
    return unasked
  }
  const { users, groups } = namedIn(raw)
  try {
    const found = await lookUpNamed({ ...slack, log: pino({ level: 'silent' }) }, users, groups)
    return {
      user: (id) => found.users.get(id) ?? null,
      group: (id) => found.groups.get(id)?.wrong ?? null,
      membersOf: (id) => found.groups.get(id)?.members ?? null,
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    run.say(`${error.message}, ${unchecked}.`)
    return unasked
  }
}

const counted = (amount: number, one: string) => `${amount} ${amount === 1 ? one : `${one}s`}`

/** Says everything that is wrong with a policy file: 0 when nothing is. */
export async function runPolicyCheck(file: string, run: PolicyRun): Promise<number> {
  const answer = await loadPolicy(file)
  const { say, complain } = run
  if (!answer.ok) {
    for (const problem of answer.problems) complain(problemText(file, problem))
    return 1
  }
  const { policy, raw, problemOf } = answer
  const people = await askSlack(raw, run.slack, run)
  const warnings = warningsOf(policy, raw, people).map(problemOf)
  for (const warning of warnings) complain(problemText(file, warning))
  if (warnings.length > 0) return 1
  const refusals = policy.deny.length > 0 ? `${counted(policy.deny.length, 'refusal')} and ` : ''
  say(`${file}: ${refusals}${counted(policy.rules.length, 'rule')}, no problems`)
  return 0
}
