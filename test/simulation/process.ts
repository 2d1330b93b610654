import { watchClocks } from '../../src/clock-watch.ts'
import { tellClocks } from '../../src/engine/clocks.ts'
import { createEngine, type Engine, type EngineParts } from '../../src/engine/engine.ts'
import { reconcileNow } from '../../src/engine/reconcile.ts'
import type { Store } from '../../src/ports.ts'
import { firewallOf, flowOf, inventoryOf, surveyOf, topologyOf } from './cloud-ports.ts'
import { Life } from './life.ts'
import type { MemoryStore } from './memory-store.ts'
import type { Simulation } from './simulation.ts'
import { chatOf, directoryOf } from './slack.ts'
import { type Line, storeLine } from './store-line.ts'

/** A process of the bot: the real engine on ports that lead into the simulation. */
export interface Process {
  readonly life: Life
  readonly engine: Engine
  readonly store: Store
  readonly database: MemoryStore
  readonly clockTrouble: () => string | null
}

/** What a test puts in the place of a port, to see it noticed. */
export type Spoil = (parts: EngineParts, world: Simulation) => EngineParts

const chorePauseMs = 500

const wording = {
  person: (who: { userId: string }) => who.userId,
  user: (id: string) => id,
  group: (id: string) => id,
  channel: (id: string) => id,
  time: (at: number) => String(at),
  words: (text: string) => text,
}

export function startProcess(world: Simulation, name: string): Process {
  const { schedule, chance, weather, cloud, workspace, witness } = world
  const life = new Life(schedule, name, chance)
  const now = () => schedule.now
  const tell = (what: string) => world.trace(`${name} ${what}`)
  const database = world.database.replica({
    time: now,
    notify: (wake) => {
      if (!weather.strikes('wake-up is lost')) life.hear(now() + chance.between(0, 5), wake)
    },
  })
  const line: Line = {
    life,
    chance,
    weather,
    now,
    tell,
    effect: (what) => {
      tell(`${what} is done`)
      if (life.alive && weather.strikes('death after an effect')) world.dies(name)
    },
    moment: () => {
      if (weather.strikes('death at any moment')) schedule.after(0, () => world.dies(name))
      if (weather.strikes('freeze at any moment')) schedule.after(0, () => world.freezes(process))
    },
    committing: (lost) => {
      witness.committer = { life, lost }
    },
  }
  const cloudLine = {
    ...line,
    cloud,
    later: (ms: number, run: () => void) => void schedule.after(ms, run),
    sent: {
      put: witness.putSent.bind(witness),
      remove: witness.removeSent.bind(witness),
      late: witness.touch.bind(witness),
    },
    answered: () => {
      seen = { azureTime: now() + world.azureStepMs, at: life.clock.now() }
    },
  }
  const slackLine = { ...line, workspace, say: witness.said.bind(witness) }
  let seen: { azureTime: number; at: number } | null = null
  const store = storeLine(line, database)
  const clockTrouble = watchClocks({
    database: () => life.clock.now(),
    wall: () => now() + world.wallStepMs,
    azure: () => seen,
  })
  const log = (_: object, message: string) => tell(`log: ${message}`)
  const parts: EngineParts = {
    store,
    clock: life.clock,
    chat: chatOf(slackLine),
    directory: directoryOf(slackLine),
    onCall: null,
    inventory: inventoryOf(cloudLine),
    topology: topologyOf(cloudLine),
    firewall: firewallOf(cloudLine),
    flow: flowOf(cloudLine),
    survey: surveyOf(cloudLine),
    clockTrouble,
    policy: () => world.policy,
    newId: () => chance.id(),
    wording,
    log: { info: log, warn: log, error: log },
    observe: () => {},
  }
  const spoiled = world.spoil(parts, world)
  const process = { life, store: spoiled.store, database, clockTrouble, engine: createEngine(spoiled) }
  void begin(world, process)
  return process
}

/** As `app.ts` starts the bot. */
async function begin(world: Simulation, process: Process): Promise<void> {
  const { life, store, engine } = process
  world.trace(`${life.name} starts`)
  await untilDone(process, () => store.enlist())
  engine.worker.start()
  await untilDone(process, () => reconcileNow(store, life.clock.now()))
  await reap(process)
}

/** Frees the jobs of dead replicas, as a chore of every process does. */
export const reap = (process: Process): Promise<void> =>
  untilDone(process, () => process.store.jobs.reap(process.life.clock.now()))

export const compareClocks = (process: Process): Promise<void> =>
  untilDone(process, () => tellClocks(process.store, process.life.clock.now(), process.clockTrouble()))

async function untilDone({ life }: Process, chore: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await chore()
      return
    } catch {
      await life.busyClock.sleep(chorePauseMs)
    }
  }
}
