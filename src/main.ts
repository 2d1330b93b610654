import { parseArgs } from 'node:util'

interface Command {
  readonly summary: string
  /** Answers the exit code: 0 done, 1 a check failed or something was found, 2 wrong use or wrong configuration. */
  readonly run: (args: readonly string[]) => Promise<number>
  /** It answers `--help` itself. */
  readonly ownHelp?: true
}

class UsageError extends Error {}

const say = (text: string) => process.stdout.write(`${text}\n`)
const complain = (text: string) => process.stderr.write(`${text}\n`)

/** Resolves when somebody asks the process to stop. */
const stopAsked = () =>
  new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })

function noArguments(args: readonly string[]): void {
  if (args.length > 0)
    throw new UsageError(`“${args.join(' ')}” is not understood here; this command takes nothing.`)
}

async function start(args: readonly string[]): Promise<number> {
  noArguments(args)
  const { readConfig } = await import('./config.ts')
  const { startApp } = await import('./app.ts')
  const stop = stopAsked()
  const app = await startApp(readConfig())
  await stop
  await app.stop()
  return 0
}

async function demo(args: readonly string[]): Promise<number> {
  noArguments(args)
  const { readDemoPorts } = await import('./config.ts')
  const { DemoError, demoLines, startDemo } = await import('./demo.ts')
  const stop = stopAsked()
  try {
    const running = await startDemo(readDemoPorts())
    say(demoLines(running))
    const failure = await Promise.race([stop, running.failed])
    if (typeof failure === 'string') complain(`${failure} Its output is in ${running.logFile}.`)
    else await running.close()
    return typeof failure === 'string' ? 1 : 0
  } catch (error) {
    if (!(error instanceof DemoError)) throw error
    complain(error.message)
    return 1
  }
}

async function simulateAzure(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '3443' },
      world: { type: 'string' },
      latency: { type: 'string', default: '0' },
    },
  })
  const [port, latencyMs] = [Number(values.port), Number(values.latency)]
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError(`--port ${values.port}: expected 0 to 65535.`)
  if (!(latencyMs >= 0))
    throw new UsageError(`--latency ${values.latency}: expected milliseconds, 0 or more.`)
  const { loadWorld, startSimulator } = await import('./simulator/server.ts')
  const world = values.world === undefined ? {} : { world: loadWorld(values.world) }
  const stop = stopAsked()
  const simulator = await startSimulator({ port, latencyMs, ...world })
  say(`Simulated Azure at ${simulator.url}`)
  say(`Certificate authority: ${simulator.caFile}`)
  for (const [name, value] of Object.entries(simulator.environment)) say(`${name}=${value}`)
  await stop
  await simulator.close()
  return 0
}

async function policy(args: readonly string[]): Promise<number> {
  const { policyUse, runPolicy } = await import('./run-policy.ts')
  if (args.includes('--help')) {
    say(`Use:\n\n${policyUse}`)
    return 0
  }
  const { readPolicyFile, readSlackLookup } = await import('./config.ts')
  return runPolicy(args, {
    defaultFile: readPolicyFile(),
    now: Date.now(),
    // Only a check looks people up, so nothing else stumbles over a bad token.
    slack: args[0] === 'check' ? readSlackLookup() : null,
    say,
    complain,
  })
}

async function sweep(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { once: { type: 'boolean', default: false }, 'dry-run': { type: 'boolean', default: false } },
  })
  const { readAzureConfig } = await import('./config.ts')
  const { runSweep } = await import('./run-sweep.ts')
  const over = new AbortController()
  void stopAsked().then(() => over.abort())
  return runSweep(readAzureConfig(), {
    once: values.once,
    dryRun: values['dry-run'],
    stop: over.signal,
    say,
    complain,
  })
}

async function doctor(args: readonly string[]): Promise<number> {
  noArguments(args)
  const { readConfig } = await import('./config.ts')
  const { runDoctor } = await import('./run-doctor.ts')
  return runDoctor(readConfig(), { say })
}

async function migrate(args: readonly string[]): Promise<number> {
  noArguments(args)
  const { readDatabaseConfig } = await import('./config.ts')
  const { migrateDatabase } = await import('./open-database.ts')
  const applied = await migrateDatabase(readDatabaseConfig())
  say(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The database is up to date.')
  return 0
}

const commands: Readonly<Record<string, Command>> = {
  start: { summary: 'run the bot: Slack, timers, web', run: start },
  demo: { summary: 'try it: a local Slack workspace, a simulated Azure and the bot', run: demo },
  'simulate-azure': {
    summary: 'the simulated Azure alone: [--port 3443] [--world FILE] [--latency MS]',
    run: simulateAzure,
  },
  policy: {
    summary: 'check, explain or test a policy (policy --help says how)',
    run: policy,
    ownHelp: true,
  },
  sweep: {
    summary: 'close every rule of ours that is past its end: [--once] [--dry-run]',
    run: sweep,
  },
  doctor: {
    summary: 'check tokens, rights, database, policy and clocks; it writes nothing',
    run: doctor,
  },
  migrate: { summary: 'apply database migrations and exit', run: migrate },
}

const help = () =>
  [
    'Jitney: just-in-time network access to Azure VMs, from Slack.',
    '',
    'Use: npx node src/main.ts <command>, with any Node from 24 as it is',
    '',
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`),
    '',
    'Exit code: 0 done, 1 a check failed or something was found, 2 wrong use or wrong configuration.',
  ].join('\n')

const isUsage = (error: unknown): error is Error =>
  error instanceof UsageError ||
  (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))

async function main([name, ...args]: readonly string[]): Promise<number> {
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
  const helps = name === 'help' || name === '--help' || (args.includes('--help') && !command?.ownHelp)
  if (name === undefined || helps) {
    say(help())
    return name === undefined ? 2 : 0
  }
  if (!command) {
    complain(`There is no command “${name}”.\n\n${help()}`)
    return 2
  }
  try {
    return await command.run(args)
  } catch (error) {
    if (isUsage(error)) complain(error.message)
    else if (error instanceof Error && error.name === 'ConfigError') complain(error.message)
    else throw error
    return 2
  }
}

process.exitCode = await main(process.argv.slice(2))
