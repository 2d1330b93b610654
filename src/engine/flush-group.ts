import type { FlushAnswer } from '../core/flush.ts'
import type { FlushWork } from '../ports.ts'
import type { Lease } from './handler.ts'
import { alarmJob } from './job-of.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

/** A close that becomes due in the same group meanwhile waits for this at most. */
const longestFlushMs = 20_000

export const unheardPauseMs = 60_000

/** Under the lease on the group, when nothing else is to be written there now. Null when there is nothing to do. */
export async function flushNext(
  parts: WriteParts,
  nsgId: string,
  stop: AbortSignal,
  lease: Lease,
): Promise<'done' | 'unheard' | null> {
  const { flusher, store } = parts
  if (!flusher) return null
  const [work] = await store.flushWork(nsgId)
  if (!work || lease.lapsed()) return null
  const answer = await within(parts.clock, longestFlushMs, stop, (signal) => flusher.flush(nsgId, signal))
  // Nothing was found out because the process stops; whoever comes next asks again.
  if (stop.aborted && answer.kind === 'not done') return null
  return record(parts, work, answer)
}

async function record(
  { dispatcher, clock, log }: WriteParts,
  { requestId, nsgId }: FlushWork,
  answer: FlushAnswer,
): Promise<'done' | 'unheard'> {
  const told = await dispatcher.dispatch({
    requestId,
    event: { type: 'flushed', nsgId, answer },
    also: async (tx) => {
      if (answer.kind !== 'doubtful') return
      const now = clock.now()
      const alarm = { type: 'group changed', nsgId, changes: answer.changes } as const
      await tx.raiseAlarms([{ key: `flush:${requestId}:${nsgId}`, alarm }], now)
      await tx.putJobs([alarmJob(now)], now)
    },
  })
  log.info({ request: requestId, nsg: nsgId, answer: answer.kind }, 'Azure was asked to cut open sessions')
  return told !== 'lost' && told.ok ? 'done' : 'unheard'
}
