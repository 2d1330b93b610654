import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { AccessToken, TokenCredential } from '@azure/identity'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/server.ts'

const trusted = new Set<string>()

/** Makes every TLS connection of this process trust the simulator; NODE_EXTRA_CA_CERTS is read only at start. */
export function trustSimulator(caPem: string): void {
  if (trusted.has(caPem)) return
  trusted.add(caPem)
  setDefaultCACertificates([...getCACertificates('default'), caPem])
}

export async function startTestSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator(options)
  trustSimulator(simulator.caPem)
  return simulator
}

/** A credential that asks the simulator itself, without the token endpoint. */
export function simulatorCredential({ sim }: Simulator, lifetimeSeconds = 3_600): TokenCredential {
  return {
    getToken: (): Promise<AccessToken> => {
      const { token, expiresOn } = sim.tokens.issue(
        'https://management.azure.com',
        lifetimeSeconds,
        sim.now(),
      )
      return Promise.resolve({ token, expiresOnTimestamp: expiresOn * 1000 })
    },
  }
}
