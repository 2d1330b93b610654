import { demoWorld } from '../../src/simulator/demo-world.ts'
import type { World } from '../../src/simulator/world.ts'
import type { AuthorizationWorld, EntraUser } from '../../src/simulator/world-access.ts'
import { production } from './simulator.ts'

const id = (digit: string, number: number): string =>
  `${digit.repeat(8)}-0000-4000-8000-${String(number).padStart(12, '0')}`

/** Object ids in the simulated Entra. */
export const entra = {
  robin: id('a', 1),
  avery: id('a', 2),
  alex: id('a', 3),
  lee: id('a', 4),
  mallory: id('a', 5),
  operators: id('b', 1),
  everybody: id('b', 2),
  contractors: id('b', 3),
} as const

export const rgOps = `/subscriptions/${production}/resourceGroups/rg-ops`
export const jumpHost = `${rgOps}/providers/Microsoft.Compute/virtualMachines/vm-jump01`.toLowerCase()

const user = (name: 'robin' | 'avery' | 'alex' | 'lee' | 'mallory'): EntraUser => ({
  id: entra[name],
  displayName: name,
  userPrincipalName: `${name}@example.com`,
  mail: `${name}@example.com`,
})

let count = 0
type Assignment = AuthorizationWorld['roleAssignments'][number]
type Deny = AuthorizationWorld['denyAssignments'][number]

export const assignment = (role: string, but: Partial<Assignment> = {}): Assignment => ({
  name: id('c', (count += 1)),
  scope: rgOps,
  principalId: entra.robin,
  principalType: 'User',
  role,
  ...but,
})

/** For everybody, unless told otherwise. */
export const denial = (actions: string[], but: Partial<Deny> = {}): Deny => ({
  name: id('d', (count += 1)),
  denyAssignmentName: 'Deny',
  scope: rgOps,
  permissions: [{ actions, notActions: [], dataActions: [], notDataActions: [] }],
  principals: [{ id: '00000000-0000-0000-0000-000000000000', type: 'SystemDefined' }],
  ...but,
})

/** The world of the demo with people in it. The operators are within everybody; nobody has a role yet. */
export const peopledWorld = (): World => ({
  ...demoWorld(),
  directory: {
    users: [user('robin'), user('avery'), user('alex'), user('lee'), user('mallory')],
    groups: [
      { id: entra.operators, displayName: 'operators', members: [entra.robin, entra.avery] },
      { id: entra.everybody, displayName: 'everybody', members: [entra.operators, entra.lee] },
      { id: entra.contractors, displayName: 'contractors', members: [entra.mallory] },
    ],
  },
  authorization: { roles: [], roleAssignments: [], denyAssignments: [] },
})
