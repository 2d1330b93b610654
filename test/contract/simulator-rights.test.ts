import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Simulator } from '../../src/simulator/server.ts'
import {
  armCall,
  groupPath,
  production,
  rulePath,
  startTestSimulator,
  wireCall,
} from '../support/simulator.ts'

let azure: Simulator
beforeAll(async () => {
  azure = await startTestSimulator()
})
afterAll(() => azure.close())

test('what the roles do not grant is refused in Azure’s words, and GET /_sim/calls says what was needed', async () => {
  const role = {
    Name: 'Reader of groups',
    Actions: ['Microsoft.Network/networkSecurityGroups/*'],
    NotActions: ['Microsoft.Network/networkSecurityGroups/securityRules/delete'],
    AssignableScopes: [`/subscriptions/${production}/resourceGroups/rg-ops`],
  }
  expect((await wireCall(azure, 'POST', '/_sim/roles', { body: role })).status).toBe(200)
  expect((await armCall(azure, 'GET', groupPath)).status).toBe(200)
  const removed = await armCall(azure, 'DELETE', rulePath)
  const action = 'Microsoft.Network/networkSecurityGroups/securityRules/delete'
  expect(removed).toMatchObject({
    status: 403,
    body: {
      error: {
        code: 'AuthorizationFailed',
        message: expect.stringContaining(
          `does not have authorization to perform action '${action}' over scope '${rulePath}'`,
        ),
      },
    },
  })
  expect(azure.calls().at(-1)).toMatchObject({ action, status: 403 })
  expect((await armCall(azure, 'GET', groupPath.replace('rg-ops', 'rg-shop'))).status).toBe(403)
  await wireCall(azure, 'DELETE', '/_sim/roles')
  expect((await armCall(azure, 'DELETE', rulePath)).status).toBe(204)
})
