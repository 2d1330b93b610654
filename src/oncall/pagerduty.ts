import { z } from 'zod'
import { Fault } from '../core/fault.ts'
import type { OnCall, Shift } from '../ports.ts'
import { remembered } from './remembered.ts'

export interface PagerDutySettings {
  readonly token: string
  readonly url: string
  readonly now: () => number
  readonly timeoutMs?: number
}

const usualTimeoutMs = 10_000
/** The most that PagerDuty gives at once. */
const pageSize = 100
/** Far more than any set of schedules has people; it bounds what a broken answer can cost. */
const mostPages = 20

const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const person = z.object({ email: z.string().min(3).nullish(), summary: z.string().nullish() })
const entry = z.object({
  user: person.nullish(),
  schedule: z.object({ id: z.string(), summary: z.string().nullish() }).nullish(),
  /** Both are null for somebody who is always on call. */
  start: moment.nullish(),
  end: moment.nullish(),
})
const page = z.object({ oncalls: z.array(entry), more: z.boolean() })

type Page = z.infer<typeof page>
type Entry = z.infer<typeof entry>

const waitOf = (headers: Headers): number | null => {
  const seconds = Number(headers.get('retry-after') ?? headers.get('ratelimit-reset') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null
}

/** What PagerDuty’s status means for whoever wants to try again. */
function refusalOf({ status, headers }: Response): Fault {
  const passing = status === 429 || status === 408 || status >= 500
  const why = status === 401 || status === 403 ? ': the token is not accepted' : ''
  return new Fault(`http_${status}`, `PagerDuty answered with HTTP ${status}${why}`, {
    kind: passing ? 'try again' : 'permanent',
    afterMs: status === 429 ? waitOf(headers) : null,
  })
}

function unreachable(error: unknown, timeoutMs: number): Fault {
  const late = error instanceof Error && error.name === 'TimeoutError'
  const message = late
    ? `PagerDuty did not answer within ${timeoutMs / 1000} s`
    : 'PagerDuty could not be reached'
  return new Fault(late ? 'timeout' : 'unreachable', message, { kind: 'try again', cause: error })
}

interface Asking {
  readonly ids: readonly string[]
  readonly timeoutMs: number
  /** Aborts when all pages together take too long. */
  readonly signal: AbortSignal
}

async function readPage(
  { token, url }: PagerDutySettings,
  { ids, timeoutMs, signal }: Asking,
  offset: number,
): Promise<Page> {
  const address = new URL(`${url.replace(/\/+$/, '')}/oncalls`)
  for (const id of ids) address.searchParams.append('schedule_ids[]', id)
  address.searchParams.append('include[]', 'users')
  address.searchParams.append('earliest', 'true')
  address.searchParams.append('limit', String(pageSize))
  address.searchParams.append('offset', String(offset))
  let body: unknown
  try {
    const answer = await fetch(address, {
      headers: {
        authorization: `Token token=${token}`,
        accept: 'application/vnd.pagerduty+json;version=2',
      },
      // Following it would hand the token to whoever the answer names.
      redirect: 'manual',
      signal,
    })
    if (answer.status !== 200) throw refusalOf(answer)
    body = await answer.json().catch((error: unknown) => {
      if (error instanceof SyntaxError) return null
      throw error
    })
  } catch (error) {
    throw error instanceof Fault ? error : unreachable(error, timeoutMs)
  }
  const parsed = page.safeParse(body)
  if (parsed.success) return parsed.data
  throw new Fault('malformed', 'PagerDuty’s answer could not be read', {
    kind: 'try again',
    cause: parsed.error,
  })
}

/** An entry of this very moment, for one of the schedules that were asked about. */
function shiftOf({ user, schedule, start, end }: Entry, ids: readonly string[], now: number): Shift[] {
  if (!user || !schedule || !ids.includes(schedule.id)) return []
  if ((start ?? now) > now || (end ?? Number.POSITIVE_INFINITY) <= now) return []
  return [
    {
      scheduleId: schedule.id,
      schedule: schedule.summary ?? schedule.id,
      email: user.email?.toLowerCase() ?? null,
      until: end ?? null,
    },
  ]
}

async function readAll(settings: PagerDutySettings, ids: readonly string[]): Promise<readonly Shift[]> {
  const { timeoutMs = usualTimeoutMs } = settings
  const asking = { ids, timeoutMs, signal: AbortSignal.timeout(timeoutMs) }
  const entries: Entry[] = []
  for (let pages = 0; ; pages += 1) {
    if (pages === mostPages)
      throw new Fault('endless', 'PagerDuty’s list does not end', { kind: 'permanent' })
    const { oncalls, more } = await readPage(settings, asking, pages * pageSize)
    entries.push(...oncalls)
    if (!more) break
  }
  const now = settings.now()
  // One person stands there once for each escalation policy that the schedule is in.
  const shifts = new Map<string, Shift>()
  for (const shift of entries.flatMap((one) => shiftOf(one, ids, now))) {
    shifts.set(`${shift.scheduleId} ${shift.email}`, shift)
  }
  return [...shifts.values()]
}

const soonest = (shifts: readonly Shift[]): number =>
  Math.min(...shifts.map(({ until }) => until ?? Number.POSITIVE_INFINITY))

/** Who is on call, as PagerDuty’s REST API v2 says. What it does not say is thrown, so a failure gives nobody any right. */
export function createPagerDuty(settings: PagerDutySettings): OnCall {
  const ask = remembered({ now: settings.now, read: (ids) => readAll(settings, ids), until: soonest })
  return { shifts: (scheduleIds, how) => ask([...new Set(scheduleIds)].toSorted(), how === 'live') }
}
