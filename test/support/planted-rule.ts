import type { Simulator } from '../../src/simulator/server.ts'

/** What is written in place of what a rule of ours says that nobody asked for. */
interface Planted {
  readonly description?: string
  readonly priority?: number
  readonly sourceAddressPrefix?: string
}

/** Somebody writes a rule by hand, in the way of ours unless told otherwise: it opens ssh to everybody. */
export const plant = (azure: Simulator, nsg: string, name: string, but: Planted = {}): void =>
  azure.mutate({
    do: 'put-rule',
    nsg,
    name,
    properties: {
      description: 'jitney request zzz for U1',
      priority: 3400,
      direction: 'Inbound',
      access: 'Allow',
      protocol: 'Tcp',
      sourceAddressPrefix: '*',
      sourcePortRange: '*',
      destinationAddressPrefix: '*',
      destinationPortRange: '22',
      ...but,
    },
  })
