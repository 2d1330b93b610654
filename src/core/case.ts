import type { Grant } from './grant.ts'
import type { Request } from './request.ts'

/** A request with the grant that came of it: the unit that is locked, decided on and saved together. */
export interface Case {
  readonly request: Request
  readonly grant: Grant | null
}
