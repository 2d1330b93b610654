import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readConfig } from '../../src/config.ts'
import { runDoctor } from '../../src/run-doctor.ts'
import { makeCertificate } from '../../src/simulator/certificate.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { neededScopes } from '../../src/slack/examination.ts'
import { peopledWorld } from '../support/access.ts'
import { deployRole, heldRole } from '../support/deploy-roles.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import { production, signingIn, staging, startTestSimulator } from '../support/simulator.ts'
import { customer, home, tenantsWorld } from '../support/tenants.ts'
import { worldPolicy } from '../support/world.ts'

const main = join(import.meta.dirname, '../../src/main.ts')
const nsgRole = await heldRole('role-nsg')

describe('doctor', () => {
  let azure: Simulator
  let slack: FakeSlack
  let folder: string
  beforeAll(async () => {
    slack = await startFakeSlack({ now: () => Date.now() })
  })
  afterAll(() => slack.stop())
  beforeEach(async () => {
    slack.heal()
    folder = await mkdtemp(join(tmpdir(), 'jitney-doctor-'))
    await writeFile(join(folder, 'policy.yml'), worldPolicy)
    azure = await startTestSimulator({ world: { ...peopledWorld(), roles: [nsgRole] } })
  })
  afterEach(async () => {
    await azure.close()
    await rm(folder, { recursive: true, force: true })
  })

  const environment = (more: Record<string, string> = {}) => ({
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_API_URL: slack.apiUrl,
    POLICY_FILE: join(folder, 'policy.yml'),
    DATA_DIR: join(folder, 'data'),
    AZURE_RESOURCE_MANAGER_URL: azure.url,
    GRAPH_URL: azure.url,
    ...more,
  })
  const examines = async (more: Record<string, string> = {}) => {
    const said: string[] = []
    const code = await runDoctor(readConfig(environment(more)), {
      say: (text) => said.push(text.replaceAll(folder, '…')),
      credential: signingIn(azure),
    })
    return { code, said: said.join('\n') }
  }

  test('finds nothing wrong where nothing is, writes nothing, and says what it looked at', async () => {
    const { code, said } = await examines({ ENTRA_LOOKUP: 'on' })
    expect(said).not.toMatch(/^BAD/m)
    expect(code).toBe(0)
    expect(said.split('\n')).toEqual(
      expect.arrayContaining([
        'ok    Configuration: every variable is as it should be',
        'note  Address page: off; to turn it on, set PUBLIC_URL, SLACK_CLIENT_ID and SLACK_CLIENT_SECRET',
        'ok    Policy: …/policy.yml, 3 rules',
        'ok    Database: the embedded one in …/data, which the first start makes',
        'ok    Slack: signed in as jitney in Example',
        'ok    Slack: every scope of the manifest',
        'ok    Slack: the app token may open Socket Mode',
        'ok    Azure: signed in to the identity’s own tenant, which shows 2 subscriptions',
        'ok    Production (7 VMs): every right that is needed to open and close',
        'ok    Production (7 VMs): a Network Watcher in every region that has VMs',
        'ok    Production (7 VMs): 1 JIT policy of Defender for Cloud; its plan is Standard P2',
        'ok    Production (7 VMs): no lock',
        'ok    JIT policies that Resource Graph shows: resources: 0, securityresources: 0',
        'ok    Entra: User.Read.All is granted',
        'ok    Entra: GroupMember.Read.All is granted',
        'ok    Clocks: this machine’s agrees with Azure’s',
        'Nothing is wrong.',
      ]),
    )
    const writes = azure.calls().filter(({ method, action }) => method !== 'GET' && !action.endsWith('/read'))
    expect(writes.filter(({ path }) => !path.endsWith('/checkMemberGroups'))).toEqual([])
    expect(await readdir(folder)).toEqual(['policy.yml'])
  })

  test('says where the address page is, and what keeps the bot from starting with its TLS files', async () => {
    const { cert, key } = await makeCertificate()
    await writeFile(join(folder, 'cert.pem'), cert)
    await writeFile(join(folder, 'key.pem'), key)
    const page = {
      PUBLIC_URL: 'https://jit.example',
      SLACK_CLIENT_ID: '1.2',
      SLACK_CLIENT_SECRET: 'secret',
      TLS_CERT_FILE: join(folder, 'cert.pem'),
      TLS_KEY_FILE: join(folder, 'key.pem'),
    }
    const { code, said } = await examines(page)
    expect(code).toBe(0)
    expect(said).toContain('ok    Address page: on at https://jit.example/ip/…')
    const wrong = await examines({ ...page, TLS_KEY_FILE: join(folder, 'nothing.pem') })
    expect(wrong.code).toBe(1)
    expect(wrong.said).toContain(
      'BAD   Configuration: TLS_KEY_FILE: …/nothing.pem cannot be read: there is no such file',
    )
    expect(wrong.said).not.toContain('every variable is as it should be')
  })

  test('names each right that is missing, where, what is lost, and which role to assign', async () => {
    const lacksWrite = nsgRole.Actions.filter((each) => !/securityRules\/write|ipFlowVerify/.test(each))
    azure.sim.roles = [
      { ...nsgRole, AssignableScopes: [`/subscriptions/${production}`] },
      { Actions: lacksWrite, AssignableScopes: [`/subscriptions/${staging}`] },
    ]
    const { code, said } = await examines()
    expect(code).toBe(1)
    expect(said).toMatch(
      /^BAD {3}Staging \(2 VMs\): not allowed: Microsoft\.Network\/networkSecurityGroups\/securityRules\/write\n.*deploy\/role-nsg\.json/m,
    )
    expect(said).toMatch(
      /^note {2}Staging \(2 VMs\): without .*ipFlowVerify\/action, access is told as “not verified”/m,
    )
    expect(said).toMatch(/^ok {4}Production \(7 VMs\): every right/m)
    expect(said).toMatch(/1 check failed\.$/)
  })

  test('an exception of the role takes a right away, and another role gives it back', async () => {
    azure.sim.roles = [{ Actions: ['*'], NotActions: ['Microsoft.Network/*/delete'] }]
    expect((await examines()).said).toMatch(
      /not allowed: Microsoft\.Network\/networkSecurityGroups\/securityRules\/delete/,
    )
    azure.sim.roles.push({ Actions: ['microsoft.network/networksecuritygroups/securityrules/*'] })
    expect((await examines()).code).toBe(0)
  })

  test('a role on a resource group counts there, and the groups that are left out are named', async () => {
    const reads = nsgRole.Actions.filter((each) => each.endsWith('/read'))
    azure.sim.roles = [
      { Actions: reads },
      {
        ...nsgRole,
        AssignableScopes: [`/subscriptions/${production}/resourceGroups/rg-ops`, `/subscriptions/${staging}`],
      },
    ]
    const { code, said } = await examines()
    expect(code).toBe(1)
    expect(said).toMatch(
      /^BAD {3}Production \(7 VMs\) in the resource groups rg-shop: not allowed: .*securityRules\/write/m,
    )
    expect(said).toMatch(/^ok {4}Staging/m)
  })

  test('tells of a region without a watcher, and of locks', async () => {
    const watcher = `/subscriptions/${staging}/resourceGroups/NetworkWatcherRG/providers/Microsoft.Network/networkWatchers/NetworkWatcher_northeurope`
    azure.mutate({ do: 'delete', id: watcher })
    azure.mutate({
      do: 'lock',
      scope: `/subscriptions/${production}/resourceGroups/rg-ops`,
      level: 'CanNotDelete',
    })
    const { code, said } = await examines()
    expect(code).toBe(0)
    expect(said).toMatch(
      /^note {2}Staging .*no Network Watcher in northeurope.*\n.*az network watcher configure/m,
    )
    expect(said).toMatch(
      /^note {2}Production .*opened but not removed under .*rg-ops, because of a CanNotDelete lock/m,
    )
  })

  test('says of each tenant whether it can be read', async () => {
    await azure.close()
    azure = await startTestSimulator({ world: { ...tenantsWorld(), closedTenants: [customer] } })
    const { code, said } = await examines({
      AZURE_TENANT_ID: home,
      AZURE_TENANT_IDS: customer,
      AZURE_CLIENT_ID: 'a',
      AZURE_CLIENT_SECRET: 'b',
    })
    expect(code).toBe(1)
    expect(said).toMatch(new RegExp(`^BAD {3}Azure: tenant ${customer} cannot be read: .*AADSTS700016`, 'm'))
    expect(said).toMatch(/^ok {4}Delegated \(1 VM\): every right/m)
  })

  test.each([
    [
      'Azure gives no token',
      async () => void azure.fault({ kind: 'token-endpoint-down' }),
      /^BAD {3}Azure: .*no token/m,
    ],
    [
      'Azure’s clock is another',
      async () => void azure.fault({ kind: 'clock-skew', seconds: 120 }),
      /^BAD {3}Clocks: Azure’s clock is 1\d\d s ahead/m,
    ],
    [
      'the policy has a mistake',
      () => writeFile(join(folder, 'policy.yml'), 'version: 2\n'),
      /^BAD {3}Policy: …\/policy\.yml:1:\d+: /m,
    ],
    [
      'Slack refuses the token',
      async () => slack.fault({ kind: 'error', error: 'invalid_auth', method: 'auth.test' }),
      /^BAD {3}Slack: Slack answered auth\.test with invalid_auth/m,
    ],
  ])('fails where %s', async (_name, spoil, words) => {
    await spoil()
    const { code, said } = await examines()
    expect(said).toMatch(words)
    expect(code).toBe(1)
  })

  test('names the scopes that the token lacks, and knows those of the manifest', async () => {
    const manifest = parse(await readFile(new URL('../../manifest.yml', import.meta.url), 'utf8'))
    expect(new Set(Object.keys(neededScopes))).toEqual(new Set(manifest.oauth_config.scopes.bot))
    slack.scopes.delete('usergroups:read')
    try {
      const { code, said } = await examines()
      expect(said).toMatch(/^BAD {3}Slack: the token lacks usergroups:read \(who is in a group/m)
      expect(code).toBe(1)
    } finally {
      slack.scopes.add('usergroups:read')
    }
  })

  const runs = async (env: Record<string, string>) => {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, 'doctor'], {
        cwd: folder,
        env,
      })
      return { code: 0, text: stdout + stderr }
    } catch (error) {
      const { code, stdout, stderr }: { code?: unknown; stdout?: unknown; stderr?: unknown } = Object(error)
      return { code, text: `${String(stdout)}${String(stderr)}` }
    }
  }

  test('as a command: 0 where all is well, 1 where a check failed, 2 for a wrong configuration', async () => {
    await writeFile(join(folder, 'ca.pem'), azure.caPem)
    await mkdir(join(folder, 'data'))
    const env = { ...azure.environment, ...environment(), NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }
    const well = await runs(env)
    expect(well.text).toMatch(/Nothing is wrong\.\n$/)
    expect(well.code).toBe(0)
    const spoiled = await runs({ ...env, POLICY_FILE: join(folder, 'none.yml') })
    expect(spoiled.text).toMatch(/^BAD {3}Policy: .*the file cannot be read/m)
    expect(spoiled.code).toBe(1)
    const wrong = await runs({ ...env, SLACK_BOT_TOKEN: 'abc', AZURE_CLOUD: 'mars' })
    expect(wrong.text).toMatch(/SLACK_BOT_TOKEN: .*\n.*AZURE_CLOUD: /)
    expect(wrong.code).toBe(2)
    expect(await readdir(join(folder, 'data'))).toEqual([])
  }, 120_000)

  test('needs only rights that the bot has anyhow', async () => {
    await examines()
    const { Actions } = await deployRole('role-nsg')
    const used = new Set(azure.calls().flatMap(({ action }) => (action === '' ? [] : [action])))
    expect([...used].filter((action) => !Actions.includes(action))).toEqual([])
    expect(azure.calls().filter(({ status }) => status === 403)).toEqual([])
  })
})
