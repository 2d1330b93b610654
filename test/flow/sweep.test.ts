import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runSweep } from '../../src/run-sweep.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { startTestSimulator } from '../support/simulator.ts'

const hour = 3_600
/** Seconds, as a rule's name counts them. */
const now = () => Math.floor(Date.now() / 1000)

describe('the sweeper', () => {
  let azure: Simulator
  beforeAll(async () => {
    azure = await startTestSimulator()
    for (const [name, value] of Object.entries(azure.environment)) process.env[name] = value
  })
  afterAll(() => azure.close())
  beforeEach(() => azure.clearFaults())

  const put = (nsg: string, name: string, description = 'jitney request r1 for U1', priority = 3000) =>
    azure.mutate({
      do: 'put-rule',
      nsg,
      name,
      properties: {
        description,
        priority,
        direction: 'Inbound',
        access: 'Allow',
        protocol: 'Tcp',
        sourceAddressPrefix: '81.2.69.142',
        sourcePortRange: '*',
        destinationAddressPrefix: '10.0.0.4',
        destinationPortRange: '3389',
      },
    })
  const names = (nsg: string) => Object.keys(azure.rules(nsg)).filter((name) => name.startsWith('jit-'))
  const sweeps = async (dryRun = false) => {
    const said: string[] = []
    const code = await runSweep(
      {
        AZURE_RESOURCE_MANAGER_URL: azure.url,
        AZURE_CLOUD: 'public',
        IDENTITY_ENDPOINT: azure.environment['IDENTITY_ENDPOINT'],
      },
      {
        once: true,
        dryRun,
        stop: new AbortController().signal,
        say: (text) => said.push(text),
        complain: (text) => said.push(`! ${text}`),
      },
    )
    return { code, said: said.join('\n') }
  }

  test('closes what is past the end in its name, in every group, and leaves the rest', async () => {
    put('nsg-jump01-nic', `jit-aaa111-${now() - 5}`)
    put('nsg-web-subnet', `jit-bbb222-${now() - hour}`)
    put('nsg-jump01-nic', `jit-ccc333-${now() + hour}`, undefined, 3001)
    const { code, said } = await sweeps()
    expect(code).toBe(0)
    expect(names('nsg-web-subnet')).toEqual([])
    expect(names('nsg-jump01-nic')).toEqual([expect.stringMatching(/^jit-ccc333-/)])
    expect(said).toMatch(/closed: jit-aaa111-.*closed: jit-bbb222-|closed: jit-bbb222-.*closed: jit-aaa111-/s)
    azure.mutate({ do: 'delete-rule', nsg: 'nsg-jump01-nic', name: names('nsg-jump01-nic')[0] ?? '' })
  })

  test('never touches a rule of our name’s shape that does not carry our description', async () => {
    const name = `jit-ddd444-${now() - hour}`
    put('nsg-jump01-nic', name, 'made by hand')
    expect((await sweeps()).code).toBe(0)
    expect(names('nsg-jump01-nic')).toEqual([name])
    azure.mutate({ do: 'delete-rule', nsg: 'nsg-jump01-nic', name })
  })

  test('a dry run says what it would close and deletes nothing', async () => {
    const name = `jit-eee555-${now() - hour}`
    put('nsg-jump01-nic', name)
    expect((await sweeps(true)).said).toMatch(/would close: jit-eee555-/)
    expect(names('nsg-jump01-nic')).toEqual([name])
    expect(
      azure
        .calls()
        .filter(({ method }) => method === 'DELETE' || method === 'PUT')
        .at(-1)?.path ?? '',
    ).not.toContain(name)
    await sweeps()
  })

  test('says what it could not close and exits with 1; the next run closes it', async () => {
    const name = `jit-fff666-${now() - hour}`
    put('nsg-jump01-nic', name)
    azure.fault({ kind: 'forbidden', path: 'securityRules/jit-', method: 'DELETE', times: 1 })
    const first = await sweeps()
    expect(first.code).toBe(1)
    expect(first.said).toMatch(/! still there: jit-fff666-/)
    expect((await sweeps()).code).toBe(0)
    expect(names('nsg-jump01-nic')).toEqual([])
  })

  test('one subscription that cannot be read does not keep the others open', async () => {
    const name = `jit-ggg777-${now() - hour}`
    put('nsg-jump01-nic', name)
    azure.fault({
      kind: 'forbidden',
      path: '^/subscriptions/22222222-[^/]*/providers/Microsoft.Network/networkSecurityGroups',
    })
    const { code, said } = await sweeps()
    expect(code).toBe(1)
    expect(said).toMatch(/! subscription 22222222/)
    expect(names('nsg-jump01-nic')).toEqual([])
  })

  test('needs to read and delete, and nothing else', async () => {
    put('nsg-jump01-nic', `jit-hhh888-${now() - hour}`)
    const since = azure.calls().at(-1)?.seq ?? 0
    await sweeps()
    const actions = new Set(azure.calls(since).map(({ action }) => action))
    expect([...actions].filter((action) => !/\/read$|^$/.test(action))).toEqual([
      'Microsoft.Network/networkSecurityGroups/securityRules/delete',
    ])
  })
})
