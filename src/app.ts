import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { TokenCredential } from '@azure/identity'
import { type Logger, pino } from 'pino'
import { startServing } from './address-page.ts'
import { startChores } from './chores.ts'
import { createDatabaseClock } from './clock.ts'
import { type Clocks, watchClocks } from './clock-watch.ts'
import { type Config, ConfigError } from './config.ts'
import { isAddressPageOn } from './config-address.ts'
import { connectAzure } from './connect-azure.ts'
import { azureRolesNamed, entraGroupsNamed } from './core/policy.ts'
import { planDigest } from './engine/digest.ts'
import { createEngine, type Engine, type EngineParts } from './engine/engine.ts'
import { entraDirectory } from './engine/entra-directory.ts'
import { findSource } from './engine/find-source.ts'
import { createInventory } from './engine/inventory.ts'
import { lastReconciled } from './engine/reconciled.ts'
import { unknownScope } from './engine/stop-scope.ts'
import { createMetrics, nothingYet, type Standing } from './metrics.ts'
import { createPagerDuty } from './oncall/pagerduty.ts'
import { openDatabase } from './open-database.ts'
import { openPolicy, type PolicySource } from './policy-source.ts'
import { recordInForce, watchPolicy } from './policy-watch.ts'
import type {
  AddressLinks,
  Clock,
  EntraUsers,
  Inventory,
  InventorySource,
  SlackDirectory,
  Store,
} from './ports.ts'
import { type Progress, reconcileFirst, unreadyReasons } from './readiness.ts'
import { createSlackApp, type SlackApp } from './slack/app.ts'
import { createChat } from './slack/chat.ts'
import { createDirectory } from './slack/directory.ts'
import { refusalAnswer, slackWording } from './slack/words.ts'
import { createUpkeep } from './upkeep.ts'

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
  /** What the address page asks; null where there is none. */
  readonly links: AddressLinks | null

  readonly ready: Promise<unknown>
  /** What keeps the bot from being ready, in words. */
  unready(): readonly string[]
  /** Reads the policy file again; answers what is wrong with it, or null. */
  reloadPolicy(): Promise<string | null>
  stop(): Promise<void>
}

/** Ten characters of Crockford's alphabet without capitals: 50 bits that read well aloud, random or made from a text. */
function newId(from?: string): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  const bytes =
    from === undefined ? randomBytes(10) : createHash('sha256').update(from).digest().subarray(0, 10)
  return [...bytes].map((byte) => alphabet[byte % 32]).join('')
}

/** 128 random bits; nothing but their hash is kept anywhere. */
function newToken(): { token: string; hash: string } {
  const token = randomBytes(16).toString('base64url')
  return { token, hash: createHash('sha256').update(token).digest('hex') }
}

/** The page needs an address of its own, and a way to know who opens it. */
const pagesOf = (config: Config) =>
  isAddressPageOn(config) ? { publicUrl: config.PUBLIC_URL ?? '', newToken } : null

const createLog = (config: Config): Logger =>
  pino({
    level: config.LOG_LEVEL,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['token', 'responseUrl', '*.token', '*.responseUrl', 'err.config', 'err.request'],
  })

const noGlass =
  'No rule of the policy lets anybody break the glass, so nothing has happened. Ask without “break-glass”, and somebody is asked for a yes.'

interface Behind {
  readonly store: Store
  readonly clock: Clock
  readonly policy: PolicySource
  readonly log: Logger
  readonly engine: Engine
  readonly inventory: Inventory
}

function slackOf(config: Config, { store, clock, policy, log, engine, inventory }: Behind): SlackApp {
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
    read: (requestId) => store.case(requestId),
    remembered: async (person) => {
      const parts = { store, policy: () => policy.current(), addressPages: pagesOf(config) }
      const found = await findSource(parts, person, { from: null }, clock.now())
      return found.kind === 'found' ? found.source.address : null
    },
    addressPage: pagesOf(config) !== null,
    services: () => policy.current().services,
    refuseAsk: ({ emergency }) =>
      emergency && !policy.current().rules.some(({ breakGlass }) => breakGlass) ? noGlass : null,
    refuseStop: async (person) => {
      const refusal = await engine.refuseStop(person)
      return refusal && refusalAnswer(refusal)
    },
    refuseScope: (scope) => unknownScope({ inventory, wording: slackWording }, scope),
    protectable: (name) => engine.protectable(name),
    stops: () => store.panics(),
    now: () => clock.now(),
    log,
  })
}

async function standing(store: Store | null, clock: () => Clock): Promise<Standing> {
  if (!store) return nothingYet
  const now = clock().now()
  return { ...(await store.health(now, now)), now, reconciled: await lastReconciled(store) }
}

const onCallOf = ({ PAGERDUTY_TOKEN: token, PAGERDUTY_URL: url }: Config, now: () => number) =>
  token === undefined ? null : createPagerDuty({ token, url, now })

type Given = Pick<
  EngineParts,
  | 'store'
  | 'clock'
  | 'inventory'
  | 'topology'
  | 'surroundings'
  | 'firewall'
  | 'flow'
  | 'defender'
  | 'survey'
  | 'azureRoles'
  | 'posture'
  | 'flusher'
  | 'shield'
  | 'jitPolicies'
  | 'observe'
  | 'clockTrouble'
