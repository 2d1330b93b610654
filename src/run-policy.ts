import { loadPolicy, problemText } from './policy-source.ts'
import { explainUse, runPolicyExplain } from './run-policy-explain.ts'
import { runPolicyTest, testUse } from './run-policy-test.ts'

export interface PolicyRun {
  /** The policy where none is named. */
  readonly defaultFile: string
  readonly now: number
  readonly say: (text: string) => void
  readonly complain: (text: string) => void
}

export const policyUse = [
  'policy check FILE',
  '  says what is wrong with a policy file, and what in it can never work',
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
  if (verb === 'check' && rest.length === 1) return check(rest[0] ?? '', run)
  run.complain(`Use:\n\n${policyUse}`)
  return 2
}

async function check(file: string, { say, complain }: PolicyRun): Promise<number> {
  const answer = await loadPolicy(file)
  if (answer.ok) {
    say(`${file}: ${answer.policy.rules.length} rules, no problems`)
    return 0
  }
  for (const problem of answer.problems) complain(problemText(file, problem))
  return 1
}
