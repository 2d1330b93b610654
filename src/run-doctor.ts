import type { TokenCredential } from '@azure/identity'
import { pino } from 'pino'
import { wallClock } from './clock.ts'
import { watchClocks } from './clock-watch.ts'
import type { Config } from './config.ts'
import { addressPageLine, isAddressPageOn } from './config-address.ts'
import { connectAzure } from './connect-azure.ts'
import { azureRolesNamed, entraGroupsNamed } from './core/policy.ts'
import type { Finding } from './core/rights.ts'
import { examineAzure } from './doctor-azure.ts'
import { loadPolicy, problemText } from './policy-source.ts'
import type { EntraUsers } from './ports.ts'
import { examineSlack } from './slack/examination.ts'
import { examineDatabase } from './store/examination.ts'
import { tlsProblems } from './tls-files.ts'

export interface DoctorRun {
  readonly say: (text: string) => void
  /** Replaces the credential that the configuration would choose. */
  readonly credential?: TokenCredential
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const silent = pino({ level: 'silent' })

async function examinePolicy({
  POLICY_FILE: file,
  ENTRA_LOOKUP: lookup,
}: Config): Promise<readonly Finding[]> {
  const answer = await loadPolicy(file)
  if (!answer.ok) {
    const advice = 'mend the file; policy check tells more'
    return answer.problems.map((problem) => ({
      state: 'bad' as const,
      text: `Policy: ${problemText(file, problem)}`,
      advice,
    }))
  }
  const found: Finding[] = [{ state: 'good', text: `Policy: ${file}, ${answer.policy.rules.length} rules` }]
  const named = [...entraGroupsNamed(answer.policy), ...azureRolesNamed(answer.policy)]
  if (lookup === 'off' && named.length > 0)
    found.push({
      state: 'bad',
      text: 'Policy: it asks about Entra, but ENTRA_LOOKUP is off, so those rules never fit',
      advice: 'set ENTRA_LOOKUP=on, and give the rights of docs/azure-roles.md',
    })
  return found
}

async function asked(right: string, ask: () => Promise<unknown>): Promise<Finding> {
  try {
    await ask()
    return { state: 'good', text: `Entra: ${right} is granted` }
  } catch (error) {
    const advice = `grant the application permission ${right} with admin consent (docs/azure-roles.md)`
    return { state: 'bad', text: `Entra: ${messageOf(error)}`, advice }
  }
}

/** Both questions are about nobody: only whether they are answered counts. */
async function examineEntra(
  { ENTRA_LOOKUP: lookup }: Config,
  entra: EntraUsers,
): Promise<readonly Finding[]> {
  if (lookup === 'off') return []
  return Promise.all([
    asked('User.Read.All', () => entra.find('nobody@doctor.invalid')),
    asked('GroupMember.Read.All', () => entra.missing(['00000000-0000-0000-0000-000000000000'])),
  ])
}

type AzureTime = NonNullable<ReturnType<Parameters<typeof watchClocks>[0]['azure']>>

function examineClocks(aheadMs: number | null, seen: AzureTime | null): readonly Finding[] {
  const ahead = aheadMs ?? 0
  const azure = seen && { azureTime: seen.azureTime, at: seen.at + ahead }
  const trouble = watchClocks({ wall: Date.now, database: () => Date.now() + ahead, azure: () => azure })()
  if (trouble !== null)
    return [
      {
        state: 'bad',
        text: `Clocks: ${trouble}`,
        advice: 'let NTP set the clocks of this machine and of the database',
      },
    ]
  const compared = [...(aheadMs === null ? [] : ['the database’s']), ...(seen?.azureTime ? ['Azure’s'] : [])]
  return compared.length > 0
    ? [{ state: 'good', text: `Clocks: this machine’s agrees with ${compared.join(' and ')}` }]
    : [{ state: 'note', text: 'Clocks: there was none to compare with' }]
}

/** What the configuration names has to be there as well. */
async function examineWeb(config: Config): Promise<readonly Finding[]> {
  const problems = await tlsProblems(config)
  const advice = 'the bot does not start like this'
  return [
    ...(problems.length > 0
      ? problems.map((problem) => ({ state: 'bad' as const, text: `Configuration: ${problem}`, advice }))
      : [{ state: 'good' as const, text: 'Configuration: every variable is as it should be' }]),
    { state: isAddressPageOn(config) ? 'good' : 'note', text: `Address page: ${addressPageLine(config)}` },
  ]
}

const marks: Readonly<Record<Finding['state'], string>> = { good: 'ok  ', bad: 'BAD ', note: 'note' }

const lineOf = ({ state, text, advice }: Finding): string =>
  `${marks[state]}  ${text}${advice === undefined ? '' : `\n      → ${advice}`}`

/** Looks at everything that the bot needs and writes nothing. Answers 1 when something is wrong. */
export async function runDoctor(config: Config, { say, credential }: DoctorRun): Promise<number> {
  const azure = connectAzure(config, wallClock, credential)
  const [web, policy, database, slack, rights, entra] = await Promise.all([
    examineWeb(config),
    examinePolicy(config),
    examineDatabase({ databaseUrl: config.DATABASE_URL, dataDir: config.DATA_DIR }),
    examineSlack({
      botToken: config.SLACK_BOT_TOKEN,
      appToken: config.SLACK_APP_TOKEN,
      slackApiUrl: config.SLACK_API_URL,
      log: silent,
    }),
    examineAzure(azure.examination),
    examineEntra(config, azure.entra),
  ])
  const findings: readonly Finding[] = [
    ...web,
    ...policy,
    ...database.findings,
    ...slack,
    ...rights,
    ...entra,
    ...examineClocks(database.aheadMs, azure.seen()),
  ]
  for (const finding of findings) say(lineOf(finding))
  const bad = findings.filter(({ state }) => state === 'bad').length
  say(bad === 0 ? 'Nothing is wrong.' : `${bad} ${bad === 1 ? 'check' : 'checks'} failed.`)
  return bad === 0 ? 0 : 1
}
