import { compileGlob, folded } from './glob.ts'

/** What Azure lets somebody do, or keeps them from doing: patterns of actions, without those that are excepted. */
export interface Permission {
  readonly actions: readonly string[]
  readonly notActions: readonly string[]
  readonly dataActions: readonly string[]
  readonly notDataActions: readonly string[]
}

export interface RoleDefinition {
  /** The last part of its id, in lower case: the same in every subscription. */
  readonly id: string
  readonly permissions: readonly Permission[]
}

export interface RoleAssignment {
  readonly scope: string
  /** The id of its definition, as above. */
  readonly role: string
  /** It holds only under a condition, which nobody here can judge. */
  readonly conditional: boolean
}

export interface DenyAssignment {
  readonly scope: string
  readonly notBelow: boolean
  readonly permissions: readonly Permission[]
  readonly everyone: boolean
  /** Azure itself says that it is meant for this person, perhaps by way of a group. */
  readonly assigned: boolean
  /** Object ids in lower case, here and below. */
  readonly principals: readonly string[]
  readonly excluded: readonly string[]
}

/** What Azure says about one person on one VM. */
export interface RoleFacts {
  readonly vmId: string
  readonly entraId: string
  /** Those groups, among the ones that the deny assignments name, that the person is in. */
  readonly groups: readonly string[]
  /** The role that is asked about. */
  readonly role: RoleDefinition
  readonly assignments: readonly RoleAssignment[]
  /** The roles of the assignments; one that is missing allows nothing. */
  readonly definitions: readonly RoleDefinition[]
  readonly denies: readonly DenyAssignment[]
}

export type RoleAnswer = 'held' | 'not held' | 'denied'

/** Whether `outer` stands for everything that `inner` does: what a star stands for, only a star can cover. */
const covers = (outer: string, inner: string): boolean => compileGlob(outer)(folded(inner))

/** Whether there is an action that both patterns stand for. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [folded(one), folded(other)]
  // Each row says for the rest of `a` from one letter on which rests of `b` have something in common with it.
  let below: boolean[] = []
  for (let i = a.length; i >= 0; i -= 1) {
    const row: boolean[] = []
    for (let j = b.length; j >= 0; j -= 1) {
      if (i === a.length && j === b.length) row[j] = true
      else if (a[i] === '*' || b[j] === '*') row[j] = (below[j] ?? false) || (row[j + 1] ?? false)
      else row[j] = i < a.length && j < b.length && a[i] === b[j] && below[j + 1] === true
    }
    below = row
  }
  return below[0] === true
}

/** One pattern of a role, with what the role itself excepts from it. */
interface Claim {
  readonly action: string
  readonly except: readonly string[]
  readonly data: boolean
}

const allowed = (permission: Permission, data: boolean): readonly string[] =>
  data ? permission.dataActions : permission.actions
const excepted = (permission: Permission, data: boolean): readonly string[] =>
  data ? permission.notDataActions : permission.notActions

const claimsOf = ({ permissions }: RoleDefinition): readonly Claim[] =>
  permissions.flatMap((permission) =>
    [false, true].flatMap((data) => {
      const except = excepted(permission, data)
      return allowed(permission, data)
        .filter((action) => !except.some((out) => covers(out, action)))
        .map((action) => ({ action, except, data }))
    }),
  )

const touches = (pattern: string, { action, except }: Claim): boolean =>
  overlap(pattern, action) && !except.some((out) => covers(out, pattern))

const grants = (permission: Permission, claim: Claim): boolean =>
  allowed(permission, claim.data).some((pattern) => covers(pattern, claim.action)) &&
  !excepted(permission, claim.data).some((out) => touches(out, claim))

const takes = (permission: Permission, claim: Claim): boolean => {
  const spared = excepted(permission, claim.data)
  return allowed(permission, claim.data).some(
    (pattern) =>
      touches(pattern, claim) && !spared.some((out) => covers(out, pattern) || covers(out, claim.action)),
  )
}

const managementGroups = '/providers/microsoft.management/managementgroups/'

/** An empty scope is the root of everything. Azure lists for a VM what stands at it, above it and below it. Of management groups it lists only the VM's own. */
function holdsAt(scope: string, vmId: string): 'here' | 'above' | 'elsewhere' {
  const [at, vm] = [scope.toLowerCase().replace(/\/+$/, ''), vmId.toLowerCase()]
  if (at === vm) return 'here'
  return at.startsWith(managementGroups) || vm.startsWith(`${at}/`) ? 'above' : 'elsewhere'
}

function applies(deny: DenyAssignment, { vmId, entraId, groups }: RoleFacts): boolean {
  const at = holdsAt(deny.scope, vmId)
  if (at === 'elsewhere' || (at === 'above' && deny.notBelow)) return false
  const who = [entraId, ...groups].map((id) => id.toLowerCase())
  if (who.some((id) => deny.excluded.includes(id))) return false
  return deny.everyone || deny.assigned || who.some((id) => deny.principals.includes(id))
}

/**
 * Whether somebody holds a role on a VM: it is assigned to them there or above, or what is assigned to them allows
 * everything that the role allows. A deny assignment that takes any of that away beats both.
 */
export function roleAnswer(facts: RoleFacts): RoleAnswer {
  const { role, vmId, denies } = facts
  const assigned = new Set(
    facts.assignments
      .filter(({ scope, conditional }) => !conditional && holdsAt(scope, vmId) !== 'elsewhere')
      .map((one) => one.role),
  )
  const permissions = facts.definitions
    .filter(({ id }) => assigned.has(id))
    .flatMap((definition) => definition.permissions)
  const claims = claimsOf(role)
  const covered =
    claims.length > 0 && claims.every((claim) => permissions.some((permission) => grants(permission, claim)))
  if (!assigned.has(role.id) && !covered) return 'not held'
  const denied = denies
    .filter((deny) => applies(deny, facts))
    .flatMap((deny) => deny.permissions)
    .some((permission) => claims.some((claim) => takes(permission, claim)))
  return denied ? 'denied' : 'held'
}
