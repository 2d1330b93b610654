import type { PostgresServer } from '../test/support/postgres.ts'
import { type Layout, seedGrants } from './grants.ts'
import type { PartProcess } from './part-process.ts'
import type { AzurePart } from './parts/azure.ts'
import { type Fill, prepare } from './prepare.ts'
import { seed } from './seed.ts'
import type { Site } from './site.ts'

/** An organisation's groups: those in which grants stay open, and those in which they end. */
const rulesPerGroup = 100
const openGroups = 1_000
const dueGroups = 100
/** The numbers of those that end; below are those that stay open. */
const firstDue = 900_000_000
const longMs = 7 * 24 * 3_600_000

const openLayout = (count: number): Layout => ({
  subscriptions: 1,
  groups: Math.min(openGroups, Math.ceil(count / rulesPerGroup)),
})
const dueLayout: Layout = { subscriptions: 1, groups: dueGroups, firstGroup: openGroups }

/** A world with room for a hundred thousand open grants. */
export const world = { vms: openGroups + dueGroups, nsgs: openGroups + dueGroups }

export interface Due {
  readonly count: number
  readonly firstEnd: number
  readonly apartMs: number
}

const dayMs = 24 * 3_600_000

/** So many open grants whose ends are far away: one set for the whole run, because making many takes a minute. */
const openUntil = Math.ceil((Date.now() + longMs) / 1000) * 1000

const fillOpen =
  (count: number): Fill =>
  (opened) =>
    seed(
      opened,
      seedGrants({ count }, () => openUntil, openLayout(count)),
      Date.now() - dayMs,
      [],
    )

const fillDue =
  ({ count, firstEnd, apartMs }: Due): Fill =>
  (opened) =>
    seed(
      opened,
      seedGrants({ from: firstDue, count }, (index) => firstEnd + index * apartMs, dueLayout),
      Date.now() - dayMs,
      [],
    )

/** Lets the rules of so many open grants, and of those that are due, stand in Azure. */
export async function stand(azure: PartProcess<AzurePart>, open: number, due: Due): Promise<void> {
  const far = { from: 0, count: open, layout: openLayout(open), firstEnd: openUntil, apartMs: 0 }
  await azure.ask('stand', far)
  await azure.ask('stand', { from: firstDue, layout: dueLayout, ...due })
}

/** A database in which the same grants stand, as the bot's environment names it. */
export async function databaseWith(
  site: Site,
  postgres: PostgresServer | null,
  open: number,
  due: Due,
): Promise<Record<string, string>> {
  if (postgres) {
    const databaseUrl = await postgres.createDatabase()
    await prepare({ databaseUrl }, fillOpen(open))
    await prepare({ databaseUrl }, fillDue(due))
    return { DATABASE_URL: databaseUrl }
  }
  const dataDir = await site.dataDirectory(`${open} open`, fillOpen(open))
  await prepare({ dataDir }, fillDue(due))
  return { DATA_DIR: dataDir }
}
