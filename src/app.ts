import { randomBytes } from 'node:crypto'
import { unwatchFile, watchFile } from 'node:fs'
import type { TokenCredential } from '@azure/identity'
import { type Logger, pino } from 'pino'
import { createDatabaseClock } from './clock.ts'
import { watchClocks } from './clock-watch.ts'
import { type Config, ConfigError } from './config.ts'
import { connectAzure } from './connect-azure.ts'
import { tellClocks } from './engine/clocks.ts'
import { createEngine, type Engine, type EngineParts } from './engine/engine.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { openPolicy, type PolicySource } from './policy-source.ts'
import type { Clock, Inventory, Store } from './ports.ts'
import { createSlackApp, type SlackApp } from './slack/app.ts'
import { createChat } from './slack/chat.ts'
import { createDirectory } from './slack/directory.ts'
import { slackWording } from './slack/words.ts'
import { connect } from './store/database.ts'
import { migrate } from './store/migrate.ts'
import { openStore } from './store/store.ts'
import { createUpkeep, type Upkeep } from './upkeep.ts'
import { startWeb } from './web/server.ts'

/** What a test replaces; in production everything comes from the configuration. */
export interface Overrides {
  /** A clock that is set by hand. The worker then runs only when it is told to settle. */
  readonly clock?: Clock
  readonly store?: Store
  readonly log?: Logger
  readonly credential?: TokenCredential
  /** Puts something around each of these ports, by name: to watch what goes through it, or to break there. */
  readonly around?: <Ports extends object>(ports: Ports) => Ports
}

export interface App {
  readonly engine: Engine
  readonly store: Store
  readonly inventory: Inventory
  readonly webPort: number
  /** Resolves once Azure's inventory has been read and Slack is connected. */
  readonly ready: Promise<unknown>
  /** What keeps the bot from being ready, in words. */
  unready(): readonly string[]
  /** Reads the policy file again; answers what is wrong with it, or null. */
  reloadPolicy(): Promise<string | null>
  stop(): Promise<void>
}

const inventoryEveryMs = 5 * 60_000
const anchorEveryMs = 5_000
const reapEveryMs = 500
const maintainEveryMs = 10 * 60_000
const policyLookEveryMs = 2_000
const clocksEveryMs = 5_000

/** Ten characters of Crockford's alphabet without capitals: 50 random bits that read well aloud. */
export function newId(): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  return [...randomBytes(10)].map((byte) => alphabet[byte % 32]).join('')
}

const createLog = (config: Config): Logger =>
  pino({
    level: config.LOG_LEVEL,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['token', 'responseUrl', '*.token', '*.responseUrl', 'err.config', 'err.request'],
  })

const databaseOf = (config: Pick<Config, 'DATABASE_URL' | 'DATA_DIR'>) =>
  config.DATABASE_URL === undefined ? { dataDir: config.DATA_DIR } : { databaseUrl: config.DATABASE_URL }

/** Waits for a database server that is not there yet; a directory that cannot be used is a mistake to mend. */
async function openDatabase(config: Config, upkeep: Upkeep, log: Logger): Promise<Store> {
  if (config.DATABASE_URL === undefined) return openStore({ ...databaseOf(config), log })
  let store: Store | null = null
  await upkeep.until('Connecting to the database', async () => {
    store = await openStore({ ...databaseOf(config), log })
  })
  if (!store) throw new Error('The bot was stopped before the database answered.')
  return store
}

function watchPolicy(
  file: string,
  policy: PolicySource,
  log: Logger,
): { readonly reload: () => Promise<string | null>; readonly stop: () => void } {
  const reload = async () => {
    const wrong = await policy.reload()
    if (wrong === null) log.info({ policy: policy.current().hash }, 'the policy was read again')
    else log.error({ wrong }, 'the new policy is refused and the old one stays in force')
    return wrong
  }
  const onSignal = () => void reload()
  watchFile(file, { interval: policyLookEveryMs, persistent: false }, onSignal)
  process.on('SIGHUP', onSignal)
  return {
    reload,
    stop: () => {
      unwatchFile(file, onSignal)
      process.off('SIGHUP', onSignal)
    },
  }
}

function slackOf(config: Config, store: Store, clock: Clock, policy: PolicySource, log: Logger): SlackApp {
  const { SLACK_APP_TOKEN: appToken, SLACK_SIGNING_SECRET: signingSecret } = config
  return createSlackApp({
    config: {
      botToken: config.SLACK_BOT_TOKEN,
      slackApiUrl: config.SLACK_API_URL,
      // Without an app token there is a signing secret: the configuration was refused otherwise.
      mode:
        appToken === undefined
          ? { kind: 'http', signingSecret: signingSecret ?? '' }
          : { kind: 'socket', appToken },
    },
    receive: (intake) => store.receive(intake),
    services: () => policy.current().services,
    now: () => clock.now(),
    log,
  })
}

/** What the web part tells while the rest is still starting. */
interface Progress {
  store: Store | null
  inventory: Inventory | null
  slack: SlackApp | null
}

