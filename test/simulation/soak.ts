/**
 * Runs the simulation for some minutes, seed after seed, with the crashes of whole processes and a million odd
 * addresses beside it. It ends at the first broken promise with exit code 1 and one line that shows it again.
 *
 *   npm run soak -- --minutes 10 --seed 1     ten minutes, from the seed 1 on
 *   npm run soak -- --seed 1                  this one seed, with everything that happened in it
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { replayOf } from './replay.ts'
import { run } from './simulation.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, seed: { type: 'string' }, 'no-crashes': { type: 'boolean' } },
})
const minuteMs = 60_000
const largestSeed = 2 ** 31

const say = (text: string) => void process.stdout.write(`${text}\n`)

function wholeNumber(name: string, text: string): number {
  const number = Number(text)
  const fits = /^\d+$/.test(text) && number < largestSeed
  if (fits) return number
  say(`--${name} must be a whole number from 0 up to ${largestSeed - 1}; it is ${JSON.stringify(text)}`)
  return process.exit(2)
}

/** Shows one run from its beginning to its end. */
async function replay(seed: number): Promise<boolean> {
  const result = await run(seed)
  for (const line of result.trace) say(line)
  for (const line of result.violations) say(`BROKEN ${line}`)
  say(`${result.steps} steps, trace ${result.hash.slice(0, 12)}`)
  say(result.violations.length > 0 ? replayOf(result) : `Seed ${seed}: every promise was kept.`)
  return result.violations.length === 0
}

/** Crashes of whole processes, again and again until they are told to end; null when they are not there. */
class Crashes {
  readonly #file = fileURLToPath(new URL('../crash/full.ts', import.meta.url))
  #child: ChildProcess | null = null
  #ending = false
  deaths = 0
  failed = false

  start(seed: number): void {
    if (!existsSync(this.#file)) {
      say('The crashes of whole processes are skipped: test/crash/full.ts is not there.')
      return
    }
    // A group of its own, so that the bots and databases that it starts can be ended with it.
    const child = spawn(process.execPath, [this.#file, '--seed', String(seed)], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('ok')) this.deaths += 1
      else say(`crash: ${line}`)
    })
    child.once('exit', (code) => {
      if (this.#ending) return
      if (code === 0) this.start(seed + 1)
      else this.failed = true
    })
  }

  async end(): Promise<void> {
    const child = this.#child
    if (!child?.pid || child.exitCode !== null) return
    this.#ending = true
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      child.kill('SIGKILL')
    }
    await gone
  }
}

/** A million odd addresses, in a process of its own; it ends with 1 when one of them is wrongly taken. */
function tryAddresses(seed: number): { readonly none: Promise<boolean>; readonly end: () => void } {
  const file = fileURLToPath(new URL('../core/try-addresses.ts', import.meta.url))
  const child = spawn(process.execPath, [file, '1000000', String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  createInterface({ input: child.stdout }).on('line', (line) => say(`addresses: ${line}`))
  return {
    none: new Promise((resolve) => child.once('exit', (code) => resolve(code === 0))),
    end: () => void child.kill(),
  }
}

async function soak(minutes: number, first: number): Promise<boolean> {
  const crashes = new Crashes()
  if (!values['no-crashes']) crashes.start(first)
  const addresses = tryAddresses(first)
  const [began, end] = [performance.now(), performance.now() + minutes * minuteMs]
  let [seed, told] = [first, began]
  const tell = () => {
    const spent = ((performance.now() - began) / minuteMs).toFixed(1)
    say(
      `${spent} min: ${seed - first} runs, the last with seed ${seed - 1}, and ${crashes.deaths} deaths; nothing broke`,
    )
  }
  try {
    for (; performance.now() < end && !crashes.failed; seed += 1) {
      const result = await run(seed % largestSeed)
      if (result.violations.length > 0) {
        for (const line of result.violations) say(`BROKEN ${line}`)
        say(replayOf(result))
        return false
      }
      if (performance.now() - told >= minuteMs) {
        told = performance.now()
        tell()
      }
      await turn()
    }
    const kept = (await addresses.none) && !crashes.failed
    if (kept) say('Every promise was kept.')
    return kept
  } finally {
    addresses.end()
    await crashes.end()
  }
}

const seed = wholeNumber('seed', values.seed ?? String(Date.now() % 1_000_000))
const kept =
  values.minutes === undefined && values.seed !== undefined
    ? await replay(seed)
    : await soak(wholeNumber('minutes', values.minutes ?? '1'), seed)
process.exitCode = kept ? 0 : 1
