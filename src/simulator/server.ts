import { mkdtempSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { handleArm } from './arm.ts'
import type { Answer } from './arm-call.ts'
import { type ArmPath, actionOf, parseArmPath } from './arm-paths.ts'
import type { Call } from './calls.ts'
import { type Certificate, makeCertificate } from './certificate.ts'
import { controlPrefix, handleControl } from './control.ts'
import { demoWorld } from './demo-world.ts'
import { ArmError, badRequest } from './errors.ts'
import { answerOf, refusalOf, type Silence, silenceOf } from './fault-answers.ts'
import { type Settings, Simulation } from './simulation.ts'
import { issueToken, tokenPath } from './token-endpoint.ts'
import type { World } from './world.ts'

export interface SimulatorOptions extends Partial<Settings> {
  /** 0, the default, takes any free port. */
  port?: number
  world?: World
  /** Where to write the certificate authority's PEM; a new temporary file when left out. */
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
  env: Record<string, string>
  sim: Simulation
  close: () => Promise<void>
}

const defaults: Settings = {
  latencyMs: 0,
  operationMs: 0,
  operationPolls: 0,
  buckets: false,
  tokenLifetimeSeconds: 86_400,
  whileBusy: 'retryable',
  identityHeader: 'simulated-identity',
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
  const server = createServer(
    { key: certificate.key, cert: certificate.cert, keepAlive: true },
    (req, res) => {
      void serve(sim, req, res, log)
    },
  )
  const bound = await listen(server, port)
  const file = caFile ?? join(mkdtempSync(join(tmpdir(), 'simulated-azure-')), 'ca.pem')
  writeFileSync(file, certificate.caPem)
  const url = `https://localhost:${bound}`
  return {
    url,
    port: bound,
    caFile: file,
    caPem: certificate.caPem,
    certificate,
    env: {
      AZURE_RESOURCE_MANAGER_URL: url,
      AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
      IDENTITY_ENDPOINT: `${url}${tokenPath}`,
      IDENTITY_HEADER: sim.settings.identityHeader,
      NODE_EXTRA_CA_CERTS: file,
    },
    sim,
    close: () => close(server),
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

/** One call, as far as it is understood before anybody looks at what it asks for. */
interface Incoming {
  sim: Simulation
  req: IncomingMessage
  method: string
  path: string
  query: URLSearchParams
  body: unknown
}

interface Outcome {
  answer?: Answer
  silence?: Silence
  skewMs: number
}

async function serve(
  sim: Simulation,
  req: IncomingMessage,
  res: ServerResponse,
  log: ((line: string) => void) | undefined,
): Promise<void> {
  try {
    const incoming = await read(sim, req)
    if (incoming.path.startsWith(controlPrefix)) {
      write(res, handleControl(incoming), sim.now())
      return
    }
    const armPath = parseArmPath(incoming.path)
    const call = record(incoming, armPath)
    const outcome = await outcomeOf(incoming, armPath)
    if (outcome.silence === 'drop') req.socket.destroy()
    if (outcome.answer && !outcome.silence) {
      call.status = outcome.answer.status
      write(res, outcome.answer, sim.now() + outcome.skewMs)
    }
    log?.(`${call.method} ${call.path} ${call.status ?? outcome.silence ?? ''}`)
  } catch (error) {
    log?.(`500 ${String(error)}`)
    if (res.headersSent || res.destroyed) res.destroy()
    else write(res, answerOf(new ArmError(500, 'InternalServerError', String(error))), sim.now())
  }
}

function record({ sim, method, path, body }: Incoming, armPath: ArmPath): Call {
  const action = path === tokenPath ? '' : actionOf(method, armPath)
  return sim.calls.add({ time: sim.now(), method, path, action, ...(body !== undefined && { body }) })
}

async function read(sim: Simulation, req: IncomingMessage): Promise<Incoming> {
  const url = req.url ?? '/'
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))
  const method = req.method ?? 'GET'
  const text = method === 'GET' ? '' : await bodyText(req)
  return { sim, req, method, path, query, body: text === '' ? undefined : parsed(text) }
}

/** A body that is no JSON stays text, so that the handler refuses it in Azure's way. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

async function bodyText(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

async function outcomeOf(incoming: Incoming, armPath: ArmPath): Promise<Outcome> {
  const { sim, method, path } = incoming
  let latencyMs = sim.settings.latencyMs
  let skewMs = 0
  const context = { path: armPath, method, now: sim.now(), tokens: sim.tokens }
  let refusal: ArmError | undefined
  let silence: Silence | undefined
  for (const fault of sim.faults.take('arrival', method, path)) {
    if (fault.kind === 'latency') latencyMs += fault.ms
    if (fault.kind === 'clock-skew') skewMs = fault.seconds * 1000
    refusal ??= refusalOf(fault, context)
    silence ??= silenceOf(fault)
  }
  if (latencyMs > 0) await sleep(latencyMs)
  if (silence) return { silence, skewMs }
  if (refusal) return { answer: answerOf(refusal), skewMs }
  const answer = handled(incoming, armPath)
  if (answer.status >= 400) return { answer, skewMs }
  for (const fault of sim.faults.take('answer', method, path)) {
    silence ??= silenceOf(fault)
    refusal ??= refusalOf(fault, context)
  }
  return { answer: refusal ? answerOf(refusal) : answer, skewMs, ...(silence && { silence }) }
}

function handled({ sim, req, method, path, query, body }: Incoming, armPath: ArmPath): Answer {
  try {
    if (path === tokenPath) return issueToken(sim, query, req.headers['x-identity-header']?.toString())
    if (typeof body === 'string')
      throw badRequest(
        'InvalidRequestContent',
        'The request content was invalid and could not be deserialized.',
      )
    const base = `https://${req.headers.host ?? 'localhost'}`
    return handleArm({ sim, method, path: armPath, query, headers: req.headers, body, base })
  } catch (error) {
    if (error instanceof ArmError) return answerOf(error)
    throw error
  }
}

function write(res: ServerResponse, { status, body, headers = {} }: Answer, date: number): void {
  const id = crypto.randomUUID()
  const text = body === undefined ? '' : JSON.stringify(body)
  res.writeHead(status, {
    Date: new Date(date).toUTCString(),
    'x-ms-request-id': id,
    'x-ms-correlation-request-id': id,
    'Cache-Control': 'no-cache',
    ...(text !== '' && { 'Content-Type': 'application/json; charset=utf-8' }),
    ...(status !== 204 && { 'Content-Length': String(Buffer.byteLength(text)) }),
    ...headers,
  })
  res.end(text)
}