function unreadyReasons({ store, inventory, slack }: Progress): readonly string[] {
  if (!store) return ['The database has not answered yet']
  return [
    ...(inventory?.readAt() == null ? ['Azure’s inventory has not been read yet'] : []),
    ...(slack?.connected() ? [] : ['Slack is not connected']),
  ]
}

const webOf = (config: Config, progress: Progress, metrics: Metrics) =>
  startWeb({
    host: config.HOST,
    port: config.PORT,
    unready: () => unreadyReasons(progress),
    metrics: metrics.render,
    slack: config.SLACK_APP_TOKEN === undefined ? () => progress.slack?.handle ?? null : null,
  })

const noCounts = { states: {}, earliestExpiry: null }

type Given = Pick<
  EngineParts,
  'store' | 'clock' | 'inventory' | 'topology' | 'firewall' | 'survey' | 'observe' | 'clockTrouble'
>
type Around = NonNullable<Overrides['around']>

const asItIs: Around = (ports) => ports

function engineOf(
  config: Config,
  given: Given & { policy: PolicySource; log: Logger },
  around: Around,
): Engine {
  const { policy, log, clock } = given
  const slack = {
    token: config.SLACK_BOT_TOKEN,
    slackApiUrl: config.SLACK_API_URL,
    now: () => clock.now(),
    log,
  }
  const chat = createChat({ ...slack, showTags: () => policy.current().showTags })
  return createEngine({
    ...given,
    ...around({ chat, directory: createDirectory(slack) }),
    policy: () => policy.current(),
    newId,
    wording: slackWording,
  })
}

interface Chores {
  readonly store: Store
  readonly clock: Clock
  readonly anchor: () => Promise<void>
  readonly readInventory: () => Promise<void>
  readonly clockTrouble: () => string | null
}

/** Resolves once the inventory has been read for the first time. */
function startChores(upkeep: Upkeep, chores: Chores): Promise<void> {
  const { store, clock, anchor, readInventory, clockTrouble } = chores
  upkeep.every(clocksEveryMs, 'comparing the clocks', () => tellClocks(store, clock.now(), clockTrouble()))
  upkeep.every(reapEveryMs, 'freeing the jobs of dead replicas', () => store.jobs.reap(clock.now()))
  upkeep.every(anchorEveryMs, 'reading the database’s clock', anchor)
  upkeep.every(maintainEveryMs, 'looking after the database', () => store.maintain(clock.now()))
  upkeep.every(inventoryEveryMs, 'reading Azure’s inventory', readInventory)
  return upkeep.until('Reading Azure’s inventory', readInventory)
}

/** Puts everything together and starts it. Throws a `ConfigError` for what only the operator can mend. */
export async function startApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const log = overrides.log ?? createLog(config)
  const policy = await openPolicy(config.POLICY_FILE, (problems) => new ConfigError(problems))
  const progress: Progress = { store: null, inventory: null, slack: null }
  const metrics = createMetrics(async () => (await progress.store?.counts()) ?? noCounts)
  // Probes are answered from the first moment: a database that is away must not look like a dead process.
  const web = await webOf(config, progress, metrics)
  const realClock = createDatabaseClock(async () => (await database).time())
  const clock = overrides.clock ?? realClock
  const upkeep = createUpkeep(realClock, log)
  const database = overrides.store ? Promise.resolve(overrides.store) : openDatabase(config, upkeep, log)
  const store = await database
  progress.store = store
  await realClock.anchor()
  await store.enlist()

  const { around = asItIs } = overrides
  const { seen, ...ports } = connectAzure(config, clock, overrides.credential)
  const azure = around(ports)
  progress.inventory = azure.inventory
  const watch = watchClocks({
    database: () => clock.now(),
    wall: overrides.clock ? () => clock.now() : () => Date.now(),
    azure: seen,
  })
  const given = { ...azure, store, clock, policy, log, observe: metrics.observe, clockTrouble: watch }
  const engine = engineOf(config, given, around)
  const slack = slackOf(config, store, clock, policy, log)
  progress.slack = slack
  const watching = watchPolicy(config.POLICY_FILE, policy, log)
  const readInventory = () => azure.inventory.refresh(AbortSignal.timeout(60_000))

  if (!overrides.clock) engine.worker.start()
  const reading = startChores(upkeep, {
    store,
    clock,
    anchor: realClock.anchor,
    readInventory,
    clockTrouble: watch,
  })
  const connecting = slack.start()
  log.info({ port: web.port, policy: policy.current().hash }, 'started')

  return {
    engine,
    store,
    inventory: azure.inventory,
    webPort: web.port,
    ready: Promise.all([reading, connecting]),
    unready: () => unreadyReasons(progress),
    reloadPolicy: watching.reload,
    stop: async () => {
      watching.stop()
      await slack.stop()
      await upkeep.stop()
      await Promise.allSettled([reading, connecting])
      await engine.worker.stop()
      await web.close()
      await store.close()
    },
  }
}

/** Applies the migrations and answers the names of those that were new. */
export async function migrateDatabase(
  config: Pick<Config, 'DATABASE_URL' | 'DATA_DIR'>,
): Promise<readonly string[]> {
  const database = await connect(databaseOf(config))
  try {
    return await migrate(database.kysely, database.log)
  } finally {
    await database.close()
  }
}
