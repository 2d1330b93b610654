import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Simulator } from '../../src/simulator/server.ts'
import { production, startTestSimulator } from '../support/simulator.ts'

const run = promisify(execFile)
const installed = spawnSync('az', ['version']).status === 0
const group = ['--resource-group', 'rg-ops', '--nsg-name', 'nsg-jump01-nic']
const list = ['network', 'nsg', 'rule', 'list', ...group]

/** What `az` needs to take the simulator for its cloud and for the App Service whose identity it signs in with. */
function environmentOf({ url, caFile, environment }: Simulator, directory: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: directory,
    AZURE_CONFIG_DIR: directory,
    AZURE_CORE_COLLECT_TELEMETRY: 'false',
    REQUESTS_CA_BUNDLE: caFile,
    APPSETTING_WEBSITE_SITE_NAME: 'simulated',
    MSI_ENDPOINT: `${url}/msi/token`,
    MSI_SECRET: environment['IDENTITY_HEADER'],
  }
}

// Debian's package has one: the gate installs it. Elsewhere the tests say that they were skipped.
describe.skipIf(!installed)('azure-cli against the simulator', { timeout: 120_000 }, () => {
  let simulator: Simulator
  let env: NodeJS.ProcessEnv
  const directory = mkdtempSync(join(tmpdir(), 'azure-cli-'))

  const az = async (...words: string[]): Promise<unknown> => {
    const { stdout } = await run('az', [...words, '--output', 'json', '--only-show-errors'], { env })
    return stdout === '' ? undefined : JSON.parse(stdout)
  }

  beforeAll(async () => {
    simulator = await startTestSimulator()
    env = environmentOf(simulator, directory)
    const endpoints = [
      ['--endpoint-resource-manager', simulator.url],
      ['--endpoint-active-directory', simulator.url],
      ['--endpoint-active-directory-resource-id', 'https://management.azure.com/'],
      ['--endpoint-active-directory-graph-resource-id', 'https://graph.windows.net/'],
    ].flat()
    // Debian's azure-cli asks for versions that Debian's SDK lacks, unless a profile names older ones.
    await az('cloud', 'register', '--name', 'simulated', '--profile', '2020-09-01-hybrid', ...endpoints)
    await az('cloud', 'set', '--name', 'simulated')
  }, 120_000)

  afterAll(async () => {
    await simulator.close()
    rmSync(directory, { recursive: true, force: true })
  })

  test('signs in as a managed identity and finds the subscriptions', async () => {
    expect(await az('login', '--identity')).toMatchObject([
      { id: production, name: 'Production', state: 'Enabled', isDefault: true },
      { name: 'Staging', isDefault: false },
    ])
  })

  test('`az vm list` shows the subscription’s VMs', async () => {
    const machines = await az('vm', 'list', '--query', '[].[name, resourceGroup, location]')
    expect(machines).toContainEqual(['vm-jump01', 'rg-ops', 'westeurope'])
    expect(machines).toContainEqual(['vm-mdc01', 'rg-shop', 'westeurope'])
  })

  test('`az network nsg rule list` shows a rule that `az` made, and no longer when `az` has deleted it', async () => {
    const rule = [
      ['--name', 'by-hand', '--priority', '1000', '--access', 'Allow', '--protocol', 'Tcp'],
      ['--source-address-prefixes', '203.0.113.7', '--destination-port-ranges', '22', '3389'],
    ].flat()
    await az('network', 'nsg', 'rule', 'create', ...group, ...rule)
    expect(await az(...list, '--query', 'sort_by(@, &priority)')).toMatchObject([
      {
        name: 'by-hand',
        priority: 1000,
        access: 'Allow',
        direction: 'Inbound',
        provisioningState: 'Succeeded',
        sourceAddressPrefix: '203.0.113.7',
        destinationPortRanges: ['22', '3389'],
      },
      { name: 'deny-rdp-internet', priority: 4000, access: 'Deny', destinationPortRange: '3389' },
    ])
    await az('network', 'nsg', 'rule', 'delete', ...group, '--name', 'by-hand')
    expect(await az(...list, '--query', '[].name')).toEqual(['deny-rdp-internet'])
  })

  test('`az network nsg rule list --include-default` shows Azure’s own six too', async () => {
    const names = await az(...list, '--include-default', '--query', '[?priority >= `65000`].name')
    expect(names).toEqual([
      'AllowVnetInBound',
      'AllowAzureLoadBalancerInBound',
      'DenyAllInBound',
      'AllowVnetOutBound',
      'AllowInternetOutBound',
      'DenyAllOutBound',
    ])
  })

  test('a refusal reads as Azure’s', async () => {
    await expect(az('network', 'nsg', 'rule', 'show', ...group, '--name', 'no-such-rule')).rejects.toThrow(
      /NotFound/,
    )
  })

  test('`az security jit-policy list` shows which ports of which VM Defender keeps', async () => {
    expect(await az('security', 'jit-policy', 'list')).toMatchObject([
      {
        name: 'default',
        location: 'westeurope',
        provisioningState: 'Succeeded',
        virtualMachines: [
          {
            id: expect.stringMatching(/\/vm-mdc01$/),
            ports: [
              { number: 22, protocol: '*', maxRequestAccessDuration: 'PT3H' },
              { number: 3389, protocol: '*', maxRequestAccessDuration: 'PT3H' },
            ],
          },
        ],
      },
    ])
  })
})
