import type { Tx } from '../../src/ports.ts'
import type { Counts, Point } from './orders.ts'

type Call = (...args: unknown[]) => unknown
type Work = (tx: Tx) => Promise<unknown>

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
const last = (path: unknown): unknown => (typeof path === 'string' ? path.split('/').at(-1) : path)
const postOrEdit = ([, at]: readonly unknown[]) => (at === null ? 'post' : 'edit')

/** What a call is about, for the methods that do several things. */
const about: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  'store.receive': ([intake]) => field(field(intake, 'gesture'), 'kind'),
  'store.jobs.claim': ([lane]) => lane,
  'store.jobs.retry': ([claim]) => field(claim, 'kind'),
  'store.place': ([, which]) => which,
  'store.moveFeed': ([, position]) => (field(position, 'tried') ? 'trying' : 'done'),
  'chat.card': postOrEdit,
  'chat.mirror': postOrEdit,
  'chat.note': ([, note]) => field(note, 'type'),
  'chat.tell': ([, note]) => field(note, 'type'),
  'directory.member': ([person]) => field(person, 'userId'),
  'firewall.list': ([nsgId]) => last(nsgId),
  'firewall.open': ([rule]) => last(field(rule, 'nsgId')),
  'firewall.close': ([rule]) => last(field(rule, 'nsgId')),
}

const isCall = (value: unknown): value is Call => typeof value === 'function'
const isWork = (value: unknown): value is Work => typeof value === 'function'

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // Nothing may happen any more, however long the signal takes.
  for (;;);
}

/** Stands around every port of the bot, counts what passes and kills the process at the chosen point. */
export class Markers {
  #counts = new Map<string, number>()
  #point: Point | null = null

  /** Counting starts again. */
  arm(point: Point | null): void {
    this.#counts = new Map()
    this.#point = point
  }

  counts(): Counts {
    return Object.fromEntries(this.#counts)
  }

  readonly around = <Ports extends object>(ports: Ports): Ports => {
    const wrapped = Object.entries(ports).map(([name, port]) => [name, this.#port(name, port)])
    return Object.assign({ ...ports }, Object.fromEntries(wrapped))
  }

  #pass(marker: string, side: Point['side']): void {
    const key = `${side} ${marker}`
    const nth = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, nth)
    const point = this.#point
    if (point?.marker === marker && point.side === side && point.nth === nth) die()
  }

  #port<Port>(name: string, port: Port): Port {
    if (typeof port !== 'object' || port === null) return port
    return new Proxy(port, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key)
        const marker = `${name}.${String(key)}`
        if (!isCall(value)) return this.#port(marker, value)
        const call = value.bind(target)
        return marker === 'store.transact' ? this.#transact(call) : this.#call(marker, call)
      },
    })
  }

  #call(marker: string, call: Call): Call {
    return (...args) => {
      const detail = about[marker]?.(args)
      const full = detail === undefined ? marker : `${marker}(${text(detail)})`
      this.#pass(full, 'before')
      const result = call(...args)
      if (!(result instanceof Promise)) {
        this.#pass(full, 'after')
        return result
      }
      return result.finally(() => this.#pass(full, 'after'))
    }
  }

  /** The commit lies between the end of the work and the end of the call; it is named by what it commits. */
  #transact(call: Call): Call {
    return async (work) => {
      this.#pass('store.transact', 'before')
      let commit = 'store.commit'
      const result = await call(async (tx: Tx) => {
        if (!isWork(work)) throw new TypeError('A transaction needs work to do.')
        const content = new Set<string>()
        const done = await work(this.#port('tx', noting(tx, content)))
        commit = `store.commit(${[...content].join('+') || 'jobs'})`
        this.#pass(commit, 'before')
        return done
      })
      this.#pass(commit, 'after')
      return result
    }
  }
}

/** Notes what a transaction is about: the transitions in it, the notes that it queues, the gesture that it ends. */
function noting(tx: Tx, content: Set<string>): Tx {
  return {
    ...tx,
    audit: (events) => {
      for (const { type } of events) content.add(type)
      return tx.audit(events)
    },
    queueNotes: (notes) => {
      for (const { note } of notes) content.add(`${note.type} note`)
      return tx.queueNotes(notes)
    },
    endIntake: (key, now) => {
      content.add('gesture')
      return tx.endIntake(key, now)
    },
    save: (cases, now) => {
      for (const { grant } of cases) {
        const states = grant?.rules.map((rule) => rule.state).toSorted() ?? []
        if (states.length > 0) content.add(`rules ${states.join(' ')}`)
      }
      return tx.save(cases, now)
    },
  }
}
