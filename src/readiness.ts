import type { Config } from './config.ts'
import { reconcileNow } from './engine/reconcile.ts'
import { reconciledSince } from './engine/reconciled.ts'
import type { Metrics } from './metrics.ts'
import type { AddressLinks, Inventory, Store, Survey } from './ports.ts'
import type { SlackApp } from './slack/app.ts'
import type { Upkeep } from './upkeep.ts'
import { startWeb, type WebParts } from './web/server.ts'

/** What the web part tells while the rest is still starting. */
export interface Progress {
  reconciled: boolean
  store: Store | null
  inventory: Inventory | null
  slack: SlackApp | null
  /** What the address page asks; null while it cannot be asked, or where there is none. */
  links?: AddressLinks | null
}

export function unreadyReasons({ store, inventory, slack, reconciled }: Progress): readonly string[] {
  if (!store) return ['The database has not answered yet']
  return [
    ...(inventory?.readAt() == null ? ['Azure’s inventory has not been read yet'] : []),
    ...(reconciled ? [] : ['Azure has not been compared with the grants since the start']),
    ...(slack?.connected() ? [] : ['Slack is not connected']),
  ]
}

export const webOf = (
  config: Config,
  progress: Progress,
  metrics: Metrics,
  more: Pick<WebParts, 'addressPage' | 'tls'> = {},
) =>
  startWeb({
    ...more,
    host: config.HOST,
    port: config.PORT,
    unready: () => unreadyReasons(progress),
    metrics: metrics.render,
    slack: config.SLACK_APP_TOKEN === undefined ? () => progress.slack?.handle ?? null : null,
  })

/** Has Azure compared with the grants, by whichever replica is free; until that is done, this one is not ready. */
export async function reconcileFirst(
  progress: Progress,
  parts: { store: Store; survey: Survey; upkeep: Upkeep; now: number },
): Promise<void> {
  const { store, survey, upkeep, now } = parts
  await reconcileNow(store, now)
  await upkeep.until('Waiting for the first comparison with Azure', async () => {
    if (!(await reconciledSince(store, survey, now)))
      throw new Error('not every subscription has been compared yet')
  })
  progress.reconciled = true
}
