import type { Answer } from './arm-call.ts'
import { readFault } from './faults.ts'
import { FieldError } from './fields.ts'
import { releaseHeld } from './hand.ts'
import type { Simulation } from './simulation.ts'

export const controlPrefix = '/_sim/'

export interface ControlCall {
  sim: Simulation
  method: string
  path: string
  query: URLSearchParams
  body: unknown
}

type Handler = (call: ControlCall) => Answer

const ok = (body: object): Answer => ({ status: 200, body })

const handlers: Record<string, Handler> = {
  'GET /_sim/calls': ({ sim, query }) => ok({ calls: sim.calls.list(Number(query.get('since') ?? 0)) }),
  'DELETE /_sim/calls': ({ sim }) => {
    sim.calls.clear()
    return ok({})
  },
  'GET /_sim/faults': ({ sim }) => ok({ faults: sim.faults.list() }),
  'POST /_sim/faults': ({ sim, body }) => {
    const faults = (Array.isArray(body) ? body : [body]).map(readFault)
    return ok({
      faults: faults.map((fault) => sim.faults.add(fault)).map(({ id, fault }) => ({ id, fault })),
    })
  },
  'DELETE /_sim/faults': ({ sim, query }) => {
    sim.faults.clear(query.get('id') ?? undefined)
    return ok({})
  },
  'GET /_sim/history': ({ sim, query }) => ok({ history: historyOf(sim, query.get('nsg') ?? undefined) }),
  'POST /_sim/release': ({ sim, body }) => ok(releaseHeld(sim, body)),
}

export function historyOf(sim: Simulation, nsg: string | undefined) {
  const wanted = nsg?.toLowerCase()
  return sim.history().filter((version) => {
    const id = version.nsg.toLowerCase()
    return wanted === undefined || id === wanted || id.endsWith(`/${wanted}`)
  })
}

/** The simulator's own API, for tests and for the curious; it needs no token. */
export function handleControl(call: ControlCall): Answer {
  const handler = handlers[`${call.method} ${call.path}`]
  if (!handler) return { status: 404, body: problem(`no ${call.method} ${call.path}`, Object.keys(handlers)) }
  try {
    return handler(call)
  } catch (error) {
    if (error instanceof FieldError) return { status: 400, body: problem(error.message, error.allowed) }
    throw error
  }
}

function problem(message: string, allowed: readonly (string | number)[]): object {
  return { error: { code: 'InvalidControlCall', message, allowed } }
}
