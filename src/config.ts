import { z } from 'zod'
import { addressPageProblems } from './config-address.ts'

const text = z.string().min(1)
const url = z.url({ protocol: /^https?$/, error: 'expected a URL such as https://example.com' })
const portNumber = z.coerce.number({ error: 'expected a port number' }).int().min(0).max(65_535)
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
)
const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
const switches = ['on', 'off'] as const
const clouds = ['public', 'usgovernment', 'china'] as const

const oneOf = (allowed: readonly string[]) => ({ error: `expected one of ${allowed.join(', ')}` })

const shape = z.object({
  SLACK_BOT_TOKEN: z
    .string({ error: 'is required: the bot token, xoxb-…' })
    .startsWith('xoxb-', { error: 'expected a bot token, xoxb-…' }),
  SLACK_APP_TOKEN: z.string().startsWith('xapp-', { error: 'expected an app token, xapp-…' }).optional(),
  SLACK_SIGNING_SECRET: text.optional(),
  SLACK_API_URL: url.default('https://slack.com/api/'),
  POLICY_FILE: text.default('policy.yml'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, { error: 'expected postgres://…' })
    .optional(),
  DATA_DIR: text.default('.data'),
  AZURE_RESOURCE_MANAGER_URL: z.url({ protocol: /^https$/, error: 'expected an https:// URL' }).optional(),
  AZURE_CLOUD: z.enum(clouds, oneOf(clouds)).default('public'),
  AZURE_SUBSCRIPTION_IDS: list.optional(),
  AZURE_TOKEN_CREDENTIALS: text.optional(),
  AZURE_TENANT_ID: text.optional(),
  AZURE_TENANT_IDS: list.optional(),
  AZURE_CLIENT_ID: text.optional(),
  AZURE_CLIENT_SECRET: text.optional(),
  AZURE_FEDERATED_TOKEN_FILE: text.optional(),
  ENTRA_LOOKUP: z.enum(switches, oneOf(switches)).default('off'),
  GRAPH_URL: z.url({ protocol: /^https$/, error: 'expected an https:// URL' }).optional(),
  IDENTITY_ENDPOINT: text.optional(),
  IDENTITY_HEADER: text.optional(),
  PAGERDUTY_TOKEN: text.optional(),
  PAGERDUTY_URL: z
    .url({ protocol: /^https$/, error: 'expected an https:// URL' })
    .default('https://api.pagerduty.com'),
  PUBLIC_URL: url.optional(),
  PUBLIC_URL_V4: url.optional(),
  SLACK_CLIENT_ID: text.optional(),
  SLACK_CLIENT_SECRET: text.optional(),
  SLACK_OPENID_ISSUER: url.default('https://slack.com'),
  TRUSTED_PROXIES: list.optional(),
  TLS_CERT_FILE: text.optional(),
  TLS_KEY_FILE: text.optional(),
  HOST: text.default('127.0.0.1'),
  PORT: portNumber.default(3001),
  LOG_LEVEL: z.enum(levels, oneOf(levels)).default('info'),
})

type Variables = z.infer<typeof shape>
export type Environment = Readonly<Record<string, string | undefined>>
export type Config = Readonly<Variables>

/** Wrong configuration: every problem at once, each with its variable. No value that may be secret is shown. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration is wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** What `sweep` and the like need: the same variables, with nothing of Slack required. */
const withoutSlack = shape.partial({ SLACK_BOT_TOKEN: true })

/** An empty variable counts as one that is not set, which is what a blank line in an env file means. */
const given = (environment: Environment) =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''))

const problemsOf = (error: z.ZodError): string[] =>
  error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)

/** What keeps an identity from more than one tenant. A managed identity lives in one, whatever it asks for. */
function tenantProblems(environment: Environment): readonly string[] {
  const home = environment['AZURE_TENANT_ID']
  const others = list.parse(environment['AZURE_TENANT_IDS'] ?? '').filter((each) => each !== home)
  if (others.length === 0) return []
  if (!home) return ['AZURE_TENANT_ID: is required with AZURE_TENANT_IDS: it names the identity’s own tenant']
  const chosen = environment['AZURE_TOKEN_CREDENTIALS'] ?? ''
  const client = environment['AZURE_CLIENT_SECRET'] || environment['AZURE_FEDERATED_TOKEN_FILE']
  const managed = /managedidentity/i.test(chosen) || (!chosen && !client && environment['IDENTITY_ENDPOINT'])
  return managed
    ? [
        'AZURE_TENANT_IDS: a managed identity lives in one tenant only; delegate the subscriptions to its tenant (Azure Lighthouse), or use an application with a secret or a federated token that each tenant has let in',
      ]
    : []
}

