import { NetworkManagementClient } from '@azure/arm-network'
import { ManagedIdentityCredential } from '@azure/identity'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Simulator } from '../../src/simulator/server.ts'
import { production, startTestSimulator } from '../support/simulator.ts'

// The identity library keeps the endpoint and every token for the whole process:
// one simulator for this file, and another audience for every test that must ask again.
let simulator: Simulator
const start = Date.now()

beforeAll(async () => {
  simulator = await startTestSimulator({ now: () => start, identityHeader: 'secret' })
})
afterAll(() => simulator.close())

beforeEach(() => {
  vi.stubEnv('IDENTITY_ENDPOINT', simulator.environment['IDENTITY_ENDPOINT'])
  vi.stubEnv('IDENTITY_HEADER', simulator.environment['IDENTITY_HEADER'])
})
afterEach(() => {
  simulator.clearFaults()
  vi.unstubAllEnvs()
})

function credential(): ManagedIdentityCredential {
  return new ManagedIdentityCredential({ retryOptions: { maxRetries: 0 } })
}

test('a managed identity gets a token that ARM takes', async () => {
  const token = await credential().getToken('https://management.azure.com/.default')
  expect(token.expiresOnTimestamp).toBe((Math.floor(start / 1000) + 86_400) * 1000)
  const client = new NetworkManagementClient(credential(), production, { endpoint: simulator.url })
  const nic = await client.networkInterfaces.get('rg-ops', 'vm-jump01-nic')
  expect(nic.name).toBe('vm-jump01-nic')
})

test('token-lifetime: tokens live as long as the fault says', async () => {
  simulator.fault({ kind: 'token-lifetime', seconds: 30 })
  const token = await credential().getToken('https://one.example/.default')
  expect(token.expiresOnTimestamp).toBe((Math.floor(start / 1000) + 30) * 1000)
})

test('token-endpoint-down: no token, and the credential says so', async () => {
  simulator.fault({ kind: 'token-endpoint-down', status: 503 })
  await expect(credential().getToken('https://two.example/.default')).rejects.toThrow(
    'ManagedIdentityCredential',
  )
  expect(simulator.calls().at(-1)).toMatchObject({ path: '/msi/token', status: 503 })
})

test('token-endpoint-down with times: the next try gets a token', async () => {
  simulator.fault({ kind: 'token-endpoint-down', times: 1 })
  await expect(credential().getToken('https://three.example/.default')).rejects.toThrow('not available')
  const token = await credential().getToken('https://three.example/.default')
  expect(token.token).toMatch(/^ey/)
})

test('a fault without a path leaves the token endpoint alone; one that names it strikes', async () => {
  simulator.fault({ kind: 'server-error', status: 400 })
  await expect(credential().getToken('https://five.example/.default')).resolves.toHaveProperty('token')
  simulator.fault({ kind: 'server-error', status: 400, path: '^/msi/token' })
  await expect(credential().getToken('https://six.example/.default')).rejects.toThrow()
})

test('a wrong identity header gets no token', async () => {
  simulator.sim.settings.identityHeader = 'another'
  await expect(credential().getToken('https://four.example/.default')).rejects.toThrow('X-IDENTITY-HEADER')
})