> & {
  readonly entra: EntraUsers
  readonly policy: PolicySource
  readonly log: Logger
  readonly people: SlackDirectory
}
type Around = NonNullable<Overrides['around']>

const asItIs: Around = (ports) => ports

function engineOf(config: Config, given: Given, around: Around): Engine {
  const { policy, log, clock, entra, store, azureRoles, people } = given
  const lookup = config.ENTRA_LOOKUP === 'on'
  const slack = {
    token: config.SLACK_BOT_TOKEN,
    slackApiUrl: config.SLACK_API_URL,
    now: () => clock.now(),
    log,
  }
  const addressPages = pagesOf(config)
  const showTags = () => policy.current().showTags
  const chat = createChat({ ...slack, showTags, addressPage: addressPages !== null })
  const current = () => policy.current()
  if (!lookup && [...entraGroupsNamed(current()), ...azureRolesNamed(current())].length > 0)
    log.warn('the policy asks about Entra, but ENTRA_LOOKUP is off: what it asks is never known')
  return createEngine({
    ...given,
    ...around({
      chat,
      directory: lookup
        ? entraDirectory({ slack: people, entra, store, policy: current, clock, log })
        : people,
    }),
    onCall: onCallOf(config, slack.now),
    azureRoles: lookup ? (azureRoles ?? null) : null,
    policy: current,
    newId,
    addressPages,
    wording: slackWording,
  })
}

/** A clock that is set by hand knows of no other. */
const clocksOf = (clock: Clock, seen: Clocks['azure'], { clock: byHand }: Overrides) =>
  watchClocks({
    database: () => clock.now(),
    wall: byHand ? () => clock.now() : () => Date.now(),
    azure: seen,
  })

const inventoryOf = (
  source: InventorySource,
  { store, clock, log }: Pick<Behind, 'store' | 'clock' | 'log'>,
) => createInventory({ source, kept: store.inventory, clock, self: randomUUID(), log })

const peopleOf = (config: Config, more: { now: () => number; log: Logger }) =>
  createDirectory({ token: config.SLACK_BOT_TOKEN, slackApiUrl: config.SLACK_API_URL, ...more })

/** Puts everything together and starts it. Throws a `ConfigError` for what only the operator can mend. */
export async function startApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const log = overrides.log ?? createLog(config)
  const policy = await openPolicy(config.POLICY_FILE, (problems) => new ConfigError(problems))
  const progress: Progress = { reconciled: false, store: null, inventory: null, slack: null }
  const metrics = createMetrics(() => standing(progress.store, () => clock))
  // Probes are answered from the first moment: a database that is away must not look like a dead process.
  const now = () => clock.now()
  const people = peopleOf(config, { now, log })
  const web = await startServing(config, progress, { metrics, log, now, names: people })
  const realClock = createDatabaseClock(async () => (await database).time())
  const clock = overrides.clock ?? realClock
  const upkeep = createUpkeep(realClock, log)
  const database = overrides.store ? Promise.resolve(overrides.store) : openDatabase(config, upkeep, log)
  const store = await database
  progress.store = store
  await realClock.anchor()
  await store.enlist()
  // Before anything is decided: each decision carries the hash of a text that can be looked up.
  await upkeep.until('Putting the policy on record', () => recordInForce({ policy, store, clock }))

  const { around = asItIs } = overrides
  const { seen, inventorySource, ...ports } = connectAzure(config, clock, overrides.credential)
  const azure = around({ ...ports, inventory: inventoryOf(inventorySource, { store, clock, log }) })
  progress.inventory = azure.inventory
  const watch = clocksOf(clock, seen, overrides)
  const given = { ...azure, store, clock, policy, log, people, observe: metrics.observe, clockTrouble: watch }
  const engine = engineOf(config, given, around)
  const slack = slackOf(config, { store, clock, policy, log, engine, inventory: azure.inventory })
  Object.assign(progress, { slack, links: engine.links })
  const watching = watchPolicy({ file: config.POLICY_FILE, policy, store, clock, log })

  if (!overrides.clock) engine.worker.start()
  const compared = overrides.clock
    ? Promise.resolve()
    : reconcileFirst(progress, { store, survey: azure.survey, upkeep, now: clock.now() })
  if (overrides.clock) progress.reconciled = true
  const plan = () => planDigest({ store, clock, policy: () => policy.current() })
  await upkeep.until('Planning the digest', plan)
  const chores = { ...given, anchor: realClock.anchor, catchUpPolicy: watching.catchUp, planDigest: plan }
  const reading = startChores(upkeep, chores)
  const connecting = slack.start()
  log.info({ port: web.port, policy: policy.current().hash }, 'started')

  return {
    engine,
    store,
    inventory: azure.inventory,
    webPort: web.port,
    links: engine.links,
    ready: Promise.all([reading, connecting, compared]),
    unready: () => unreadyReasons(progress),
    reloadPolicy: () => watching.reload().then((wrong) => plan().then(() => wrong)),
    stop: async () => {
      watching.stop()
      await slack.stop()
      azure.inventory.stop()
      await upkeep.stop()
      await Promise.allSettled([reading, connecting, compared])
      await engine.worker.stop()
      await web.close()
      await store.close()
    },
  }
}
