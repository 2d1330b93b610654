import { minute } from '../../src/core/duration.ts'
import type { Intake } from '../../src/ports.ts'
import { everybody, leads, memberOf, person, policies, requesters } from './office.ts'
import type { Simulation } from './simulation.ts'

const second = 1_000

/** What people do in a run: they ask, decide, click twice, change their minds, leave, and rewrite the policy. */
export function letPeopleAct(world: Simulation): void {
  const { chance } = world
  const asks = chance.between(2, 5)
  for (let count = 0; count < asks; count += 1) askSometime(world, `k${count}`)
  if (chance.often(0.2)) retypes(world)
  if (chance.often(0.25)) stopsAccess(world)
  if (world.weather.calm && chance.often(0.7)) return
  if (chance.often(0.3)) changesPolicy(world)
  if (chance.often(0.3)) changesMember(world)
}

function askSometime(world: Simulation, key: string): void {
  const { chance, schedule, start } = world
  const at = start + chance.between(1, 8 * minute)
  const vm = chance.pick(['vm-a', 'vm-a', 'vm-a', 'vm-b', 'vm-b', 'vm-prod', 'vm-web', 'vm-bare'])
  const length = chance.pick(['1m', '2m', '5m', '5m', '8m', '15m', '30m'])
  const hurries = chance.often(0.2)
  const text = `${hurries ? 'break-glass ' : ''}${vm === 'vm-web' ? 'ssh' : 'rdp'} ${vm} ${length} from 81.2.69.${chance.between(1, 250)} because ${key}`
  const who = chance.pick(requesters)
  schedule.at(at, () => {
    world.gesture({ kind: 'ask', person: person(who), text, responseUrl: key }, key)
  })
  const clicks = chance.between(1, 5)
  for (let count = 0; count < clicks; count += 1) clickSometime(world, key, at, `${key}-c${count}`)
  if (hurries) looksAfterwards(world, key, at)
  if (chance.often(0.6)) staysSometime(world, key, who, at)
}

/** Whoever is in wants to stay, and perhaps longer still; some ask although they are not in. */
function staysSometime(world: Simulation, ask: string, who: string, askedAt: number): void {
  const { chance, schedule } = world
  const more = chance.pick(['1m', '2m', '2m', '3m', '5m', '15m'])
  const key = `${ask}-x`
  const by = chance.often(0.9) ? who : chance.pick(everybody)
  const extend = (patience: number) => {
    const kase = world.database.tables.cases.all().find(({ request }) => request.reason === ask)
    if (kase?.grant?.state !== 'open' && patience > 0) {
      schedule.after(chance.between(10 * second, 2 * minute), () => extend(patience - 1))
      return
    }
    if (!kase) return
    const text = `extend ${kase.request.id} ${more} because ${key}`
    const at = schedule.now
    world.gesture({ kind: 'ask', person: person(by), text, responseUrl: key }, key)
    const clicks = chance.between(0, 3)
    for (let count = 0; count < clicks; count += 1) clickSometime(world, key, at, `${key}-c${count}`)
    if (key.length < 8 && chance.often(0.3)) staysSometime(world, key, who, at)
  }
  schedule.at(askedAt + chance.between(20 * second, 4 * minute), () => extend(chance.between(0, 5)))
}

/** Somebody looks at what was opened without asking; the requester may try to as well. */
function looksAfterwards(world: Simulation, ask: string, askedAt: number): void {
  const { chance, schedule } = world
  const looks = chance.between(0, 3)
  for (let count = 0; count < looks; count += 1) {
    const key = `${ask}-s${count}`
    const who = chance.pick(['U5', 'U5', 'U3', 'U4', ...everybody])
    const action = chance.often(0.7) ? 'sign' : 'unjustified'
    schedule.at(askedAt + chance.skewed(2 * second, 20 * minute), () => {
      const requestId = world.requestOf(ask)
      if (requestId === null) return
      world.gesture({ kind: 'click', person: person(who), action, requestId, responseUrl: key }, key)
    })
  }
}

