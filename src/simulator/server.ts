import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Call } from './calls.ts'
import { type Certificate, makeCertificate } from './certificate.ts'
import type { Change } from './changes.ts'
import { type FlowAnswer, type FlowQuestion, flow, historyOf, releaseHeld, rulesOf } from './control.ts'
import { demoWorld } from './demo-world.ts'
import type { ArmedFault, Fault } from './faults.ts'
import { applyChange, findGroup } from './hand.ts'
import type { RuleVersion } from './security-groups.ts'
import { serve } from './serving.ts'
import { type Settings, Simulation } from './simulation.ts'
import { tokenPath } from './token-endpoint.ts'
import type { RuleProperties, World } from './world.ts'

export { loadWorld } from './world.ts'

export interface SimulatorOptions extends Partial<Settings> {
  /** 0, the default, takes any free port. */
  port?: number
  world?: World
  /** Where to write the certificate authority's PEM; a temporary file, gone after `close`, when left out. */
  caFile?: string
  /** That of an earlier simulator, so that clients go on trusting a restarted one. */
  certificate?: Certificate
  /** The clock in milliseconds; tests set it by hand. */
  now?: () => number
  log?: (line: string) => void
}

export interface Simulator {
  url: string
  port: number
  caFile: string
  caPem: string
  certificate: Certificate
  /** What a process needs in its environment to reach this Azure through the real SDKs. */
  environment: Record<string, string>
  /** All of its state; the functions below are the usual ways to look at it and to bend it. */
  sim: Simulation
  calls: (since?: number) => Call[]
  fault: (fault: Fault) => ArmedFault
  clearFaults: () => void
  release: (path?: string) => string[]
  mutate: (change: Change) => void
  flow: (question: FlowQuestion) => FlowAnswer
  history: (nsg?: string) => RuleVersion[]
  rules: (nsg: string) => Record<string, RuleProperties>
  /** How often the open connections of a group were judged anew. */
  flushes: (nsg: string) => number
  /** The world as it is now, to start another simulator with. */
  world: () => World
  close: () => Promise<void>
}

const defaults: Settings = {
  latencyMs: 0,
  operationMs: 0,
  operationPolls: 0,
  buckets: false,
  tokenLifetimeSeconds: 86_400,
  whileBusy: 'retryable',
  identityHeader: '',
  flushConnection: false,
  jitOpenMs: 5_000,
  jitCloseMs: 2_000,
  jitGroups: 'all',
  jitRulePerPort: true,
  jitSupersedes: 'port',
}

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const {
    port = 0,
    world = demoWorld(),
    caFile,
    certificate: given,
    now = Date.now,
    log,
    ...settings
  } = options
  const certificate = given ?? (await makeCertificate())
  const sim = new Simulation(world, { ...defaults, ...settings }, now)
  const server = createServer({ key: certificate.key, cert: certificate.cert }, (req, res) => {
    void serve(sim, req, res, log)
  })
  // A client that keeps its connections must not meet one that closes at the very moment of its call.
  server.keepAliveTimeout = 120_000
  const bound = await listen(server, port)
  const folder = caFile === undefined ? mkdtempSync(join(tmpdir(), 'simulated-azure-')) : undefined
  const file = caFile ?? join(folder ?? '', 'ca.pem')
  writeFileSync(file, certificate.caPem)
  const url = `https://localhost:${bound}`
  return {
    ...handles(sim),
    url,
    port: bound,
    caFile: file,
    caPem: certificate.caPem,
    certificate,
    environment: environment(url, file, sim.settings.identityHeader),
    sim,
    close: async () => {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
      await close(server)
    },
  }
}

function environment(url: string, caFile: string, identityHeader: string): Record<string, string> {
  return {
    AZURE_RESOURCE_MANAGER_URL: url,
    GRAPH_URL: url,
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
    IDENTITY_ENDPOINT: `${url}${tokenPath}`,
    IDENTITY_HEADER: identityHeader || 'simulated-identity',
    NODE_EXTRA_CA_CERTS: caFile,
  }
}

function handles(sim: Simulation) {
  return {
    calls: (since?: number) => sim.calls.list(since),
    fault: (fault: Fault) => sim.faults.add(fault),
    clearFaults: () => sim.faults.clear(),
    release: (path?: string) => releaseHeld(sim, path),
    mutate: (change: Change) => applyChange(sim, change),
    flow: (question: FlowQuestion) => flow(sim, question),
    history: (nsg?: string) => historyOf(sim, nsg),
    rules: (nsg: string) => rulesOf(sim, nsg),
    flushes: (nsg: string) => findGroup(sim, nsg).flushes,
    world: () => sim.world(),
  }
}

async function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', () => {
    const address = server.address()
    resolve(typeof address === 'object' && address ? address.port : port)
  })
  return promise
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeAllConnections()
  return promise
}
