import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { AuditRecord } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import type { World } from '../../src/simulator/world.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { Seen } from '../support/fake-slack/gestures.ts'
import { startTestSimulator } from '../support/simulator.ts'
import { channels, worldPolicy } from '../support/world.ts'
import { BotEnded, BotProcess } from './bot-process.ts'
import { type Engine, type EngineName, engines } from './engines.ts'
import { readLedger } from './ledger.ts'
import type { Counts, Ledger, Point } from './orders.ts'

/** How far Azure had been called when no bot ran, and the paths of the rules that the database knew of then. */
export interface Rest {
  readonly lastCall: number
  readonly rules: readonly string[]
}

/** A gesture, and whether Slack showed the person that it had arrived. */
export interface Gesture {
  readonly token: string
  readonly kind: 'ask' | 'approve' | 'approve own' | 'close'
  readonly acked: boolean
}

const patienceMs = 30_000
const lookEveryMs = 20

/**
 * The bot as a process of its own between the strict fake Slack and the simulated Azure, with somebody who starts
 * it again whenever it dies. Time is real, and jumps when the scene says so.
 */
export class Scene {
  readonly slack: FakeSlack
  readonly azure: Simulator
  readonly database: Engine
  readonly people: ReturnType<typeof workspace>
  readonly before: World
  /** When each life of the bot began. */
  readonly starts: number[] = []
  readonly rests: Rest[] = []
  readonly gestures: Gesture[] = []
  readonly audit: AuditRecord[] = []
  readonly cases = new Map<string, Case>()
  deaths = 0
  /** What the process of a bot needs to find all of this. */
  readonly environment: Readonly<Record<string, string>>
  readonly #time: Steering
  readonly #folder: string
  #bot: BotProcess | null = null
  #standby: BotProcess | null = null
  #up = Promise.withResolvers<void>()
  #mayStart = Promise.withResolvers<Point | null>()
  #keptDown = false
  #next: Point | null = null
  #over = false
  #watching: Promise<void> = Promise.resolve()

  constructor(parts: Parts) {
    this.slack = parts.slack
    this.azure = parts.azure
    this.database = parts.database
    this.people = workspace(parts.slack)
    this.before = structuredClone(parts.azure.world())
    this.environment = parts.environment
    this.#time = parts.time
    this.#folder = parts.folder
  }

  now(): number {
    return this.#time.now()
  }

  begin(point: Point | null = null): void {
    this.#mayStart.resolve(point)
    this.#watching = this.#watch().catch((error: unknown) => this.#up.reject(error))
    // Whoever waits for the bot hears of it; when nobody does, it is no error of its own.
    this.#up.promise.catch(() => {})
  }

