import { SecurityCenter } from '@azure/arm-security'
import { policyAt as policyIn } from '../../src/simulator/defender.ts'
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

/** The ports of every request in Defender's own record, in the order in which they were asked for. */
export const jitRecord = (simulator: Simulator) =>
  (policyIn(simulator.sim, policyPath)?.properties.requests ?? []).flatMap(({ virtualMachines }) =>
    virtualMachines.flatMap(({ ports }) => ports),
  )

/** What Defender's policy says of each port, to be changed. */
export const jitPorts = (simulator: Simulator) =>
  (policyIn(simulator.sim, policyPath)?.properties.virtualMachines ?? []).flatMap(({ ports }) => ports)

/** What Defender lets in has no end and no owner that could be read from it. */
export function copyOfAllow(simulator: Simulator, name: string): void {
  const [one] = jitAllows(simulator)
  if (!one) throw new Error('There is no rule.')
  const { name: _, ...properties } = one
  simulator.mutate({
    do: 'put-rule',
    nsg: guardedGroup,
    name,
    properties: { ...properties, priority: properties.priority + 10 },
  })
}

/** A colleague asks in the portal for the same machine and port. */
export const asksInPortal = (simulator: Simulator, source: string, endTimeUtc: Date) =>
  securityClient(simulator).jitNetworkAccessPolicies.initiate(...policyAt, {
    justification: 'asked in the portal by a colleague',
    virtualMachines: [
      { id: guarded, ports: [{ number: 3389, allowedSourceAddressPrefix: source, endTimeUtc }] },
    ],
  })
