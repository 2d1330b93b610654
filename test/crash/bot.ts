/**
 * The bot as `start` runs it, except that the test which started it moves the time and says where the process
 * dies. Its configuration is the real environment.
 */
import { startApp } from '../../src/app.ts'
import { createDatabaseClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { reconcileNow } from '../../src/engine/reconcile.ts'
import type { Store } from '../../src/ports.ts'
import { openStore } from '../../src/store/store.ts'
import { readLedger } from './ledger.ts'
import { Markers } from './markers.ts'
import type { Order, Report } from './orders.ts'
import { SteeredClock } from './steered-clock.ts'

const markers = new Markers()
const clock = new SteeredClock(createDatabaseClock(async () => (await opened.promise).time()))
const opened = Promise.withResolvers<Store>()

const tell = (report: Report) => process.send?.(report)

async function start({ offset, point, since }: Extract<Order, { do: 'start' }>): Promise<void> {
  const config = readConfig()
  const { DATABASE_URL: databaseUrl, DATA_DIR: dataDir } = config
  const store = await openStore({ databaseUrl, dataDir })
  opened.resolve(store)
  tell({ did: 'rest', ledger: await readLedger(store, since) })
  await clock.start(offset)
  markers.arm(point)
  const around = markers.around
  const marked = around({ store }).store
  const app = await startApp(config, { clock, store: marked, around })
  // What the app leaves to the test when it is given a clock.
  app.engine.worker.start()
  await reconcileNow(marked, clock.now())
  await app.ready
  tell({ did: 'ready' })
}

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case 'start':
      return start(order)
    case 'arm':
      return markers.arm(order.point)
    case 'offset':
      return clock.jump(order.offset)
    case 'tell':
      tell({ did: 'tell', id: order.id, counts: markers.counts() })
      return
    case 'look': {
      const ledger = await readLedger(await opened.promise, order.since).catch(() => null)
      tell({ did: 'look', id: order.id, ledger })
      return
    }
    default:
      order satisfies never
  }
}

process.on('message', (order: Order) => void obey(order))
// Whoever started it has gone, so nobody would end it.
process.on('disconnect', () => process.exit(0))
