import type { ColumnType, Generated, GeneratedAlways, Kysely } from 'kysely'
import type { AuditEvent } from '../core/audit.ts'
import type { AskedConversion } from '../core/conversion.ts'
import type { KeptDigest } from '../core/digest.ts'
import type { Note } from '../core/effect.ts'
import type { Panic } from '../core/panic.ts'
import type { Protection } from '../core/protection.ts'
import type { Gesture } from '../ports.ts'

/** Documents are written as JSON text. What a reader relies on is checked when it is read. */
type Doc<T = unknown> = ColumnType<T, string, string>

interface Requests {
  id: string
  version: number
  updated_at: Date
  doc: Doc
  state: GeneratedAlways<string>
  requester_user: GeneratedAlways<string>
}

interface Reviews {
  request_id: string
  reviewer_user: string
  verdict: string
  ordinal: number
  doc: Doc
}

interface Grants {
  id: string
  request_id: string
  updated_at: Date
  doc: Doc
  state: GeneratedAlways<string>
  expires_at: GeneratedAlways<Date>
}

interface Rules {
  grant_id: string
  nsg_id: string
  ordinal: number
  doc: Doc
  state: GeneratedAlways<string>
  tried_for: string | null
  attempts: Generated<number>
  next_try_at: Date | null
  last_error: string | null
}

interface Audit {
  seq: number
  previous: string
  hash: string
  event: Doc<AuditEvent>
}

interface AuditHead {
  one: Generated<boolean>
  seq: number
  hash: string
}

interface Jobs {
  id: Generated<number>
  key: string
  kind: string
  lane: string
  subject: string
  due_at: Date
  run_at: Date
  attempts: Generated<number>
  owner: number | null
  again_at: Date | null
  again_exact: Generated<boolean>
  again_lane: string | null
  last_error: string | null
}

interface Intakes {
  key: string
  received_at: Date
  gesture: ColumnType<Gesture | null, string | null, string | null>
  ended_at: Date | null
}

interface Places {
  request_id: string
  which: string
  channel: string
  ts: string
}

interface Notes {
  id: GeneratedAlways<number>
  request_id: string
  target: string
  note: Doc<Note>
  tried: Generated<boolean>
  sent_at: Date | null
}

interface Addresses {
  org: string
  user_id: string
  learnt: Generated<string>
  address: string
  given_at: Date
}

interface AutomaticApprovals {
  request_id: string
  rule: string
  user_id: string
  vm_id: string
  at: Date
}

interface EntraUsers {
  org: string
  user_id: string
  entra_id: string
  mapped_at: Date
}

interface Feeds {
  name: string
  seq: number
  tried: boolean
}

interface Panics {
  id: string
  doc: Doc<Panic>
  total: number | null
  lifted_at: Date | null
}

interface Protections {
  id: string
  vm_id: string
  doc: Doc<Protection>
  ended_at: Date | null
}

interface Conversions {
  id: string
  vm_id: string
  doc: Doc<AskedConversion>
  ended_at: Date | null
}

interface Digests {
  one: boolean
  doc: Doc<KeptDigest>
}

interface Migrations {
  name: string
  hash: string
  applied_at: Generated<Date>
}

export interface Schema {
  requests: Requests
  reviews: Reviews
  grants: Grants
  rules: Rules
  audit: Audit
  audit_head: AuditHead
  jobs: Jobs
  intakes: Intakes
  places: Places
  notes: Notes
  addresses: Addresses
  automatic_approvals: AutomaticApprovals
  entra_users: EntraUsers
  feeds: Feeds
  panics: Panics
  protections: Protections
  conversions: Conversions
  digests: Digests
  migrations: Migrations
}

/** A connection, or an open transaction: both take the same queries. */
export type Queries = Kysely<Schema>
