import type { Config } from './config.ts'
import { isAddressPageOn } from './config-address.ts'
import type { Metrics } from './metrics.ts'
import type { AddressLinks } from './ports.ts'
import type { WebParts } from './web/server.ts'

interface Behind {
  /** Null while the rest is still starting. */
  readonly links: () => AddressLinks | null
  readonly now: () => number
  readonly metrics: Pick<Metrics, 'forwardedIgnored'>
  readonly log: { readonly warn: (given: { readonly err: unknown }, what: string) => void }
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
    now: behind.now,
    onIgnoredHeader: behind.metrics.forwardedIgnored,
    onTrouble: (what: string, err: unknown) => behind.log.warn({ err }, what),
  }
  return { addressPage, tls }
}
