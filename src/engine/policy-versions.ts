import type { Policy } from '../core/policy.ts'
import type { Store } from '../ports.ts'
import { alarmJob, announceJob } from './job-of.ts'

const alarmsOfPolicy = 'policy:'
/** As many as a person reads in one go; mending them shows the rest. */
const mostTold = 5

/** Keeps the text of a policy that comes into force, and puts it on record when it is not the one that was. */
export async function recordPolicy(store: Store, policy: Policy, text: string, now: number): Promise<void> {
  await store.transact(async (tx) => {
    await tx.endAlarms(alarmsOfPolicy)
    const { changed, previous } = await tx.enforcePolicy({ hash: policy.hash, text }, now)
    if (!changed) return
    await tx.audit([
      {
        type: 'policy.loaded',
        at: now,
        requestId: null,
        grantId: null,
        actor: 'jitney',
        details: {
          policy: policy.hash,
          previous,
          rules: policy.rules.length,
          refusals: policy.deny.length,
        },
      },
    ])
    await tx.putJobs([announceJob(now)], now)
  })
}

/** Tells the operators, once for each different text, that a changed policy is refused, and where it is wrong. */
export async function refusePolicy(
  store: Store,
  hash: string,
  problems: readonly string[],
  now: number,
): Promise<void> {
  const key = `${alarmsOfPolicy}${hash}`
  const more = Math.max(0, problems.length - mostTold)
  const alarm = { type: 'bad policy', problems: problems.slice(0, mostTold), more } as const
  await store.transact(async (tx) => {
    if ((await tx.raiseAlarms([{ key, alarm }], now)) > 0) await tx.putJobs([alarmJob(now)], now)
  })
}
