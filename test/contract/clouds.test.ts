import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CloudName } from '../../src/azure/clouds.ts'
import { wallClock } from '../../src/clock.ts'
import { readAzureConfig } from '../../src/config.ts'
import { connectAzure } from '../../src/connect-azure.ts'
import { makeCertificate } from '../../src/simulator/certificate.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { entra, peopledWorld } from '../support/access.ts'
import { inventoryOn } from '../support/inventory.ts'
import { startTestSimulator } from '../support/simulator.ts'
import { customer, customerSubscription, home, tenantsWorld } from '../support/tenants.ts'
import { startTunnel, type Tunnel } from '../support/tunnel.ts'

interface Names {
  readonly arm: string
  readonly login: string
  readonly graph: string
}

const named: Readonly<Record<CloudName, Names>> = {
  public: {
    arm: 'management.azure.com',
    login: 'login.microsoftonline.com',
    graph: 'graph.microsoft.com',
  },
  usgovernment: {
    arm: 'management.usgovcloudapi.net',
    login: 'login.microsoftonline.us',
    graph: 'graph.microsoft.us',
  },
  china: {
    arm: 'management.chinacloudapi.cn',
    // What MSAL makes of login.chinacloudapi.cn, the authority that it is given.
    login: 'login.partner.microsoftonline.cn',
    graph: 'microsoftgraph.chinacloudapi.cn',
  },
}

// One for all: what trusts it, and what finds the way to it, is looked up once in a process.
let azure: Simulator
let tunnel: Tunnel
beforeAll(async () => {
  const hosts = Object.values(named).flatMap((each) => Object.values(each))
  azure = await startTestSimulator({
    world: { ...tenantsWorld(), directory: peopledWorld().directory ?? { users: [], groups: [] } },
    certificate: await makeCertificate(hosts),
  })
  tunnel = await startTunnel(azure.port)
  process.env['HTTPS_PROXY'] = tunnel.url
})
afterAll(async () => {
  delete process.env['HTTPS_PROXY']
  tunnel.close()
  await azure.close()
})

describe.each(Object.entries(named))('in the cloud %s', (cloud, { arm, login, graph }) => {
  test('every client asks its own endpoint, with a token that its own authority gave for it', async () => {
    azure.sim.calls.clear()
    const bot = connectAzure(
      readAzureConfig({
        AZURE_CLOUD: cloud,
        AZURE_TENANT_ID: home,
        AZURE_TENANT_IDS: customer,
        AZURE_CLIENT_ID: 'a5510000-0000-4000-8000-000000000001',
        AZURE_CLIENT_SECRET: 'secret',
      }),
      wallClock,
    )
    // Resource Graph and plain calls, the network client in two tenants, and Microsoft Graph.
    const inventory = inventoryOn(bot.inventorySource, wallClock)
    await inventory.refresh()
    expect(inventory.find('vm-customer')).toHaveLength(1)
    const [vm] = inventory.find('vm-jump01')
    if (!vm) throw new Error('vm-jump01 is not there.')
    expect(await bot.topology.path(vm, 'IPv4')).toMatchObject({ kind: 'guarded' })
    expect((await bot.survey.groups(customerSubscription)).length).toBe(1)
    expect(await bot.entra.find('robin@example.com')).toBe(entra.robin)

    expect([...new Set(tunnel.hosts.splice(0))].toSorted()).toEqual([arm, login, graph].toSorted())
    const calls = azure.calls()
    expect(calls.filter(({ status }) => status !== 200)).toEqual([])
    const signIns = calls
      .filter(({ path }) => path.endsWith('/oauth2/v2.0/token'))
      .map(({ host, path, body }) => {
        const scope = new URLSearchParams(String(body)).get('scope') ?? ''
        return `${host} ${path.split('/')[1]} ${scope.split(' ').find((each) => each.endsWith('/.default'))}`
      })
    expect(new Set(signIns)).toEqual(
      new Set([
        `${login} ${home} https://${arm}/.default`,
        `${login} ${customer} https://${arm}/.default`,
        `${login} ${home} https://${graph}/.default`,
      ]),
    )
    const asked = (part: string) =>
      new Set(calls.flatMap(({ host, path }) => (path.includes(part) ? [host] : [])))
    expect(asked('/subscriptions')).toEqual(new Set([arm]))
    expect(asked('Microsoft.ResourceGraph')).toEqual(new Set([arm]))
    expect(asked('/v1.0/users')).toEqual(new Set([graph]))
  })
})
