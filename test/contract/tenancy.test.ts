import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokenTenant } from '../../src/azure/tenancy.ts'
import { wallClock } from '../../src/clock.ts'
import { readAzureConfig, readConfig } from '../../src/config.ts'
import { connectAzure } from '../../src/connect-azure.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { armCall, simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import {
  customer,
  customerSubscription,
  delegatedSubscription,
  home,
  tenantsWorld,
} from '../support/tenants.ts'

const ours = { home: 'home', others: ['one', 'two'] }

describe('whose token opens a subscription', () => {
  test.each([
    ['of the identity’s own tenant: its own', { tenantId: 'home', managedBy: [] }, null],
    ['of another that lets it in: that one’s', { tenantId: 'one', managedBy: [] }, 'one'],
    [
      'delegated from a stranger to its own: its own',
      { tenantId: 'stranger', managedBy: ['x', 'home'] },
      null,
    ],
    ['delegated from another of ours to its own: its own', { tenantId: 'one', managedBy: ['home'] }, null],
    ['delegated to another of ours: that one’s', { tenantId: 'stranger', managedBy: ['two'] }, 'two'],
    ['of a stranger: its own, for Azure to refuse', { tenantId: 'stranger', managedBy: ['x'] }, null],
    ['that nobody listed: its own', undefined, null],
  ])('one %s', (_name, belonging, tenant) => {
    expect(tokenTenant(belonging, ours)).toBe(tenant)
  })

  test('an identity that nobody named a home for uses its own for all', () => {
    expect(tokenTenant({ tenantId: 'one', managedBy: [] }, { home: null, others: ['one'] })).toBeNull()
  })
})

describe('a token of another tenant', () => {
  let azure: Simulator
  beforeAll(async () => {
    azure = await startTestSimulator({ world: tenantsWorld() })
  })
  afterAll(() => azure.close())
  const groups = (subscriptionId: string) =>
    armCall(
      azure,
      'GET',
      `/subscriptions/${subscriptionId}/providers/Microsoft.Network/networkSecurityGroups`,
    )

  test('is refused as Azure does, with the authority that would be right', async () => {
    const { status, headers, body } = await groups(customerSubscription)
    expect(status).toBe(401)
    expect(body).toMatchObject({
      error: {
        code: 'InvalidAuthenticationTokenTenant',
        message: expect.stringContaining(`It must match the tenant 'https://sts.windows.net/${customer}/'`),
      },
    })
    expect(headers.get('www-authenticate')).toMatch(
      new RegExp(`^Bearer authorization_uri="https://login.windows.net/${customer}", error="invalid_token"`),
    )
  })

  test('is taken by a subscription that is delegated to its tenant', async () => {
    expect((await groups(delegatedSubscription)).status).toBe(200)
  })

  test('is explained, with what to do', async () => {
    const config = readAzureConfig({ AZURE_RESOURCE_MANAGER_URL: azure.url })
    const { survey } = connectAzure(config, wallClock, simulatorCredential(azure))
    await expect(survey.groups(customerSubscription)).rejects.toThrow(
      /belongs to another tenant.*AZURE_TENANT_IDS.*Lighthouse.*a managed identity lives in one tenant only/s,
    )
  })
})

describe('the variables for several tenants', () => {
  const slack = { SLACK_BOT_TOKEN: 'xoxb-a', SLACK_APP_TOKEN: 'xapp-a', AZURE_TENANT_IDS: customer }
  test.each([
    ['no home is named', {}, /AZURE_TENANT_ID: is required with AZURE_TENANT_IDS/],
    [
      'the host’s managed identity is used',
      { AZURE_TENANT_ID: home, IDENTITY_ENDPOINT: 'http://localhost/msi' },
      /AZURE_TENANT_IDS: a managed identity lives in one tenant only; delegate/,
    ],
    [
      'a managed identity is named',
      { AZURE_TENANT_ID: home, AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential' },
      /AZURE_TENANT_IDS: a managed identity lives in one tenant only/,
    ],
  ])('are refused where %s', (_name, more, words) => {
    expect(() => readConfig({ ...slack, ...more })).toThrow(words)
    expect(() => readAzureConfig({ ...slack, ...more })).toThrow(words)
  })

  test('are taken for an application with a secret, and where only the home is named', () => {
    const client = { AZURE_TENANT_ID: home, AZURE_CLIENT_ID: 'a', AZURE_CLIENT_SECRET: 'b' }
    expect(readConfig({ ...slack, ...client }).AZURE_TENANT_IDS).toEqual([customer])
    const alone = {
      ...slack,
      AZURE_TENANT_ID: home,
      AZURE_TENANT_IDS: home,
      IDENTITY_ENDPOINT: 'http://a/msi',
    }
    expect(() => readConfig(alone)).not.toThrow()
  })
})
