import type { Site } from './site.ts'
import type { Row } from './table.ts'

/** Rows that are measured together. */
export interface Family {
  readonly name: string
  /** Takes long or says little, and is measured only when it is asked for. */
  readonly extra?: boolean
  readonly run: (site: Site) => Promise<readonly Row[]>
}
