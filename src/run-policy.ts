import type { SlackLookup } from './config.ts'
import { checkUse, runPolicyCheck } from './run-policy-check.ts'
import { explainUse, runPolicyExplain } from './run-policy-explain.ts'
import { runPolicyTest, testUse } from './run-policy-test.ts'

export interface PolicyRun {
  /** The policy where none is named. */
  readonly defaultFile: string
  readonly now: number
  /** How Slack can be asked about people, where it can. */
  readonly slack: SlackLookup
  readonly say: (text: string) => void
  readonly complain: (text: string) => void
}

export const policyUse = [
  checkUse,
  '  says what is wrong with a policy file, and what in it can never work; with SLACK_BOT_TOKEN set, also which of',
  '  the people and groups that it names do not exist',
  '',
  explainUse,
  '  prints why the policy would allow such a request, put it to approvers or refuse it; without FILE it reads',
  '  the one that POLICY_FILE names',
  '',
  testUse,
  '  puts a table of requests to the policy and says which are not answered as the table expects',
].join('\n')

/** Runs one of the verbs of `policy`; answers the exit code. */
export async function runPolicy(args: readonly string[], run: PolicyRun): Promise<number> {
  const [verb, ...rest] = args
  if (verb === 'explain') return runPolicyExplain(rest, run)
  if (verb === 'test') return runPolicyTest(rest, run)
  if (verb === 'check' && rest.length === 1) return runPolicyCheck(rest[0] ?? '', run)
  run.complain(`Use:\n\n${policyUse}`)
  return 2
}