/** An operator stops access, mostly lifts that again, and somebody else tries to. */
function stopsAccess(world: Simulation): void {
  const { chance, schedule, start } = world
  const times = chance.between(1, 2)
  for (let count = 0; count < times; count += 1) {
    const at = start + chance.between(minute, 10 * minute)
    const scope = chance.pick([
      'all',
      'vm vm-a',
      'vm vm-b',
      'person <@U1>',
      'subscription Main',
      'vm nowhere',
    ])
    const says = (what: string, when: number, key: string) => {
      const who = chance.often(0.7) ? 'U3' : chance.pick(everybody)
      const text = `panic ${what} because ${key}`
      schedule.at(when, () => world.gesture({ kind: 'panic', person: person(who), text }, key))
    }
    says(scope, at, `stop${count}`)
    if (chance.often(0.7)) says('lift', at + chance.skewed(second, 10 * minute), `lift${count}`)
  }
}

const actions = [
  'approve',
  'approve',
  'approve',
  'approve',
  'approve',
  'deny',
  'cancel',
  'close',
  'close',
] as const

function clickSometime(world: Simulation, ask: string, askedAt: number, key: string): void {
  const { chance, schedule } = world
  const action = chance.pick(actions)
  const who =
    action === 'approve' || action === 'deny'
      ? chance.pick(['U2', 'U3', 'U4', 'U5', 'U3', 'U4', 'U5', 'U1', 'U6'])
      : chance.pick(everybody)
  const at = askedAt + chance.skewed(2 * second, 9 * minute)
  const click = (name: string) => {
    const requestId = world.requestOf(ask)
    if (requestId === null) return
    const responseUrl = chance.often(0.9) ? name : null
    world.gesture({ kind: 'click', person: person(who), action, requestId, responseUrl }, name)
  }
  schedule.at(at, () => click(key))
  if (chance.often(0.2)) schedule.at(at + chance.between(1, second), () => click(`${key}-twice`))
}

/** Somebody types what is no request at all. */
function retypes({ chance, schedule, start, gesture }: Simulation): void {
  const text = chance.pick([
    'help',
    'rdp',
    'rdp nowhere 5m from 81.2.69.1',
    'ssh vm-web 30m',
    'cancel xxxxxxxxxx',
    'status',
  ])
  schedule.at(start + chance.between(0, 5 * minute), () => {
    gesture({ kind: 'ask', person: person('U1'), text, responseUrl: 'typed' }, 'typed')
  })
}

function changesPolicy(world: Simulation): void {
  const { chance, schedule, start } = world
  schedule.at(start + chance.between(0, 10 * minute), () => world.setPolicy(chance.pick(policies)))
}

function changesMember(world: Simulation): void {
  const { chance, schedule, start } = world
  const who = chance.pick(['U1', 'U2', 'U3', 'U4'])
  const but = chance.pick([{ deleted: true }, { guest: true }, { groups: [] }, { groups: [leads] }])
  schedule.at(start + chance.between(0, 10 * minute), () => world.setMember(memberOf(who, but)))
}

/** Slack delivers a gesture to any process, and again when nobody took it in time. */
export function deliver(world: Simulation, intake: Intake, tries = 0): void {
  const { schedule, chance } = world
  const alive = world.processes.filter(({ life }) => life.alive)
  let taken = false
  if (alive.length > 0) {
    const process = chance.pick(alive)
    process.life.hear(schedule.now + chance.between(1, 50), () => {
      void process.store.receive(intake).then(
        () => {
          taken = true
          world.acked(intake.key)
        },
        () => {},
      )
    })
  }
  schedule.after(3 * second, () => {
    if (!taken && tries < 3) deliver(world, intake, tries + 1)
  })
  // Now and then Slack repeats what was taken already.
  if (tries === 0 && chance.often(0.1))
    schedule.after(chance.skewed(100, 20 * minute), () => deliver(world, intake, 3))
}
