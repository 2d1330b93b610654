import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { machineEnvironment } from '../../src/config.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { openStore } from '../../src/store/store.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { startTestSimulator } from '../support/simulator.ts'
import { worldPolicy } from '../support/world.ts'

const approvals = 'C0APPROVALS'
const minute = 60_000

/** Two processes of the bot on one PostgreSQL, as they run in production; time is real. */
describe('two replicas', () => {
  let postgres: PostgresServer
  let slack: FakeSlack
  let azure: Simulator
  let folder: string
  let databaseUrl: string
  const replicas: ChildProcess[] = []

  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterAll(() => postgres?.stop())
  afterEach(async () => {
    for (const replica of replicas.splice(0)) {
      replica.kill('SIGCONT')
      replica.kill('SIGKILL')
    }
    await slack.stop()
    await azure.close()
    await rm(folder, { recursive: true, force: true })
  })

  const begin = async () => {
    folder = await mkdtemp(join(tmpdir(), 'jitney-replicas-'))
    await writeFile(join(folder, 'policy.yml'), worldPolicy)
    databaseUrl = await postgres.createDatabase()
    slack = await startFakeSlack()
    for (const [id, name] of Object.entries({
      C0ACCESS: 'access',
      C0APPROVALS: 'approvals',
      C0AUDIT: 'audit',
    })) {
      slack.channel(id, { name })
    }
    slack.group('S0LEADS', 'leads', [])
    azure = await startTestSimulator()
    return {
      robin: slack.person('robin', { id: 'U0ROBIN' }),
      avery: slack.person('avery', { id: 'U0AVERY' }),
      alex: slack.person('alex', { id: 'U0ALEX' }),
    }
  }
  const spawnReplica = () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/main.ts'), 'start'], {
      env: {
        ...machineEnvironment(),
        ...azure.environment,
        SLACK_BOT_TOKEN: slack.botToken,
        SLACK_APP_TOKEN: slack.appToken,
        SLACK_API_URL: slack.apiUrl,
        POLICY_FILE: join(folder, 'policy.yml'),
        DATABASE_URL: databaseUrl,
        PORT: '0',
        LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    replicas.push(child)
    return child
  }
  const socketsEach = 2
  /** Starts so many more replicas at once, and waits until they hear Slack. */
  const moreReplicas = async (count: number) => {
    const all = slack.sockets.open + count * socketsEach
    const started = Array.from({ length: count }, spawnReplica)
    await vi.waitFor(() => expect(slack.sockets.open).toBe(all), { timeout: 60_000, interval: 50 })
    return started
  }
  const anotherReplica = async () => {
    const [child] = await moreReplicas(1)
    if (!child) throw new Error('No replica was started.')
    return child
  }
  const ourRules = () => azure.history().filter(({ rule }) => rule.startsWith('jit-'))
  const standing = () => ourRules().filter(({ to }) => to === null)
  const cards = () => slack.messages(approvals)
  const busyAnswers = () =>
    azure
      .calls()
      .filter(({ path, status }) => /securityRules\//i.test(path) && (status === 429 || status === 409))

  test('share the work: one request a command, one grant an approval, one write at a time in a group', async () => {
    const { robin, avery, alex } = await begin()
    await moreReplicas(2)
    const asked = 12
    for (let count = 0; count < asked; count += 1) {
      await robin.types('/jit', `rdp vm-jump01 ${count + 5}m from 81.2.69.142`, { channel: 'C0ACCESS' })
    }
    await slack.until(() => cards().length === asked, { within: minute })
    // Both approvers click every card at the same instant, and each click goes to either replica.
    await Promise.all(
      cards().flatMap((card) => [avery.clicks(card, 'approve'), alex.clicks(card, 'approve')]),
    )
    await slack.until(() => cards().every((card) => slack.visible(card).startsWith('Open: ')), {
      within: minute,
    })
    expect(standing()).toHaveLength(asked * 2)
    expect(busyAnswers()).toEqual([])
    await Promise.all(cards().map((card) => robin.clicks(card, 'close')))
    await slack.until(() => cards().every((card) => slack.visible(card).startsWith('Closed: ')), {
      within: minute,
    })
    expect(standing()).toEqual([])
    expect(ourRules()).toHaveLength(asked * 2)
    expect(busyAnswers()).toEqual([])
    expect(slack.messages('C0AUDIT').map((line) => Number(/^#(\d+)/.exec(line.text)?.[1]))).toEqual(
      slack.messages('C0AUDIT').map((_line, index) => index + 1),
    )
  }, 240_000)

  test('a replica that is killed leaves its work to the other', async () => {
    const { robin, avery } = await begin()
    const first = await anotherReplica()
    azure.fault({ kind: 'slow-operation', path: 'securityRules/jit-', method: 'PUT', hold: true, times: 1 })
    await robin.types('/jit', 'rdp vm-web01 5m from 81.2.69.142', { channel: 'C0ACCESS' })
    const [card] = await slack.until(() => (cards().length > 0 ? cards() : null), { within: minute })
    if (!card) throw new Error('There is no card.')
    await avery.clicks(card, 'approve')
    await vi.waitFor(() => expect(azure.calls().some(({ method }) => method === 'PUT')).toBe(true), {
      timeout: minute,
    })
    await anotherReplica()
    first.kill('SIGKILL')
    azure.release()
    await slack.until(() => slack.visible(slack.now(card)).startsWith('Open: '), { within: minute })
    expect(standing()).toHaveLength(1)
  }, 240_000)

  test('a replica that is paused in the middle of a write comes back and changes nothing', async () => {
    const { robin, avery } = await begin()
    const first = await anotherReplica()
    azure.fault({ kind: 'slow-operation', path: 'securityRules/jit-', method: 'PUT', hold: true, times: 1 })
    await robin.types('/jit', 'rdp vm-web01 1m from 81.2.69.142', { channel: 'C0ACCESS' })
    const [card] = await slack.until(() => (cards().length > 0 ? cards() : null), { within: minute })
    if (!card) throw new Error('There is no card.')
    await avery.clicks(card, 'approve')
    await vi.waitFor(() => expect(azure.calls().some(({ method }) => method === 'PUT')).toBe(true), {
      timeout: minute,
    })
    first.kill('SIGSTOP')
    await anotherReplica()
    azure.release()
    // The other one takes over when the lease ends, and closes in time.
    await slack.until(
      () =>
        slack.visible(slack.now(card)).startsWith('Closed: ') ||
        slack.visible(slack.now(card)).startsWith('Not opened'),
      { within: 3 * minute },
    )
    expect(standing()).toEqual([])
    // The proof of the close is the last thing that there is to say.
    const proved = () => slack.messages('C0AUDIT').some((line) => /\*closed, verified/.test(line.text))
    await slack.until(proved, { within: minute })
    const lines = slack.messages('C0AUDIT').length
    first.kill('SIGCONT')
    await vi.waitFor(() => expect(slack.sockets.open).toBeGreaterThanOrEqual(4), {
      timeout: minute,
      interval: 100,
    })
    const store = await openStore({ databaseUrl })
    const [found] = await store.grants(['closed'])
    await store.close()
    expect(found?.grant?.state).toBe('closed')
    expect(standing()).toEqual([])
    expect(slack.messages('C0AUDIT').length).toBe(lines)
    expect(new Set(ourRules().map(({ rule }) => rule)).size).toBe(1)
  }, 300_000)
})
