import type { ArmPath } from './arm-paths.ts'
import type { Simulation } from './simulation.ts'

/** One call to ARM, as a handler sees it. */
export interface ArmCall {
  sim: Simulation
  method: string
  path: ArmPath
  query: URLSearchParams
  headers: Record<string, string | string[] | undefined>
  body: unknown
  /** Scheme and authority that the caller used, for links in answers. */
  base: string
}

export interface Answer {
  status: number
  body?: object
  headers?: Record<string, string>
}

export function header(call: ArmCall, name: string): string | undefined {
  const value = call.headers[name]
  return Array.isArray(value) ? value[0] : value
}
