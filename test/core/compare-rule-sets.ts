import { compare } from './rule-sets.ts'

/** `npm run rulesets`: the two evaluations of security groups over a million rule sets and packets. */
const count = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 4_294_967_296))
const started = performance.now()
const { difference, answers } = compare(count, seed)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
for (const [answer, times] of [...answers].toSorted((a, b) => b[1] - a[1]))
  process.stdout.write(`${String(times).padStart(9)}  ${answer}\n`)
if (difference) {
  process.stdout.write(`${JSON.stringify(difference, null, 2)}\n`)
  process.stdout.write(`A difference. Again: npm run rulesets -- ${count} ${seed}\n`)
  process.exitCode = 1
} else {
  process.stdout.write(`${count} rule sets and packets, seed ${seed}: no difference, in ${seconds} s\n`)
}
