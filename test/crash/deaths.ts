import type { EngineName } from './engines.ts'
import { gather } from './evidence.ts'
import { violations } from './invariants.ts'
import { Life } from './life.ts'
import { type Counts, type Point, pointText } from './orders.ts'
import { type Scene, setScene } from './scene.ts'

/** Calls that come at their own pace, or not at all, while one grant lives. They change nothing of a grant. */
const atTheirOwnPace =
  /^(store\.(time|maintain|counts|close|grants|jobs\.(reap|extend|retry\(.*\))|inventory\.\w+)|inventory\.(refresh|open|freshen))$/

/** Reads that come with whichever comparison follows a reading of the inventory: of this start, or of a later minute. */
const withTheInventory = /^(store\.reconciling\.wantedVms|survey\.hasVm|inventory\.(has|readAt))$/

/** The places where a bot may die, from what it passed. Each is named, so the first time is enough. */
function pointsOf(counts: Counts): Point[] {
  return Object.keys(counts)
    .map((key) => /^(before|after) (.+)$/.exec(key))
    .filter((found) => !withTheInventory.test(found?.[2] ?? ''))
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
    // The very first start puts the policy on record and tells of it, which no later one does.
    await scene.settled()
    await scene.fall()
    scene.rise()
    const starting = pointsOf(await scene.counts())
    await scene.arm(null)
    await new Life(scene, 'rehearsal').whole()
    const living = pointsOf(await scene.counts()).filter(({ marker }) => !atTheirOwnPace.test(marker))
    return { starting, living }
  } finally {
    await scene.close()
  }
}

/** A life passes few points only by chance: the order of what runs at once differs. */
const mostLives = 3
/** Events that come in the same moment share a commit, so which commits there are differs from life to life. */
const shared = /^store\.commit\(/
let lives = 0

/** What is wrong after this many deaths of the bot, which must have happened. */
async function wrongAfter(scene: Scene, deaths: number): Promise<string[]> {
  const wrong = violations(await gather(scene))
  return scene.deaths === deaths ? wrong : [`The bot died ${scene.deaths} times, not ${deaths}.`, ...wrong]
}

export async function dieWhileLiving(scene: Scene, point: Point): Promise<string[]> {
  const { deaths } = scene
  for (let tries = 0; tries < mostLives && scene.deaths === deaths; tries += 1) {
    await scene.arm(point)
    await new Life(scene, `crash-${++lives}-${point.side}`).whole()
  }
  const notPassed = scene.deaths === deaths && shared.test(point.marker)
  return wrongAfter(scene, notPassed ? deaths : deaths + 1)
}

/** The bot dies while access is open, again while it comes back, and then it may live. */
export async function dieWhileStarting(scene: Scene, point: Point): Promise<string[]> {
  const { deaths } = scene
  const life = new Life(scene, `restart-${++lives}-${point.side}`)
  await life.untilOpen()
  await scene.fall()
  scene.rise(point)
  await scene.until(() => scene.deaths > deaths + 1, `the death ${pointText(point)}`)
  await life.toTheEnd()
  return wrongAfter(scene, deaths + 2)
}

/** The bot dies at the one point, and the next life of it at the other. */
export async function dieTwice(scene: Scene, first: Point, second: Point): Promise<string[]> {
  const { deaths } = scene
  await scene.arm(first)
  scene.nextPoint(second)
  await new Life(scene, `twice-${++lives}-${first.side}`).whole()
  await scene.arm(null)
  scene.nextPoint(null)
  return scene.deaths > deaths
    ? violations(await gather(scene))
    : [`The bot did not die ${pointText(first)}.`]
}

/** The bot dies at no point in particular, and maybe in the middle of a commit. */
export async function dieAtSomeTime(scene: Scene, afterMs: number): Promise<string[]> {
  const bot = await scene.up()
  const killing = setTimeout(() => void bot.kill(), afterMs)
  await new Life(scene, `some-time-${++lives}`).whole()
  clearTimeout(killing)
  return violations(await gather(scene))
}