  /** Resolves when the bot is there and hears Slack. */
  async up(): Promise<BotProcess> {
    await this.#up.promise
    if (!this.#bot) throw new Error('There is no bot.')
    return this.#bot
  }

  /** Counting of the markers starts again, and at this one the bot dies. */
  async arm(point: Point | null): Promise<void> {
    ;(await this.up()).arm(point)
  }

  async counts(): Promise<Counts> {
    return (await (await this.up()).counts()) ?? {}
  }

  /** Where the bot will die that comes after the next death. */
  nextPoint(point: Point | null): void {
    this.#next = point
  }

  /** Kills the bot; it stays down until `rise`. */
  async fall(): Promise<void> {
    const bot = await this.up()
    this.#keptDown = true
    await bot.kill()
    await this.until(() => this.slack.sockets.open === 0, 'the connections of the dead bot end')
  }

  /** Reads the database from the outside, once the last bot is dead. */
  async autopsy(): Promise<Ledger> {
    await this.fall()
    const store = await this.database.open()
    const ledger = await readLedger(store, 0)
    await store.close()
    return ledger
  }

  /** Starts it again; it may die at a point on its way, and then it stays down if it is told to. */
  rise(point: Point | null = null, { thenStay = false } = {}): void {
    this.#keptDown = thenStay
    this.#mayStart.resolve(point)
  }

  /** Moves the time forward to this moment, for everybody. */
  jump(to: number): void {
    this.#time.to(to)
    this.#bot?.offset(this.#time.offset)
  }

  /** Does a gesture until Slack shows that it arrived, as a person would; null says that nothing is left to do. */
  async insist(gesture: Omit<Gesture, 'acked'>, act: () => Promise<Seen> | null): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      await this.up()
      const died = this.deaths
      const seen = await act()
      if (!seen) return
      this.gestures.push({ ...gesture, acked: seen.acked })
      if (seen.acked) return
      // What the bot does not acknowledge while it lives is a failure of its own.
      if (tries >= 3) throw new Error(`Slack shows a failure again and again: ${seen.error}`)
      await this.until(() => this.deaths > died, 'the death of a bot that does not acknowledge')
    }
  }

  until<T>(predicate: () => T | false | null | undefined, what: string): Promise<T> {
    return this.slack.until(predicate, { what, within: patienceMs }).catch((error: unknown) => {
      throw new Error(`${String(error)}\nThe bot's own words:\n${this.#bot?.output ?? ''}`)
    })
  }

  /** Waits for what the simulated Azure tells; it calls nobody back. */
  async azureIs(predicate: () => boolean, what: string): Promise<void> {
    const giveUp = performance.now() + patienceMs
    while (!predicate()) {
      if (performance.now() > giveUp) throw new Error(`Azure never saw ${what}.\n${this.#bot?.output ?? ''}`)
      await pause(lookEveryMs)
    }
  }

  /** Whether anything that was posted says this. */
  said(pattern: RegExp): boolean {
    return this.slack.workspace.messages.all.some((message) =>
      message.versions.some((version) => pattern.test(version.text)),
    )
  }

  /** What the database holds now, as the bot reads it; a dead bot is waited for. */
  async look(): Promise<Ledger> {
    for (;;) {
      const ledger = await (await this.up()).look(this.#lastSeq())
      if (ledger) {
        this.#take(ledger)
        return ledger
      }
      await pause(lookEveryMs)
    }
  }

  /** Waits until what the database holds fulfils this. */
  async untilHeld<T>(predicate: (ledger: Ledger) => T | false | null | undefined, what: string): Promise<T> {
    const giveUp = performance.now() + patienceMs
    for (;;) {
      const ledger = await this.look()
      const value = predicate(ledger)
      if (value !== false && value !== null && value !== undefined) return value
      if (performance.now() > giveUp) {
        throw new Error(
          `The database never held ${what}: ${JSON.stringify(ledger.next)}\n${this.#bot?.output ?? ''}`,
        )
      }
      await pause(lookEveryMs)
    }
  }

  /**
   * Waits until nothing is left to do but to wait for a later moment, and every grant is closed. A proof that is still
   * asked for has something to say when it comes.
   */
  async settled(): Promise<void> {
    await this.untilHeld(({ next }) => {
      const closed = [...this.cases.values()].every(({ grant }) => !grant || grant.state === 'closed')
      return closed && next['proofs'] === undefined && waiting(next, this.now() + 1_000).length === 0
    }, 'rest')
  }

  async close(): Promise<void> {
    this.#over = true
    this.#mayStart.resolve(null)
    await Promise.all([this.#bot?.kill(), this.#standby?.kill()])
    await this.#watching
    await this.slack.stop()
    await this.azure.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #watch(): Promise<void> {
    while (!this.#over) {
      const point = await this.#mayStart.promise
      const ended = await this.#launch(point)
      this.#up = Promise.withResolvers()
      this.#up.promise.catch(() => {})
      if (this.#over) return
      if (ended !== 'SIGKILL') throw new Error(`The bot ended with ${ended}:\n${this.#bot?.output}`)
      this.deaths += 1
      this.slack.workspace.record.changed()
      this.#mayStart = Promise.withResolvers()
      if (this.#keptDown) continue
      this.#mayStart.resolve(this.#next)
      this.#next = null
    }
  }

  /** One life of the bot, from its start until its end. */
  async #launch(point: Point | null): Promise<string> {
    if (this.#over) return 'never started'
    const bot = this.#standby?.living ? this.#standby : new BotProcess(this.environment)
    this.#bot = bot
    this.starts.push(this.now())
    bot.start({ offset: this.#time.offset, point, since: this.#lastSeq() })
    try {
      this.#take(await bot.rest())
      this.rests.push({ lastCall: this.azure.calls().at(-1)?.seq ?? 0, rules: this.#rules() })
      await bot.ready()
      this.#up.resolve()
    } catch (error) {
      if (!(error instanceof BotEnded)) throw error
    }
    // The next one reads its sources while this one works.
    this.#standby = this.#over ? null : new BotProcess(this.environment)
    return bot.ended
  }

  #rules(): string[] {
    const rules = [...this.cases.values()].flatMap(({ grant }) => grant?.rules ?? [])
    return rules.map(({ nsgId, name }) => `${nsgId}/securityRules/${name}`.toLowerCase())
  }

  #lastSeq(): number {
    return this.audit.at(-1)?.seq ?? 0
  }

  #take(ledger: Ledger): void {
    this.audit.push(...ledger.audit.filter((record) => record.seq > this.#lastSeq()))
    for (const kase of ledger.cases) this.cases.set(kase.request.id, kase)
  }
}

/** What is there to do at this moment, by lane: only timers, what is read and the comparing with Azure wait for a later one. */
export const waiting = (next: Ledger['next'], now: number): string[] =>
  Object.entries(next)
    .filter(([lane, at]) => !['timers', 'surveys', 'proofs', 'reads'].includes(lane) || at <= now)
    .map(([lane, at]) => `a job of the lane ${lane}, due ${new Date(at).toISOString()}`)

function workspace(slack: FakeSlack) {
  for (const [name, id] of Object.entries(channels)) slack.channel(id, { name })
  slack.person('alex', { id: 'U0ALEX' })
  slack.group('S0LEADS', 'leads', ['alex'])
  return { robin: slack.person('robin', { id: 'U0ROBIN' }), avery: slack.person('avery', { id: 'U0AVERY' }) }
}

/** Real time, some hours ahead. */
class Steering {
  offset = 0

  now(): number {
    return Date.now() + this.offset
  }

  to(at: number): void {
    this.offset = Math.max(this.offset, at - Date.now())
  }
}

interface Parts {
  readonly slack: FakeSlack
  readonly azure: Simulator
  readonly database: Engine
  readonly environment: Readonly<Record<string, string>>
  readonly time: Steering
  readonly folder: string
}

/** Everything is there and the bot is not started yet. */
export async function setScene(engine: EngineName): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'jitney-crash-'))
  const policyFile = join(folder, 'policy.yml')
  await writeFile(policyFile, worldPolicy)
  const time = new Steering()
  const now = () => time.now()
  const [slack, azure, database] = await Promise.all([
    startFakeSlack({ now }),
    startTestSimulator({ now }),
    engines[engine](folder),
  ])
  const environment = {
    ...azure.environment,
    ...database.environment,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_API_URL: slack.apiUrl,
    POLICY_FILE: policyFile,
    PORT: '0',
    LOG_LEVEL: 'warn',
  }
  return new Scene({ slack, azure, database, environment, time, folder })
}
