import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { approvalsOf } from './core/pick.ts'
import type { Policy, Verdict } from './core/policy.ts'
import { treeText } from './core/tree-text.ts'
import { answerTo } from './policy-question.ts'
import { loadPolicy, problemText } from './policy-source.ts'
import { parseTable, type Row } from './policy-table.ts'
import type { PolicyRun } from './run-policy.ts'

export const testUse = 'policy test FILE [--policy FILE]'

async function readTable(file: string, policy: Policy): Promise<ReturnType<typeof parseTable>> {
  try {
    return parseTable(await readFile(file, 'utf8'), policy)
  } catch (error) {
    const message = `the file cannot be read (${error instanceof Error ? error.message : String(error)})`
    return { ok: false, problems: [{ line: 1, column: 1, path: '', message }] }
  }
}

/** What a row expected and did not get, in words. */
function differences(row: Row, { outcome, terms, tree }: Verdict): string[] {
  const approvals = terms ? approvalsOf(terms) : 0
  const byRule = terms ? terms.rule === row.rule : tree.because.includes(row.rule ?? '')
  return [
    ...(outcome === row.expect ? [] : [`expected ${row.expect}, but the answer is ${outcome}`]),
    ...(row.rule === null || byRule
      ? []
      : [`expected the rule “${row.rule}”, but ${terms ? `“${terms.rule}” decided` : tree.because}`]),
    ...(row.approvals === null || row.approvals === approvals
      ? []
      : [`expected approvals: ${row.approvals}, but it asks for ${approvals}`]),
    ...(row.because === null || treeText({ outcome, tree }).includes(row.because)
      ? []
      : [`expected “${row.because}” among the reasons, but nothing says so`]),
  ]
}

const indented = (text: string) => text.replaceAll(/^/gm, '    ')

/** Puts every row of a table to the policy: 0 when all are answered as expected, 1 when some are not. */
export async function runPolicyTest(args: readonly string[], run: PolicyRun): Promise<number> {
  const { say, complain } = run
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { policy: { type: 'string' } },
    allowPositionals: true,
  })
  const [file, ...surplus] = positionals
  if (file === undefined || surplus.length > 0) {
    complain(`Use: ${testUse}`)
    return 2
  }
  const policyFile = values.policy ?? run.defaultFile
  const loaded = await loadPolicy(policyFile)
  if (!loaded.ok) {
    for (const problem of loaded.problems) complain(problemText(policyFile, problem))
    return 2
  }
  const table = await readTable(file, loaded.policy)
  if (!table.ok) {
    for (const problem of table.problems) complain(problemText(file, problem))
    return 2
  }
  let failed = 0
  for (const row of table.rows) {
    const verdict = answerTo(loaded.policy, row.question)
    const wrong = differences(row, verdict)
    if (wrong.length === 0) continue
    failed += 1
    complain(`${file}:${row.line}: ${row.title}: ${wrong.join('; ')}\n${indented(treeText(verdict))}\n`)
  }
  const rows = `${table.rows.length} ${table.rows.length === 1 ? 'row' : 'rows'}`
  say(failed === 0 ? `${file}: ${rows}, all as expected` : `${file}: ${rows}, ${failed} not as expected`)
  return failed === 0 ? 0 : 1
}
