import type { Answer, ArmCall } from './arm-call.ts'
import { builtInRoles } from './built-in-roles.ts'
import { groupsOf } from './entra.ts'
import { ArmError, badRequest } from './errors.ts'
import type { CustomRole, RoleAssignment } from './world-access.ts'

const type = 'Microsoft.Authorization'

function rolesOf(call: ArmCall): CustomRole[] {
  const builtIn = Object.entries(builtInRoles).map(([roleName, { id, permission }]) => ({
    name: id,
    roleName,
    permissions: [permission],
  }))
  return [...builtIn, ...call.sim.authorization.roles]
}

function roleId(call: ArmCall, name: string): string {
  const subscription = call.path.subscription
  const root = subscription === undefined ? '' : `/subscriptions/${subscription}`
  return `${root}/providers/${type}/roleDefinitions/${name}`
}

const roleBody = (call: ArmCall, role: CustomRole): object => ({
  properties: {
    roleName: role.roleName,
    type: role.roleName in builtInRoles ? 'BuiltInRole' : 'CustomRole',
    description: '',
    assignableScopes: ['/'],
    permissions: role.permissions,
  },
  id: roleId(call, role.name),
  type: `${type}/roleDefinitions`,
  name: role.name,
})

export function listRoles(call: ArmCall): Answer {
  const filter = call.query.get('$filter')
  const wanted = filter === null ? null : /^roleName eq '((?:[^']|'')*)'$/.exec(filter)
  if (filter !== null && !wanted) throw unsupported(filter)
  const name = wanted?.[1]?.replaceAll("''", "'").toLowerCase()
  const roles = rolesOf(call).filter((role) => name === undefined || role.roleName.toLowerCase() === name)
  return { status: 200, body: { value: roles.map((role) => roleBody(call, role)) } }
}

export function getRole(call: ArmCall): Answer {
  const name = call.path.names.at(-1) ?? ''
  const role = rolesOf(call).find((each) => each.name.toLowerCase() === name.toLowerCase())
  if (role) return { status: 200, body: roleBody(call, role) }
  throw new ArmError(
    404,
    'RoleDefinitionDoesNotExist',
    `The specified role definition with ID '${name}' does not exist.`,
  )
}

function unsupported(filter: string): ArmError {
  return badRequest(
    'UnsupportedQuery',
    `The filter '${filter}' is not supported. Supported filters are either 'atScope()' or 'assignedTo('{value}')'.`,
  )
}

interface Filter {
  atScope: boolean
  assignedTo: string | null
}

function readFilter(call: ArmCall): Filter {
  const filter = call.query.get('$filter')
  const found = /^(atScope\(\))?(?: and )?(?:assignedTo\('([0-9a-f-]{36})'\))?$/i.exec(filter ?? '')
  if (!found) throw unsupported(filter ?? '')
  return { atScope: found[1] !== undefined, assignedTo: found[2] ?? null }
}

const under = (id: string, scope: string): boolean => {
  const [inner, outer] = [id.toLowerCase(), scope.toLowerCase().replace(/\/+$/, '')]
  return (
    outer === '' || outer.includes('/managementgroups/') || inner === outer || inner.startsWith(`${outer}/`)
  )
}

/** Azure lists what stands at a scope and above it and, unless told otherwise, what stands below. */
const listed = (call: ArmCall, scope: string, { atScope }: Filter): boolean =>
  under(call.path.scope, scope) || (!atScope && under(scope, call.path.scope))

function reachedBy(call: ArmCall, assignedTo: string | null): (id: string) => boolean {
  if (assignedTo === null) return () => true
  const all = new Set([...groupsOf(call.sim.directory, assignedTo), assignedTo].map((id) => id.toLowerCase()))
  return (id) => all.has(id.toLowerCase())
}

function assignmentBody(
  call: ArmCall,
  { name, scope, principalId, principalType, role, condition }: RoleAssignment,
): object {
  const found = rolesOf(call).find((each) => each.roleName === role)
  return {
    properties: {
      roleDefinitionId: roleId(call, found?.name ?? role),
      principalId,
      principalType,
      scope,
      condition: condition ?? null,
      conditionVersion: condition === undefined ? null : '2.0',
      createdOn: '2022-01-15T21:08:45.4904312Z',
      updatedOn: '2022-01-15T21:08:45.4904312Z',
      createdBy: null,
      updatedBy: null,
      delegatedManagedIdentityResourceId: null,
      description: null,
    },
    id: `${scope === '/' ? '' : scope}/providers/${type}/roleAssignments/${name}`,
    type: `${type}/roleAssignments`,
    name,
  }
}

export function listAssignments(call: ArmCall): Answer {
  const filter = readFilter(call)
  const reached = reachedBy(call, filter.assignedTo)
  const value = call.sim.authorization.roleAssignments
    .filter((each) => listed(call, each.scope, filter) && reached(each.principalId))
    .map((each) => assignmentBody(call, each))
  return { status: 200, body: { value } }
}

export function listDenies(call: ArmCall): Answer {
  const filter = readFilter(call)
  const reached = reachedBy(call, filter.assignedTo)
  const value = call.sim.authorization.denyAssignments
    .filter((each) => listed(call, each.scope, filter) && each.principals.some(({ id }) => reached(id)))
    .map(({ name, ...properties }) => ({
      properties: {
        doNotApplyToChildScopes: false,
        excludePrincipals: [],
        isSystemProtected: true,
        ...properties,
      },
      id: `${properties.scope}/providers/${type}/denyAssignments/${name}`,
      type: `${type}/denyAssignments`,
      name,
    }))
  return { status: 200, body: { value } }
}
