import { afterAll, describe, expect, test } from 'vitest'
import { dieWhileLiving, dieWhileStarting, type Plan } from './deaths.ts'
import { type EngineName, stopServer } from './engines.ts'
import { gather } from './evidence.ts'
import { violations } from './invariants.ts'
import { type Point, pointText } from './orders.ts'
import { type Scene, setScene } from './scene.ts'

/** What decides whether a promise is kept: writes to Azure, commits, and what was acknowledged. */
const effects = /^(firewall\.(open|close)|store\.commit|store\.receive)/

export const isEffect = ({ marker }: Point): boolean => effects.test(marker)

const longestMs = 120_000

/** One scene for all, because a new start is what takes the time; after a failure the next gets a new one. */
export function playAll(engine: EngineName, plan: Plan): void {
  let scene: Scene | null = null
  const on = (die: (scene: Scene, point: Point) => Promise<string[]>, point: Point) => async () => {
    if (!scene) {
      scene = await setScene(engine)
      scene.begin()
    }
    try {
      expect(await die(scene, point)).toEqual([])
    } catch (error) {
      const broken = scene
      scene = null
      await broken.close()
      throw error
    }
  }

  describe(`kill -9 with the ${engine} database`, () => {
    afterAll(async () => {
      await scene?.close()
      await stopServer()
    })
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
