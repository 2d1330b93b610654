import { SecurityCenter } from '@azure/arm-security'
import type { Simulator } from '../../src/simulator/server.ts'
import { production, simulatorCredential } from './simulator.ts'

export const rgShop = `/subscriptions/${production}/resourceGroups/rg-shop`
export const guarded = `${rgShop}/providers/Microsoft.Compute/virtualMachines/vm-mdc01`
/** Where the policy of the demo's world is: resource group, region and name, as the SDK's calls take them. */
export const policyAt = ['rg-shop', 'westeurope', 'default'] as const
export const policyPath = `${rgShop}/providers/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default`
export const guardedGroup = 'nsg-mdc01-nic'

/** The real client of Defender for Cloud; it does not retry, so that a test sees each answer. */
export const securityClient = (simulator: Simulator): SecurityCenter =>
  new SecurityCenter(simulatorCredential(simulator), production, {
    endpoint: simulator.url,
    retryOptions: { maxRetries: 0 },
  })

/** The rules that let somebody in and that Defender wrote. */
export const jitAllows = (simulator: Simulator, group = guardedGroup) =>
  Object.entries(simulator.rules(group)).flatMap(([name, rule]) =>
    name.startsWith('MicrosoftDefenderForCloud-JITRule-') ? [{ name, ...rule }] : [],
  )
