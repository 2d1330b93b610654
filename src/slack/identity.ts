import type { Person } from '../core/person.ts'

/** The parts of a verified payload that say who did something. Names and e-mail addresses are not among them. */
export interface Signed {
  readonly user_id?: string
  readonly team_id?: string
  readonly enterprise_id?: string | null
  readonly user?: { readonly id?: string; readonly team_id?: string | null }
  readonly team?: { readonly id?: string; readonly enterprise_id?: string | null } | null
  readonly enterprise?: { readonly id?: string } | null
}

/** Null when the payload does not say who it was; then nothing may happen. */
export function personOf(body: Signed): Person | null {
  const userId = body.user?.id ?? body.user_id
  const teamId = body.user?.team_id ?? body.team?.id ?? body.team_id ?? body.enterprise?.id
  if (!userId || !teamId) return null
  const enterpriseId = body.enterprise?.id ?? body.team?.enterprise_id ?? body.enterprise_id
  return { enterpriseId: enterpriseId || null, teamId, userId }
}
