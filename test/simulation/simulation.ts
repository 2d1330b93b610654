import { createHash } from 'node:crypto'
import { minute } from '../../src/core/duration.ts'
import type { Member } from '../../src/core/person.ts'
import type { Policy } from '../../src/core/policy.ts'
import type { Gesture } from '../../src/ports.ts'
import { Chance } from './chance.ts'
import { Cloud } from './cloud.ts'
import { MemoryDatabase } from './memory-store.ts'
import { plotMischief } from './mischief.ts'
import { everybody, memberOf, policies } from './office.ts'
import { deliver, letPeopleAct } from './people.ts'
import { type Process, reap, type Spoil, startProcess } from './process.ts'
import { checkEnd, unrest } from './rest.ts'
import { Schedule } from './schedule.ts'
import { Workspace } from './slack.ts'
import { Weather } from './weather.ts'
import { Witness } from './witness.ts'

export interface Result {
  readonly seed: number
  /** What broke, the first thing first; empty when every promise was kept. */
  readonly violations: readonly string[]
  /** Everything that happened, a line each. */
  readonly trace: readonly string[]
  /** Stands for the whole trace. */
  readonly hash: string
  readonly steps: number
}

export interface Options {
  readonly spoil?: Spoil
}

const glanceMs = 30_000
/** So long everything stays watched after it has come to rest: what lands late lands by then. */
const calmAfterMs = 3 * minute
/** So long after the last fault everything must have come to rest by itself. */
const patienceMs = 60 * minute
const mostSteps = 200_000

/** One run: people, processes, Azure, Slack and a database, and everything that goes wrong, drawn from one seed. */
export class Simulation {
  readonly start = Date.UTC(2026, 10, 23, 9)
  readonly chance: Chance
  readonly schedule: Schedule
  readonly weather: Weather
  readonly witness: Witness
  readonly database: MemoryDatabase
  readonly cloud: Cloud
  readonly workspace = new Workspace()
  readonly spoil: Spoil
  readonly lines: string[] = []
  processes: Process[] = []
  policy: Policy
  wallStepMs = 0
  azureStepMs = 0

  constructor(seed: number, { spoil = (parts) => parts }: Options) {
    this.chance = new Chance(seed)
    this.spoil = spoil
    this.schedule = new Schedule(this.start, this.chance, () => this.#nextDue())
    const now = () => this.schedule.now
    this.weather = new Weather(this.chance, this.start, now)
    this.database = new MemoryDatabase({ committed: (commit) => this.witness.committed(commit) })
    const { tables } = this.database
    this.witness = new Witness({ now, tables, weather: this.weather })
    this.cloud = new Cloud(now, {
      began: (version) => this.witness.began(version),
      ended: (version) => this.witness.overdue([version]),
      foreign: (what) => this.witness.fail('I4', what),
    })
    for (const userId of everybody) this.setMember(memberOf(userId))
    this.policy = this.setPolicy(policies[0])
  }

  trace(what: string): void {
    this.lines.push(`${this.schedule.now - this.start} ${what}`)
  }

  /** A little early, because the processes' clocks differ a little. */
  #nextDue(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const { runAt } of this.database.tables.jobs.all()) earliest = Math.min(earliest, runAt - 50)
    return earliest
  }

  setPolicy(policy: Policy | undefined): Policy {
    if (!policy) throw new Error('There is no policy.')
    this.policy = policy
    this.witness.rights.policies.push({ at: this.schedule.now, policy })
    this.trace(`the policy is ${policy.hash}`)
    return policy
  }

  setMember(member: Member): void {
    const { userId } = member.person
    this.workspace.members.set(userId, member)
    this.witness.rights.members.push({ at: this.schedule.now, userId, member })
  }

  requestOf(askKey: string): string | null {
    const found = this.database.tables.cases.all().find(({ request }) => request.reason === askKey)
    return found?.request.id ?? null
  }

  gesture = (gesture: Gesture, key: string): void => {
    const intake = { key, receivedAt: this.schedule.now, gesture }
    this.trace(
      `${gesture.person.userId} ${gesture.kind === 'click' ? `${gesture.action} ${gesture.requestId}` : 'text' in gesture ? gesture.text : ''}`,
    )
    this.witness.gestures.set(key, { intake, acked: false, answered: false, ended: null })
    deliver(this, intake)
  }

  acked(key: string): void {
    const gesture = this.witness.gestures.get(key)
    if (gesture) gesture.acked = true
  }

  /** The process is gone at once, with everything that it was about to do; another one takes its place. */
  dies(name: string): void {
    const process = this.processes.find(({ life }) => life.name === name)
    if (!process?.life.alive) return
    this.trace(`${name} dies`)
    this.weather.trouble()
    process.life.kill()
    void process.database.close()
    this.processes = this.processes.filter((one) => one !== process)
    this.reapSoon()
    this.schedule.after(this.chance.skewed(200, 20_000), () => {
      this.weather.trouble()
      this.processes.push(startProcess(this, `${name}’`))
    })
  }

  /** The process stands still, and goes on later with what it knew. */
  freezes({ life }: Process): void {
    const ms = this.chance.skewed(1_000, 120_000)
    life.pause(ms)
    this.weather.trouble(this.schedule.now + ms)
    this.trace(`${life.name} freezes for ${ms}`)
  }

  reapSoon(): void {
    for (const process of this.processes) {
      process.life.hear(this.schedule.now + this.chance.between(0, 500), () => void reap(process))
    }
  }

  async run(): Promise<void> {
    const names = this.weather.calm || this.chance.often(0.5) ? ['A'] : ['A', 'B']
    for (const name of names) this.processes.push(startProcess(this, name))
    letPeopleAct(this)
    plotMischief(this)
    this.#glance(this.start, null)
    await this.schedule.run()
  }

  /** Looks around now and then, and ends the run when all is done, or when something is wrong. */
  #glance(at: number, calmSince: number | null): void {
    this.schedule.at(at, () => {
      const { schedule, weather, witness } = this
      const now = schedule.now
      witness.overdue(this.cloud.ours())
      witness.exceptions.stopped(this.cloud.ours())
      const { cloud, workspace } = this
      const rest = { now, tables: this.database.tables, cloud, workspace, witness }
      const left = now < weather.until ? ['the faults last'] : unrest(rest)
      const calm = left.length > 0 ? null : (calmSince ?? now)
      const over = calm !== null && now - calm >= calmAfterMs
      if (over) checkEnd(rest)
      if (now - weather.until > patienceMs || schedule.steps > mostSteps) {
        witness.fail('I8', `no rest after ${schedule.steps} steps: ${left.join('; ')}`)
      }
      if (over || witness.violations.length > 0) schedule.stop()
      else this.#glance(now + glanceMs, calm)
    })
  }
}

export async function run(seed: number, options: Options = {}): Promise<Result> {
  const world = new Simulation(seed, options)
  await world.run()
  const { lines, schedule, witness } = world
  const hash = createHash('sha256').update(lines.join('\n')).digest('hex')
  return { seed, violations: witness.violations, trace: lines, hash, steps: schedule.steps }
}
