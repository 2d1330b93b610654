/** The least that closes rules: a loop around the same SDK client that the bot has. */
import { setTimeout as wait } from 'node:timers/promises'
import { connectArm } from '../../src/azure/arm.ts'
import { expectType, nsgType } from '../../src/azure/resource-id.ts'
import { readConfig } from '../../src/config.ts'
import { serve } from './part.ts'

interface Target {
  readonly nsgId: string
  readonly name: string
}

export interface BareDeletesPart {
  readonly given: { readonly atOnce: number }
  readonly facts: null
  readonly orders: {
    /** Sends one DELETE for each and answers when the first one was due. */
    readonly remove: (targets: readonly Target[]) => Promise<number>
  }
}

await serve<BareDeletesPart>(async ({ atOnce }) => {
  const config = readConfig()
  const arm = connectArm({
    clock: { now: () => Date.now(), sleep: (ms) => wait(ms) },
    endpoint: config.AZURE_RESOURCE_MANAGER_URL,
    identity: {
      tokenCredentials: config.AZURE_TOKEN_CREDENTIALS,
      identityEndpoint: config.IDENTITY_ENDPOINT,
    },
  })
  const send = async ({ nsgId, name: ruleName }: Target) => {
    const { subscriptionId, resourceGroup, name } = expectType(nsgId, nsgType)
    await arm.network(subscriptionId).securityRules.delete(resourceGroup, name, ruleName).submitted()
  }
  return {
    facts: null,
    orders: {
      remove: async (targets) => {
        // The token and the code are there before the moment comes, as they are in a bot that runs.
        await arm.get('/subscriptions?api-version=2022-12-01')
        const dueAt = Date.now()
        const rest = targets.values()
        const line = async () => {
          for (const target of rest) await send(target)
        }
        await Promise.all(Array.from({ length: atOnce }, line))
        return dueAt
      },
    },
  }
})
