import { wallClock } from './clock.ts'
import type { AzureConfig } from './config.ts'
import { connectAzure } from './connect-azure.ts'
import { type Swept, sweep } from './engine/sweep.ts'

export interface SweepRun {
  readonly once: boolean
  readonly dryRun: boolean
  readonly stop: AbortSignal
  readonly say: (text: string) => void
  readonly complain: (text: string) => void
}

const everyMs = 60_000

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

interface Teller {
  readonly tell: (swept: Swept) => void
  readonly failed: () => boolean
  readonly found: () => number
}

function tellOf(run: SweepRun): Teller {
  let failed = false
  let found = 0
  return {
    failed: () => failed,
    found: () => found,
    tell: (swept) => {
      switch (swept.kind) {
        case 'closed':
        case 'would close':
          found += 1
          // What a dry run finds is still there.
          if (swept.kind === 'would close') failed = true
          run.say(`${swept.kind}: ${swept.name} in ${swept.nsgId}`)
          return
        case 'left':
          failed = true
          run.complain(`still there: ${swept.name} in ${swept.nsgId}: ${swept.why}`)
          return
        case 'unread tenant':
          failed = true
          run.complain(`tenant ${swept.tenantId} could not be read: ${swept.why}`)
          return
        case 'unread':
          failed = true
          run.complain(`subscription ${swept.subscriptionId} could not be read: ${swept.why}`)
          return
        default:
          swept satisfies never
      }
    },
  }
}

/** Sweeps once, or every minute until it is stopped. Answers 1 when something was left, or found by a dry run. */
export async function runSweep(config: AzureConfig, run: SweepRun): Promise<number> {
  const { survey, firewall, seen } = connectAzure(config, wallClock)
  // Azure's own clock judges, as its answers tell it: one that runs ahead here would close what is still wanted.
  const now = () => seen()?.azureTime ?? wallClock.now()
  for (;;) {
    const { tell, failed, found } = tellOf(run)
    let unread = false
    try {
      await sweep({ survey, firewall, now, sleep: (ms) => wallClock.sleep(ms), dryRun: run.dryRun }, tell)
    } catch (error) {
      unread = true
      run.complain(`the subscriptions could not be listed: ${messageOf(error)}`)
    }
    if (found() === 0 && !failed() && !unread) run.say('Nothing is past its end.')
    if (run.once) return failed() || unread ? 1 : 0
    await wallClock.sleep(everyMs, run.stop)
    if (run.stop.aborted) return 0
  }
}
