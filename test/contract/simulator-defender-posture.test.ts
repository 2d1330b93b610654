import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Simulator } from '../../src/simulator/server.ts'
import { guarded, securityClient } from '../support/defender.ts'
import {
  armCall,
  collected,
  graphClient,
  production,
  staging,
  startTestSimulator,
} from '../support/simulator.ts'

/** As it stands in the fact sheet, word for word. */
const posture = `securityresources
| where (type == 'microsoft.security/assessments' and name in ('805651bc-6ecd-4c73-9b55-97a19d0582d0','bc303248-3d14-44c2-96a0-55f5c326b5fe','3b20e985-f71f-483b-b078-f30d73936d43'))
   or (type == 'microsoft.security/locations/alerts' and tostring(properties.Status) in~ ('Active','InProgress'))
   or (type == 'microsoft.security/pricings' and name =~ 'VirtualMachines')
| project id, type, name, tenantId, subscriptionId, properties`

let azure: Simulator
beforeAll(async () => {
  azure = await startTestSimulator()
})
afterAll(() => azure.close())

const rowsOf = async (query: string): Promise<Record<string, unknown>[]> => {
  const { data }: { data: unknown } = await graphClient(azure).resources({ query })
  return Array.isArray(data) ? data : []
}

const pricing = (subscription: string) =>
  `/subscriptions/${subscription}/providers/Microsoft.Security/pricings/VirtualMachines`

test('the plan of a subscription, which is free where nobody has paid', async () => {
  const client = securityClient(azure)
  expect(await client.pricings.get('VirtualMachines')).toMatchObject({ pricingTier: 'Standard' })
  expect((await client.pricings.list()).value.map(({ name }) => name)).toEqual(['VirtualMachines'])
  expect((await armCall(azure, 'GET', pricing(production))).body).toMatchObject({
    properties: { pricingTier: 'Standard', subPlan: 'P2' },
  })
  expect((await armCall(azure, 'GET', pricing(staging))).body).toMatchObject({
    properties: { pricingTier: 'Free' },
  })
})

test('the alerts of a subscription', async () => {
  const alerts = await collected(securityClient(azure).alerts.list())
  expect(alerts).toEqual([
    expect.objectContaining({
      alertType: 'RDP_Incoming_BF_OneToOne',
      severity: 'Medium',
      status: 'Active',
      compromisedEntity: 'vm-mdc01',
    }),
  ])
})

test('the assessments of a machine', async () => {
  const client = securityClient(azure)
  const all = await collected(client.assessments.list(guarded.slice(1)))
  expect(all.map(({ status }) => status?.code)).toEqual(['Healthy', 'Healthy', 'Healthy'])
  const one = await client.assessments.get(guarded.slice(1), '805651bc-6ecd-4c73-9b55-97a19d0582d0')
  expect(one.displayName).toMatch(/just-in-time/)
})

test('all of it by one query of Resource Graph, and none of it among the resources', async () => {
  const rows = await rowsOf(posture)
  const byType = Object.groupBy(rows, (row) => String(row['type']))
  expect(byType).toMatchObject({
    'microsoft.security/assessments': { length: 5 },
    'microsoft.security/locations/alerts': { length: 1 },
    'microsoft.security/pricings': { length: 1 },
  })
  expect(byType['microsoft.security/locations/alerts']?.[0]).toMatchObject({
    subscriptionId: production,
    properties: { AlertType: 'RDP_Incoming_BF_OneToOne', Severity: 'Medium', CompromisedEntity: 'vm-mdc01' },
  })
  expect(await rowsOf("resources | where type startswith 'microsoft.security' | project id")).toEqual([])
  expect(await rowsOf("securityresources | where type contains 'jit' | project id")).toEqual([])
})
