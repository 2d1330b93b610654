/**
 * The whole matrix: every point on both databases, then as many deaths by chance, in pairs and in the middle of
 * anything. It ends at the first violation with exit code 1 and a line that does the same again.
 *
 *   node test/crash/full.ts [--engine embedded|server] [--chances 50] [--seed 1]
 */
import { parseArgs } from 'node:util'
import { dieAtSomeTime, dieTwice, dieWhileLiving, dieWhileStarting, rehearse } from './deaths.ts'
import { type EngineName, stopServer } from './engines.ts'
import { gather } from './evidence.ts'
import { violations } from './invariants.ts'
import { type Point, pointText } from './orders.ts'
import { type Scene, setScene } from './scene.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string' },
    chances: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
  },
})

const say = (text: string) => process.stdout.write(`${text}\n`)

/** The same numbers for the same seed, each from 0 up to 1. */
function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const longestLifeMs = 1_500

interface Death {
  readonly name: string
  readonly die: (scene: Scene) => Promise<string[]>
}

async function deathsOf(engine: EngineName): Promise<Death[]> {
  const { living, starting } = await rehearse(engine)
  const random = chance(Number(values.seed))
  const any = (points: readonly Point[]) => points[Math.floor(random() * points.length)] ?? points[0]
  const byChance = Array.from({ length: Number(values.chances) }, (_, at): Death => {
    const [first, second, ms] = [any(living), any(living), Math.round(random() * longestLifeMs)]
    if (at % 2 === 0 || !first || !second) {
      return { name: `after ${ms} ms`, die: (scene) => dieAtSomeTime(scene, ms) }
    }
    return {
      name: `${pointText(first)}, then ${pointText(second)}`,
      die: (scene) => dieTwice(scene, first, second),
    }
  })
  return [
    ...living.map((point) => ({ name: pointText(point), die: (on: Scene) => dieWhileLiving(on, point) })),
    ...starting.map((point) => ({
      name: `${pointText(point)}, while it starts`,
      die: (on: Scene) => dieWhileStarting(on, point),
    })),
    ...byChance,
  ]
}

async function play(engine: EngineName): Promise<boolean> {
  const deaths = await deathsOf(engine)
  say(`${engine}: ${deaths.length} deaths, seed ${values.seed}`)
  const scene = await setScene(engine)
  try {
    scene.begin()
    for (const [at, { name, die }] of deaths.entries()) {
      const wrong = await die(scene).catch((error: unknown) => [String(error)])
      say(`${wrong.length === 0 ? 'ok  ' : 'FAIL'} ${at + 1} ${name}`)
      if (wrong.length === 0) continue
      for (const line of wrong) say(`     ${line}`)
      say(
        `Again: node test/crash/full.ts --engine ${engine} --chances ${values.chances} --seed ${values.seed}`,
      )
      return false
    }
    const left = violations(await gather(scene, await scene.autopsy()))
    for (const line of left) say(`FAIL at the end: ${line}`)
    return left.length === 0
  } finally {
    await scene.close()
  }
}

const wanted = (['embedded', 'server'] as const).filter((name) => (values.engine ?? name) === name)
for (const engine of wanted) {
  if (process.exitCode !== 1) process.exitCode = (await play(engine)) ? 0 : 1
}
await stopServer()
