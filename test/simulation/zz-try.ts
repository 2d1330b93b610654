import { run } from './simulation.ts'
const [from, count] = [Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 1)]
const t = performance.now(); let steps = 0; let lines=0
const bad: Record<string, number> = {}
for (let seed = from; seed < from + count; seed++) {
  let r
  try { r = await run(seed) } catch (e) { console.log(seed, 'threw', e); break }
  steps += r.steps; lines += r.trace.length
  if (r.violations.length) { const k = r.violations[0]!.slice(0, 2); bad[k] = (bad[k] ?? 0) + 1; console.log(seed, r.violations[0]!.slice(0,300)); }
  if (process.argv[4]) { console.log(r.trace.join('\n')); console.log(r.violations) }
}
const ms = performance.now() - t
console.log({ bad, ms, perRun: ms / count, steps: steps / count, lines: lines/count })
