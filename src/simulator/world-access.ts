export interface EntraUser {
  id: string
  displayName: string
  userPrincipalName: string
  mail: string | null
  /** True when left out. */
  accountEnabled?: boolean
}

interface EntraGroup {
  id: string
  displayName: string
  /** Users and other groups, by id. */
  members: string[]
}

/** The part of an Entra directory that the simulator knows. */
export interface EntraWorld {
  users: EntraUser[]
  groups: EntraGroup[]
}

export interface RolePermission {
  actions: string[]
  notActions: string[]
  dataActions: string[]
  notDataActions: string[]
}

/** A role that the calling identity holds, in the form of Azure's files for custom roles. */
export interface HeldRole {
  Actions: string[]
  NotActions?: string[]
  /** Where it is assigned; everywhere when left out. */
  AssignableScopes?: string[]
}

interface Principal {
  id: string
  type?: string
}

/** A role of the tenant's own; Azure's own are always there. */
export interface CustomRole {
  /** A GUID. */
  name: string
  roleName: string
  permissions: RolePermission[]
}

export interface RoleAssignment {
  /** A GUID. */
  name: string
  scope: string
  principalId: string
  principalType: 'User' | 'Group' | 'ServicePrincipal'
  /** The name of a role. */
  role: string
  condition?: string
}

interface DenyAssignment {
  /** A GUID. */
  name: string
  denyAssignmentName: string
  scope: string
  doNotApplyToChildScopes?: boolean
  permissions: RolePermission[]
  /** The empty GUID with the type `SystemDefined` is everybody. */
  principals: Principal[]
  excludePrincipals?: Principal[]
}

/** Who may do what in Azure, beside Azure's own roles. */
export interface AuthorizationWorld {
  roles: CustomRole[]
  roleAssignments: RoleAssignment[]
  denyAssignments: DenyAssignment[]
}
