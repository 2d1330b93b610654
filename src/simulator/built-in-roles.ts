import type { RolePermission } from './world-access.ts'

const permission = (
  actions: string[],
  notActions: string[] = [],
  dataActions: string[] = [],
): RolePermission => ({ actions, notActions, dataActions, notDataActions: [] })

/** Some of Azure's own roles, by name: their ids are the same in every tenant. */
export const builtInRoles: Readonly<Record<string, { id: string; permission: RolePermission }>> = {
  Owner: { id: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635', permission: permission(['*']) },
  Contributor: {
    id: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
    permission: permission(
      ['*'],
      [
        'Microsoft.Authorization/*/Delete',
        'Microsoft.Authorization/*/Write',
        'Microsoft.Authorization/elevateAccess/Action',
        'Microsoft.Blueprint/blueprintAssignments/write',
        'Microsoft.Blueprint/blueprintAssignments/delete',
        'Microsoft.Compute/galleries/share/action',
        'Microsoft.Purview/consents/write',
        'Microsoft.Purview/consents/delete',
        'Microsoft.Resources/deploymentStacks/manageDenySetting/action',
      ],
    ),
  },
  Reader: { id: 'acdd72a7-3385-48ef-bd42-f606fba81ae7', permission: permission(['*/read']) },
  'User Access Administrator': {
    id: '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9',
    permission: permission(['*/read', 'Microsoft.Authorization/*', 'Microsoft.Support/*']),
  },
  'Virtual Machine Contributor': {
    id: '9980e02c-c2be-4d73-94e8-173b1dc7cf3c',
    permission: permission([
      'Microsoft.Authorization/*/read',
      'Microsoft.Compute/availabilitySets/*',
      'Microsoft.Compute/locations/*',
      'Microsoft.Compute/virtualMachines/*',
      'Microsoft.Compute/virtualMachineScaleSets/*',
      'Microsoft.Compute/disks/write',
      'Microsoft.Compute/disks/read',
      'Microsoft.Compute/disks/delete',
      'Microsoft.Network/networkInterfaces/*',
      'Microsoft.Network/networkSecurityGroups/join/action',
      'Microsoft.Network/networkSecurityGroups/read',
      'Microsoft.Network/publicIPAddresses/join/action',
      'Microsoft.Network/publicIPAddresses/read',
      'Microsoft.Network/virtualNetworks/read',
      'Microsoft.Network/virtualNetworks/subnets/join/action',
      'Microsoft.Resources/deployments/*',
      'Microsoft.Resources/subscriptions/resourceGroups/read',
    ]),
  },
  'Virtual Machine Administrator Login': {
    id: '1c0163c0-47e6-4577-8991-ea5c82e286e4',
    permission: permission(
      [
        'Microsoft.Network/publicIPAddresses/read',
        'Microsoft.Network/virtualNetworks/read',
        'Microsoft.Network/loadBalancers/read',
        'Microsoft.Network/networkInterfaces/read',
        'Microsoft.Compute/virtualMachines/*/read',
        'Microsoft.HybridCompute/machines/*/read',
      ],
      [],
      [
        'Microsoft.Compute/virtualMachines/login/action',
        'Microsoft.Compute/virtualMachines/loginAsAdmin/action',
        'Microsoft.HybridCompute/machines/login/action',
        'Microsoft.HybridCompute/machines/loginAsAdmin/action',
      ],
    ),
  },
}
