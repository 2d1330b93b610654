import type { IncomingMessage, ServerResponse } from 'node:http'
import { promises as timers } from 'node:timers'
import { actionOf } from './actions.ts'
import { handleArm } from './arm.ts'
import type { Answer } from './arm-call.ts'
import { type ArmPath, parseArmPath } from './arm-paths.ts'
import type { Call } from './calls.ts'
import { controlPrefix, handleControl } from './control.ts'
import { graphPrefix, handleGraph } from './entra.ts'
import { isSignIn, signIn } from './entra-tokens.ts'
import { ArmError, badRequest } from './errors.ts'
import { answerOf, refusalOf, type Silence, silenceOf } from './fault-answers.ts'
import type { Simulation } from './simulation.ts'
import { issueToken, isTokenPath } from './token-endpoint.ts'

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

export async function serve(
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

function record({ sim, req, method, path, body }: Incoming, armPath: ArmPath): Call {
  // Neither the token endpoint nor Graph knows the actions of Azure's role system.
  const outside = isTokenPath(path) || path.startsWith(graphPrefix) || isSignIn(path)
  const action = outside ? '' : actionOf(method, armPath)
  const { host, authorization } = req.headers
  const tenant = sim.tokens.claims(authorization)?.tid
  return sim.calls.add({
    time: sim.now(),
    method,
    path,
    action,
    ...(host !== undefined && { host }),
    ...(tenant !== undefined && { tenant }),
    ...(body !== undefined && { body }),
  })
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
  req.setEncoding('utf8')
  let text = ''
  for await (const chunk of req) text += String(chunk)
  return text
}

async function outcomeOf(incoming: Incoming, armPath: ArmPath): Promise<Outcome> {
  const { sim, method, path } = incoming
  let latencyMs = sim.settings.latencyMs
  let skewMs = 0
  const context = { path: armPath, method, now: sim.now(), tokens: sim.tokens }
  let refusal: ArmError | null = null
  let silence: Silence | undefined
  for (const fault of sim.faults.take('arrival', method, path)) {
    if (fault.kind === 'latency') latencyMs += fault.ms
    if (fault.kind === 'clock-skew') skewMs = fault.seconds * 1000
    refusal ??= refusalOf(fault, context)
    silence ??= silenceOf(fault)
  }
  if (latencyMs > 0) await timers.setTimeout(latencyMs)
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
    if (isTokenPath(path)) return issueToken(sim, query, req.headers)
    const base = `https://${req.headers.host ?? 'localhost'}`
    if (isSignIn(path)) return signIn({ sim, path, base, body })
    if (typeof body === 'string')
      throw badRequest(
        'InvalidRequestContent',
        'The request content was invalid and could not be deserialized.',
      )
    if (path.startsWith(graphPrefix)) {
      return handleGraph({ sim, method, path, query, body, authorization: req.headers.authorization })
    }
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
