import { readFields } from './fields.ts'
import type { Simulation } from './simulation.ts'

/** Lets held operations go: all of them, or those whose target matches `path`. */
export function releaseHeld(sim: Simulation, body: unknown): { released: string[] } {
  const fields = readFields(typeof body === 'object' && body !== null ? body : {}, {
    path: { type: 'string' },
  })
  const pattern = new RegExp(typeof fields['path'] === 'string' ? fields['path'] : '', 'i')
  const released = sim.operations.release((operation) => pattern.test(operation.target), sim.now())
  return { released: released.map((operation) => operation.target) }
}