/** Reads and checks the environment of the bot. Throws a `ConfigError` that names every problem. */
export function readConfig(environment: Environment = process.env): Config {
  const parsed = shape.safeParse(given(environment))
  const problems = parsed.success ? [] : problemsOf(parsed.error)
  const [app, secret] = [environment['SLACK_APP_TOKEN'], environment['SLACK_SIGNING_SECRET']]
  if (!app && !secret) {
    problems.push('SLACK_APP_TOKEN: is required for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode')
  }
  problems.push(...tenantProblems(environment))
  if (parsed.success) problems.push(...addressPageProblems(parsed.data))
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(parsed.data)
}

export type AzureConfig = Pick<
  Config,
  | 'AZURE_RESOURCE_MANAGER_URL'
  | 'AZURE_CLOUD'
  | 'AZURE_SUBSCRIPTION_IDS'
  | 'AZURE_TOKEN_CREDENTIALS'
  | 'AZURE_TENANT_ID'
  | 'AZURE_TENANT_IDS'
  | 'AZURE_CLIENT_ID'
  | 'AZURE_CLIENT_SECRET'
  | 'AZURE_FEDERATED_TOKEN_FILE'
  | 'GRAPH_URL'
  | 'IDENTITY_ENDPOINT'
  | 'IDENTITY_HEADER'
>

/** Reads what concerns Azure alone, for `sweep`: it needs neither Slack nor a database. */
export function readAzureConfig(environment: Environment = process.env): AzureConfig {
  const parsed = withoutSlack.safeParse(given(environment))
  const problems = [...(parsed.success ? [] : problemsOf(parsed.error)), ...tenantProblems(environment)]
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(parsed.data)
}

/** Reads what concerns the database alone, for `migrate`. */
export function readDatabaseConfig(
  environment: Environment = process.env,
): Pick<Config, 'DATABASE_URL' | 'DATA_DIR'> {
  const parsed = withoutSlack.pick({ DATABASE_URL: true, DATA_DIR: true }).safeParse(given(environment))
  if (!parsed.success) throw new ConfigError(problemsOf(parsed.error))
  const { DATABASE_URL, DATA_DIR } = parsed.data
  return { DATA_DIR, ...(DATABASE_URL !== undefined && { DATABASE_URL }) }
}

/** Where the policy is, for commands that need nothing else. */
export const readPolicyFile = (environment: Environment = process.env): string =>
  environment['POLICY_FILE'] || 'policy.yml'

/** How Slack can be asked about people; null when there is no token for it. */
export type SlackLookup = { readonly token: string; readonly slackApiUrl: string } | null

/** Reads what `policy check` needs to look people up. */
export function readSlackLookup(environment: Environment = process.env): SlackLookup {
  const parsed = withoutSlack
    .pick({ SLACK_BOT_TOKEN: true, SLACK_API_URL: true })
    .safeParse(given(environment))
  if (!parsed.success) throw new ConfigError(problemsOf(parsed.error))
  const { SLACK_BOT_TOKEN: token, SLACK_API_URL: slackApiUrl } = parsed.data
  return token === undefined ? null : { token, slackApiUrl }
}

/** What a child process needs to run at all on this machine; nothing that configures the bot. */
export const machineEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'LANG', 'SystemRoot'].flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )

/** Where the demo listens; the variables move its ports. */
export function readDemoPorts(environment: Environment = process.env): {
  slack: number
  web: number
  azure: number
  signIn: number
} {
  const parsed = z
    .object({
      DEMO_SLACK_PORT: portNumber.default(3000),
      DEMO_WEB_PORT: portNumber.default(3001),
      DEMO_AZURE_PORT: portNumber.default(3443),
      DEMO_SIGN_IN_PORT: portNumber.default(3002),
    })
    .safeParse(given(environment))
  if (!parsed.success) throw new ConfigError(problemsOf(parsed.error))
  const { DEMO_SLACK_PORT: slack, DEMO_WEB_PORT: web, DEMO_AZURE_PORT: azure } = parsed.data
  return { slack, web, azure, signIn: parsed.data.DEMO_SIGN_IN_PORT }
}
