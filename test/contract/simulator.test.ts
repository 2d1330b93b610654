import { NetworkManagementClient } from '@azure/arm-network'
import { ResourceGraphClient } from '@azure/arm-resourcegraph'
import { ManagedIdentityCredential } from '@azure/identity'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Simulator } from '../../src/simulator/server.ts'
import { simulatorCredential, startTestSimulator } from '../support/simulator.ts'

const production = '11111111-1111-4111-8111-111111111111'

const queryA = `resources
| where type in~ ('microsoft.compute/virtualmachines','microsoft.network/networkinterfaces','microsoft.network/publicipaddresses','microsoft.network/virtualnetworks','microsoft.network/networksecuritygroups')
| extend p = properties
| project id=tolower(id), type, name, tenantId, subscriptionId, resourceGroup, location, tags,
  osType=tostring(p.storageProfile.osDisk.osType), power=tostring(p.extended.instanceView.powerState.code),
  nics=p.networkProfile.networkInterfaces, vmId=tolower(tostring(p.virtualMachine.id)), nicNsg=tolower(tostring(p.networkSecurityGroup.id)),
  ipConfigs=p.ipConfigurations, ip=tostring(p.ipAddress), subnets=p.subnets,
  rules=iff(type =~ 'microsoft.network/networksecuritygroups', p.securityRules, dynamic(null))
| order by id asc`

let simulator: Simulator
let network: NetworkManagementClient

beforeAll(async () => {
  simulator = await startTestSimulator()
  network = new NetworkManagementClient(simulatorCredential(simulator), production, {
    endpoint: simulator.url,
  })
})
afterAll(() => simulator.close())

describe('the thin path', () => {
  test('a rule is written, read, listed and deleted', async () => {
    const at = ['rg-ops', 'nsg-jump01-nic', 'jit-a-1'] as const
    const written = await network.securityRules.createOrUpdate(...at, {
      access: 'Allow',
      direction: 'Inbound',
      protocol: 'Tcp',
      priority: 200,
      sourceAddressPrefix: '203.0.113.7',
      sourcePortRange: '*',
      destinationAddressPrefix: '10.20.1.10',
      destinationPortRange: '3389',
      description: 'jitney',
    })
    expect(written).toMatchObject({ name: 'jit-a-1', priority: 200, provisioningState: 'Succeeded' })
    const listed = await Array.fromAsync(network.securityRules.list('rg-ops', 'nsg-jump01-nic'))
    expect(listed.map((rule) => rule.name)).toEqual(['deny-rdp-internet', 'jit-a-1'])
    await network.securityRules.delete(...at)
    await expect(network.securityRules.get(...at)).rejects.toMatchObject({
      statusCode: 404,
      code: 'NotFound',
    })
    await network.securityRules.delete(...at)
  })

  test('resource graph answers the inventory query', async () => {
    const graph = new ResourceGraphClient(simulatorCredential(simulator), { endpoint: simulator.url })
    const { data, totalRecords } = await graph.resources({ query: queryA })
    expect(totalRecords).toBe(38)
    expect((data as { name: string }[]).filter((row) => row.name === 'vm-app01')).toHaveLength(2)
  })

  test('a managed identity gets its token', async () => {
    vi.stubEnv('IDENTITY_ENDPOINT', simulator.env['IDENTITY_ENDPOINT'])
    vi.stubEnv('IDENTITY_HEADER', simulator.env['IDENTITY_HEADER'])
    const client = new NetworkManagementClient(new ManagedIdentityCredential(), production, {
      endpoint: simulator.url,
    })
    const nic = await client.networkInterfaces.get('rg-ops', 'vm-jump01-nic')
    expect(nic.networkSecurityGroup?.id).toContain('nsg-jump01-nic')
  })
})
