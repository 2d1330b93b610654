import { minute } from '../../src/core/duration.ts'
import { ruleDescription } from '../../src/core/grant.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import { nsg, type Version } from './cloud.ts'
import { person } from './office.ts'
import { compareClocks } from './process.ts'
import type { Simulation } from './simulation.ts'

const second = 1_000

/** Draws what befalls the processes, the clocks and Azure's rules in one run. */
export function plotMischief(world: Simulation): void {
  const { chance, weather } = world
  if (weather.calm) return
  const sometimes = (share: number, most: number, plot: (world: Simulation, at: number) => void) => {
    if (!chance.often(share)) return
    const times = chance.between(1, most)
    for (let count = 0; count < times; count += 1) {
      plot(world, chance.between(world.start, weather.until - 1))
    }
  }
  sometimes(0.5, 4, dies)
  sometimes(0.3, 2, stops)
  sometimes(0.4, 3, freezes)
  sometimes(0.3, 2, losesSlot)
  sometimes(0.2, 2, stepsClock)
  sometimes(0.3, 2, editsRule)
  sometimes(0.2, 1, bringsBack)
  sometimes(0.2, 1, plantsStray)
  sometimes(0.2, 1, locks)
  sometimes(0.1, 1, deletesGroup)
  sometimes(0.1, 1, forbids)
}

const someProcess = ({ processes, chance }: Simulation) => {
  const alive = processes.filter(({ life }) => life.alive)
  return alive.length > 0 ? chance.pick(alive) : null
}

function dies(world: Simulation, at: number): void {
  world.schedule.at(at, () => {
    const process = someProcess(world)
    if (process) world.dies(process.life.name)
  })
}

/** A tidy stop, as at a deployment. */
function stops(world: Simulation, at: number): void {
  world.schedule.at(at, () => {
    const process = someProcess(world)
    if (!process) return
    world.trace(`${process.life.name} is told to stop`)
    world.weather.trouble()
    void process.engine.worker.stop().then(() => world.dies(process.life.name))
    // Whoever does not end by itself is killed.
    process.life.hear(at + 20 * second, () => world.dies(process.life.name))
  })
}

function freezes(world: Simulation, at: number): void {
  world.schedule.at(at, () => {
    const process = someProcess(world)
    if (process) world.freezes(process)
  })
}

/** The others believe that it is dead, and it is not. */
function losesSlot(world: Simulation, at: number): void {
  world.schedule.at(at, () => {
    const process = someProcess(world)
    if (!process) return
    world.trace(`${process.life.name} loses its slot`)
    world.weather.trouble()
    process.database.loseSlot()
    world.reapSoon()
    const again = at + world.chance.between(100, 5_000)
    process.life.hear(again, () => void process.database.enlist().then(() => process.database.wake()))
  })
}

function stepsClock(world: Simulation, at: number): void {
  const { schedule, chance, weather } = world
  const ms = chance.pick([-1, 1]) * chance.between(6_000, 3_600_000)
  const which = chance.pick(['wall', 'azure'] as const)
  const set = (step: number) => () => {
    world.trace(`the clock of ${which} is off by ${step}`)
    weather.trouble()
    if (which === 'wall') world.wallStepMs = step
    else world.azureStepMs = step
    for (const process of world.processes) {
      process.life.hear(schedule.now + chance.between(0, 5_000), () => void compareClocks(process))
    }
  }
  schedule.at(at, set(ms))
  schedule.at(Math.min(weather.until, at + chance.skewed(10 * second, 10 * minute)), set(0))
}

const someRule = ({ cloud, chance }: Simulation): Version | null => {
  const ours = cloud.ours()
  return ours.length > 0 ? chance.pick(ours) : null
}

function editsRule(world: Simulation, at: number): void {
  const { schedule, chance, cloud, weather } = world
  schedule.at(at, () => {
    const found = someRule(world)
    if (!found) return
    weather.trouble()
    const { live, nsgId, name } = found
    const edits: readonly Partial<LiveRule>[] = [
      { sources: ['*'] },
      { priority: 300 },
      { access: 'Deny' },
      { ports: ['8080'] },
      { description: 'mine now' },
    ]
    const edit = chance.pick([...edits, null])
    world.trace(`somebody edits ${name}: ${JSON.stringify(edit)}`)
    if (edit) cloud.write(nsgId, { ...live, ...edit, provisioning: 'Succeeded' }, 'somebody')
    else cloud.remove(nsgId, name)
    world.witness.touch(nsgId, name)
  })
}

/** A tool that writes whole groups puts back what it once saw. */
function bringsBack(world: Simulation, at: number): void {
  const { schedule, chance, cloud, weather, witness } = world
  schedule.at(at, () => {
    const past = witness.versions.filter(({ by, to }) => by === 'bot' && to !== null)
    if (past.length === 0) return
    const { nsgId, name, live } = chance.pick(past)
    const group = cloud.groups().find(({ id }) => id === nsgId)
    if (!group || group.rules.has(name)) return
    weather.trouble()
    world.trace(`somebody brings ${name} back`)
    cloud.write(nsgId, { ...live, provisioning: 'Succeeded' }, 'somebody')
  })
}

function plantsStray(world: Simulation, at: number): void {
  const { schedule, chance, cloud, weather } = world
  const ours = chance.often(0.7)
  const name = `jit-${chance.id()}-${Math.floor(at / 1000) + chance.between(-600, 600)}`
  schedule.at(at, () => {
    if (!cloud.groups().some(({ id }) => id === nsg('subnet'))) return
    weather.trouble()
    world.trace(`somebody plants ${name}`)
    cloud.write(
      nsg('subnet'),
      {
        name,
        description: ours ? ruleDescription('r0', person('U9')) : 'by hand',
        priority: chance.between(3100, 3499),
        direction: 'Inbound',
        access: 'Allow',
        sources: ['81.2.69.1'],
        destinations: ['10.0.0.4'],
        ports: ['3389'],
        protocol: 'Tcp',
        provisioning: 'Succeeded',
      },
      'somebody',
    )
  })
}

function locks(world: Simulation, at: number): void {
  const { schedule, chance, cloud, weather } = world
  schedule.at(at, () => {
    const group = chance.pick(cloud.groups())
    const until = Math.min(weather.until, at + chance.between(second, 15 * minute))
    world.trace(`a lock on ${group.id}`)
    group.locked = true
    weather.trouble(until)
    schedule.at(until, () => {
      group.locked = false
    })
  })
}

function deletesGroup(world: Simulation, at: number): void {
  const { schedule, chance, cloud, weather } = world
  schedule.at(at, () => {
    const group = chance.pick(cloud.groups())
    weather.trouble()
    world.trace(`somebody deletes ${group.id}`)
    cloud.deleteGroup(group.id)
    world.witness.touch(group.id)
  })
}

/** Somebody writes a rule that keeps everybody out, in front of all of ours. */
function forbids({ schedule, chance, cloud }: Simulation, at: number): void {
  schedule.at(at, () => {
    cloud.write(
      chance.pick(cloud.groups()).id,
      {
        name: 'keep-out',
        description: '',
        priority: 150,
        direction: 'Inbound',
        access: 'Deny',
        sources: ['*'],
        destinations: ['*'],
        ports: ['*'],
        protocol: '*',
        provisioning: 'Succeeded',
      },
      'somebody',
    )
  })
}
