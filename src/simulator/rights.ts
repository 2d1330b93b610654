import { actionOf, readActionOf, scopeOf } from './actions.ts'
import type { ArmCall } from './arm-call.ts'
import { ArmError } from './errors.ts'
import { type Field, FieldError, readFields } from './fields.ts'
import type { Simulation } from './simulation.ts'
import type { HeldRole } from './world-access.ts'

const matches = (pattern: string, action: string): boolean => {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 'i').test(action)
}

const reaches = ({ AssignableScopes: scopes }: HeldRole, at: string): boolean =>
  scopes === undefined ||
  scopes.some((scope) => {
    const outer = scope.toLowerCase().replace(/\/+$/, '')
    return at.toLowerCase() === outer || at.toLowerCase().startsWith(`${outer}/`)
  })

const allows = ({ Actions, NotActions = [] }: HeldRole, action: string): boolean =>
  Actions.some((pattern) => matches(pattern, action)) && !NotActions.some((out) => matches(out, action))

/** Whether a role of the identity grants an action at a place. Without any roles nothing is enforced. */
function isGranted({ roles }: Simulation, action: string, at: string): boolean {
  return roles === null || roles.some((role) => reaches(role, at) && allows(role, action))
}

export const maySee = (sim: Simulation, { id, type }: { id: string; type: string }): boolean =>
  isGranted(sim, readActionOf(type), id)

/** Whether any role reaches into a subscription, which is what makes it appear in the list of subscriptions. */
export function isReached({ roles }: Simulation, subscriptionId: string): boolean {
  const at = `/subscriptions/${subscriptionId}`.toLowerCase()
  const within = (scope: string) => scope.toLowerCase().startsWith(`${at}/`)
  return roles === null || roles.some((role) => reaches(role, at) || role.AssignableScopes?.some(within))
}

/** The roles that hold at a place. */
export const rolesAt = ({ roles }: Simulation, at: string): readonly HeldRole[] =>
  (roles ?? [{ Actions: ['*'] }]).filter((role) => reaches(role, at))

export function authorizationFailed(action: string, scope: string): ArmError {
  return new ArmError(
    403,
    'AuthorizationFailed',
    `The client 'a5510000-0000-4000-8000-000000000001' with object id 'a5510000-0000-4000-8000-000000000002' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  )
}

/** What stands above all subscriptions refuses nobody: it only shows less. */
export function requireRight(call: ArmCall): void {
  if (call.path.subscription === undefined) return
  const [action, scope] = [actionOf(call.method, call.path), scopeOf(call.path)]
  if (!isGranted(call.sim, action, scope)) throw authorizationFailed(action, scope)
}

/** A right that a call needs beside the one that its path names. */
export function requireAlso({ sim }: ArmCall, action: string, scope: string): void {
  if (!isGranted(sim, action, scope)) throw authorizationFailed(action, scope)
}

const texts = (value: unknown, name: string): string[] => {
  if (!Array.isArray(value) || value.some((one) => typeof one !== 'string'))
    throw new FieldError(`${name}: expected a list of texts`, [])
  return value.map(String)
}

const list: Field = { type: 'object' }

/** A role in the form of Azure's own files for custom roles. */
export function readRole(value: unknown): HeldRole {
  const given = typeof value === 'object' && value !== null ? value : {}
  const text: Field = { type: 'string' }
  const role = readFields(given, {
    Name: text,
    Description: text,
    Actions: { ...list, required: true },
    NotActions: list,
    AssignableScopes: list,
  })
  const { Actions, NotActions, AssignableScopes } = role
  return {
    Actions: texts(Actions, 'Actions'),
    ...(NotActions !== undefined && { NotActions: texts(NotActions, 'NotActions') }),
    ...(AssignableScopes !== undefined && { AssignableScopes: texts(AssignableScopes, 'AssignableScopes') }),
  }
}
