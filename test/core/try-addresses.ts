import { tryOdd } from './odd-addresses.ts'

/** `npm run addresses`: a million bad and odd addresses, of which none may be taken that another library refuses. */
const count = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 4_294_967_296))
const started = performance.now()
const { wrong, taken } = tryOdd(count, seed)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
for (const [kind, times] of taken) process.stdout.write(`${String(times).padStart(9)}  ${kind}\n`)
if (wrong) {
  process.stdout.write(`${JSON.stringify(wrong, null, 2)}\n`)
  process.stdout.write(`Taken and should not be. Again: npm run addresses -- ${count} ${seed}\n`)
  process.exitCode = 1
} else {
  process.stdout.write(
    `${count} addresses, seed ${seed}: none wrongly taken, in ${seconds} s; taken of each kind as above\n`,
  )
}
