import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Config, ConfigError } from './config.ts'
import { addressPageLine, isAddressPageOn } from './config-address.ts'
import type { Person } from './core/person.ts'
import type { Metrics } from './metrics.ts'
import type { AddressLinks, Names } from './ports.ts'
import { type Progress, webOf } from './readiness.ts'
import { tlsProblems } from './tls-files.ts'
import type { Web, WebParts } from './web/server.ts'

export interface Behind {
  /** Null while the rest is still starting. */
  readonly links: () => AddressLinks | null
  readonly now: () => number
  /** What Slack calls somebody. */
  readonly names?: Names
  readonly metrics: Pick<Metrics, 'forwardedIgnored'>
  readonly log: { readonly warn: (given: { readonly err: unknown }, what: string) => void }
}

const mostNameMs = 1_000

/** A page without a name now is better than one with it later. */
const inTime = (names: Names) => async (person: Person) => {
  const over = new AbortController()
  const late = sleep(mostNameMs, null, { signal: over.signal }).catch(() => null)
  const name = await Promise.race([names.name(person).catch(() => null), late])
  over.abort()
  return name
}

/** What the web part needs for the address page and for TLS, by the configuration. */
export function addressPageOf(config: Config, behind: Behind): Pick<WebParts, 'addressPage' | 'tls'> {
  const { PUBLIC_URL, SLACK_CLIENT_ID, SLACK_CLIENT_SECRET, TLS_CERT_FILE, TLS_KEY_FILE } = config
  const tls = TLS_CERT_FILE && TLS_KEY_FILE ? { certFile: TLS_CERT_FILE, keyFile: TLS_KEY_FILE } : null
  if (!isAddressPageOn(config)) return { addressPage: null, tls }
  const addressPage = {
    publicUrl: PUBLIC_URL ?? '',
    publicUrlV4: config.PUBLIC_URL_V4 ?? null,
    trustedProxies: config.TRUSTED_PROXIES ?? [],
    signIn: {
      issuer: config.SLACK_OPENID_ISSUER,
      clientId: SLACK_CLIENT_ID ?? '',
      clientSecret: SLACK_CLIENT_SECRET ?? '',
    },
    links: behind.links,
    ...(behind.names && { nameOf: inTime(behind.names) }),
    now: behind.now,
    onIgnoredHeader: behind.metrics.forwardedIgnored,
    onTrouble: (what: string, err: unknown) => behind.log.warn({ err }, what),
  }
  return { addressPage, tls }
}

/** Serves from the first moment on; what the page asks comes once the rest has started. */
export async function startServing(
  config: Config,
  progress: Progress,
  behind: Omit<Behind, 'links'> & { readonly metrics: Metrics; readonly log: Logger },
): Promise<Web> {
  const problems = await tlsProblems(config)
  if (problems.length > 0) throw new ConfigError(problems)
  behind.log.info(`address page ${addressPageLine(config)}`)
  const page = addressPageOf(config, { ...behind, links: () => progress.links ?? null })
  return await webOf(config, progress, behind.metrics, page)
}
