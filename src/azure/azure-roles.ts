import {
  type DenyAssignment,
  type Permission,
  type RoleAssignment,
  type RoleDefinition,
  roleAnswer,
} from '../core/azure-role.ts'
import { Fault } from '../core/fault.ts'
import type { AzureRoles, EntraUsers } from '../ports.ts'
import { type Shape, shapeOf, shapesOf, textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { expectId } from './entra-users.ts'
import { ArmFault } from './faults.ts'
import { malformed, quoted, readList } from './pages.ts'
import { textsOf } from './permissions.ts'

const provider = '/providers/Microsoft.Authorization'
const version = 'api-version=2022-04-01'
const guid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** The principal of a deny assignment that means everybody. */
const everybody = '00000000-0000-0000-0000-000000000000'

const lastPart = (id: string): string => (id.split('/').at(-1) ?? '').toLowerCase()
const propertiesOf = (row: Shape): Shape => shapeOf(row['properties'])

/** What must be a list: one that is missing would leave a permission, or somebody whom a deny is meant for, out. */
function listOf(value: unknown): readonly Shape[] {
  if (!Array.isArray(value)) throw malformed('leaves out what it is about')
  return shapesOf(value)
}

const permissionsOf = (properties: Shape): readonly Permission[] =>
  listOf(properties['permissions']).map((one) => ({
    actions: textsOf(one['actions']),
    notActions: textsOf(one['notActions']),
    dataActions: textsOf(one['dataActions']),
    notDataActions: textsOf(one['notDataActions']),
  }))

function toDefinition(row: Shape): RoleDefinition {
  const id = textOf(row['name']).toLowerCase()
  if (!guid.test(id)) throw malformed('holds a role without an id')
  return { id, permissions: permissionsOf(propertiesOf(row)) }
}

interface Assigned extends RoleAssignment {
  readonly definitionId: string
}

function toAssignment(row: Shape): Assigned {
  const properties = propertiesOf(row)
  const [scope, definitionId] = [textOf(properties['scope']), textOf(properties['roleDefinitionId'])]
  if (!scope.startsWith('/') || !definitionId.startsWith('/') || !guid.test(definitionId))
    throw malformed('holds an assignment without its role')
  const condition = properties['condition']
  const conditional = condition !== undefined && condition !== null && condition !== ''
  return { scope, definitionId, role: lastPart(definitionId), conditional }
}

interface Denied extends DenyAssignment {
  readonly id: string
  /** The groups among its principals and among those that it spares. */
  readonly groups: readonly string[]
}

const idsOf = (principals: readonly Shape[]): readonly string[] =>
  principals.map((one) => textOf(one['id']).toLowerCase())

const isGroup = (one: Shape): boolean => textOf(one['type']).toLowerCase() === 'group'

function toDeny(row: Shape, assigned: boolean): Denied {
  const properties = propertiesOf(row)
  const [principals, excluded] = [listOf(properties['principals']), shapesOf(properties['excludePrincipals'])]
  return {
    id: textOf(row['id']).toLowerCase(),
    // Without a scope it may stand anywhere above.
    scope: textOf(properties['scope']),
    notBelow: properties['doNotApplyToChildScopes'] === true,
    permissions: permissionsOf(properties),
    everyone: idsOf(principals).includes(everybody),
    assigned,
    principals: idsOf(principals),
    excluded: idsOf(excluded),
    groups: idsOf([...principals, ...excluded].filter(isGroup)),
  }
}

/** Null when there is no such role, which Azure says in its own way. */
async function readDefinition(arm: Arm, id: string, signal?: AbortSignal): Promise<RoleDefinition | null> {
  try {
    return toDefinition(shapeOf((await arm.get(`${id}?${version}`, signal)).value))
  } catch (error) {
    if (error instanceof ArmFault && error.code === 'RoleDefinitionDoesNotExist') return null
    throw error
  }
}

async function readRole(arm: Arm, vmId: string, role: string, signal?: AbortSignal): Promise<RoleDefinition> {
  const path = `${vmId}${provider}/roleDefinitions`
  const unknown = new Fault('no such role', `Azure knows no single role ${role}.`, { kind: 'permanent' })
  if (guid.test(role)) {
    const found = await readDefinition(arm, `${path}/${lastPart(role)}`, signal)
    if (found === null) throw unknown
    return found
  }
  const filter = encodeURIComponent(`roleName eq ${quoted(role)}`)
  const rows = await readList(arm, `${path}?${version}&$filter=${filter}`, signal)
  const [first, second] = rows.filter(
    (row) => textOf(propertiesOf(row)['roleName']).toLowerCase() === role.toLowerCase(),
  )
  if (!first || second) throw unknown
  return toDefinition(first)
}

/** The definitions behind the assignments; one that was deleted meanwhile allows nothing. */
async function readDefinitions(
  arm: Arm,
  assignments: readonly Assigned[],
  signal?: AbortSignal,
): Promise<readonly RoleDefinition[]> {
  const ids = new Map(assignments.map(({ role, definitionId }) => [role, definitionId]))
  const found = await Promise.all([...ids.values()].map((id) => readDefinition(arm, id, signal)))
  return found.filter((one) => one !== null)
}

/**
 * `assignedTo` finds what reaches a person through groups; whether it also finds what is meant for everybody is not
 * documented, so all that stand at the VM and above are read as well.
 */
async function readDenies(
  arm: Arm,
  vmId: string,
  assignedTo: string,
  signal?: AbortSignal,
): Promise<readonly Denied[]> {
  const path = `${vmId}${provider}/denyAssignments?${version}&$filter=`
  const [own, all] = await Promise.all([
    readList(arm, `${path}${assignedTo}`, signal),
    readList(arm, `${path}${encodeURIComponent('atScope()')}`, signal),
  ])
  const denies = own.map((row) => toDeny(row, true))
  const known = new Set(denies.map(({ id }) => id))
  return [...denies, ...all.map((row) => toDeny(row, false)).filter(({ id }) => !known.has(id))]
}

/** Reads who may do what on a VM, with everything that is inherited. */
export function azureRoles({ arm, entra }: { readonly arm: Arm; readonly entra: EntraUsers }): AzureRoles {
  return {
    async held(entraId, vmId, name, signal) {
      const assignedTo = encodeURIComponent(`assignedTo(${quoted(expectId(entraId))})`)
      const [role, rows, denies] = await Promise.all([
        readRole(arm, vmId, name, signal),
        readList(arm, `${vmId}${provider}/roleAssignments?${version}&$filter=${assignedTo}`, signal),
        readDenies(arm, vmId, assignedTo, signal),
      ])
      const assignments = rows.map(toAssignment)
      const named = [...new Set(denies.flatMap(({ groups }) => groups))]
      const [definitions, standing] = await Promise.all([
        readDefinitions(arm, assignments, signal),
        named.length > 0 ? entra.standing(entraId, named, signal) : null,
      ])
      const groups = standing?.groups ?? []
      return roleAnswer({ vmId, entraId, groups, role, assignments, definitions, denies })
    },
  }
}
