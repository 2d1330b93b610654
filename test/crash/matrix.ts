import { afterAll, describe, expect, test } from 'vitest'
import type { EngineName } from './engines.ts'
import { gather } from './evidence.ts'
import { violations } from './invariants.ts'
import { Life } from './life.ts'
import { type Counts, type Point, pointText } from './orders.ts'
import { type Scene, setScene } from './scene.ts'

/** Calls that come at their own pace, or not at all, while one grant lives. They change nothing of a grant. */
const atTheirOwnPace =
  /^(store\.(time|maintain|counts|close|grants|jobs\.(reap|extend|retry\(.*\)))|inventory\.refresh)$/

/** What the world outside sees, or may rely on from then on. */
const effects = /^(firewall\.(open|close)|store\.commit|store\.receive|chat\.(card|note|tell))/

export const isEffect = ({ marker }: Point): boolean => effects.test(marker)

/** The places where a bot may die, from what it passed. Each is named, so the first time is enough. */
function pointsOf(counts: Counts): Point[] {
  return Object.keys(counts)
    .map((key) => /^(before|after) (.+)$/.exec(key))
    .flatMap((match) => {
      const [, side, marker = ''] = match ?? []
      return side === 'before' || side === 'after' ? [{ marker, side, nth: 1 } as const] : []
    })
    .toSorted((a, b) => (pointText(a) < pointText(b) ? -1 : 1))
}

export interface Plan {
  /** On the way from nothing to a bot that is ready. */
  readonly starting: readonly Point[]
  /** While one grant lives. */
  readonly living: readonly Point[]
}

/** Lives one whole life with a recorder; nothing of this list is written by hand. */
export async function rehearse(engine: EngineName): Promise<Plan> {
  const scene = await setScene(engine)
  try {
    scene.begin()
    const starting = pointsOf(await scene.counts())
    await scene.arm(null)
    await new Life(scene, 'rehearsal').whole()
    const living = pointsOf(await scene.counts()).filter(({ marker }) => !atTheirOwnPace.test(marker))
    return { starting, living }
  } finally {
    await scene.close()
  }
}

const longestMs = 120_000

/** A life passes few points only by chance: the order of what runs at once differs. */
const mostLives = 3
let lives = 0

async function dieWhileLiving(scene: Scene, point: Point): Promise<void> {
  const { deaths } = scene
  for (let tries = 0; tries < mostLives && scene.deaths === deaths; tries += 1) {
    await scene.arm(point)
    await new Life(scene, `crash-${++lives}-${point.side}`).whole()
  }
  expect(scene.deaths, `deaths at ${pointText(point)}`).toBe(deaths + 1)
  expect(violations(await gather(scene))).toEqual([])
}

/** The bot dies while access is open, again while it comes back, and then it may live. */
async function dieWhileStarting(scene: Scene, point: Point): Promise<void> {
  const { deaths } = scene
  const life = new Life(scene, `restart-${++lives}-${point.side}`)
  await life.untilOpen()
  await scene.fall()
  scene.rise(point)
  await scene.until(() => scene.deaths > deaths + 1, `the death ${pointText(point)}`)
  await life.toTheEnd()
  expect(scene.deaths).toBe(deaths + 2)
  expect(violations(await gather(scene))).toEqual([])
}

/** One scene for all, because a new start is what takes the time; after a failure the next gets a new one. */
export function playAll(engine: EngineName, plan: Plan): void {
  let scene: Scene | null = null
  const on = (play: (scene: Scene, point: Point) => Promise<void>, point: Point) => async () => {
    if (!scene) {
      scene = await setScene(engine)
      scene.begin()
    }
    try {
      await play(scene, point)
    } catch (error) {
      const broken = scene
      scene = null
      await broken.close()
      throw error
    }
  }

  describe(`kill -9 with the ${engine} database`, () => {
    afterAll(() => scene?.close())
    for (const point of plan.living) {
      test(`${pointText(point)}, while one grant lives`, on(dieWhileLiving, point), longestMs)
    }
    for (const point of plan.starting) {
      test(`${pointText(point)}, while it starts again`, on(dieWhileStarting, point), longestMs)
    }
    test('what it leaves behind, read by somebody else, is whole', async () => {
      if (!scene) throw new Error('Nothing is left of the last scene.')
      expect(violations(await gather(scene, await scene.autopsy()))).toEqual([])
    })
  })
}
