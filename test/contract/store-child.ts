import type { Store } from '../../src/ports.ts'
import { openStore } from '../../src/store/store.ts'
import { auditEvent, grantedCase, job, minute, noon, robin, withRules } from './store-cases.ts'

/**
 * A process for tests that kill it: `node store-child.ts write|claim|hold <url or directory> <prefix>`. It says
 * on standard output what it has done, after it was done; the parent holds it to that.
 */
const [role = '', where = '', prefix = ''] = process.argv.slice(2)

const say = (line: string) => process.stdout.write(`${line}\n`)

async function openGrant(store: Store, id: string): Promise<void> {
  await store.transact(async (tx) => {
    await tx.save([grantedCase(id, { state: 'open' })], noon)
    await tx.putJobs([job(`expiry:${id}`, { lane: 'timers', kind: 'expiry', subject: id })], noon)
    await tx.audit([auditEvent(id)])
  })
  say(`open ${id}`)
}

async function closeGrants(store: Store): Promise<void> {
  const claims = await store.jobs.claim('timers', 10, minute, noon)
  const ids = claims.map((claim) => claim.subject)
  await store.transact(async (tx) => {
    await tx.finish(claims, noon)
    const cases = [...(await tx.cases(ids)).values()].map(({ request, grant }) => ({
      ...grantedCase(request.id, { state: 'closed', rules: withRules({ request, grant }, 'absent') }),
      request,
    }))
    await tx.save(cases, noon)
    await tx.audit(ids.map((id) => auditEvent(id)))
  })
  for (const id of ids) say(`closed ${id}`)
}

async function write(store: Store): Promise<never> {
  for (let turn = 0; ; turn += 1) {
    const id = `${prefix}${turn}`
    const gesture = { kind: 'ask', person: robin, text: id, responseUrl: 'https://hooks.example' } as const
    await store.receive({ key: id, receivedAt: noon, gesture })
    say(`intake ${id}`)
    await openGrant(store, id)
    if (turn % 3 === 2) await closeGrants(store)
  }
}

const store = await openStore(where.startsWith('postgres') ? { databaseUrl: where } : { dataDir: where })
await store.enlist()
say('ready')
if (role === 'write') await write(store)
if (role === 'claim') say(`claimed ${(await store.jobs.claim('slack', 100, minute, noon)).length}`)
// Keeps what it holds until it is killed.
setInterval(() => {}, minute)
