import { rangeOf } from './core/source.ts'
import { isSpan, spansOf } from './core/spans.ts'

/** The variables that the address page, and the port that it is served on, are made of. */
export interface AddressPageVariables {
  readonly PUBLIC_URL?: string | undefined
  readonly PUBLIC_URL_V4?: string | undefined
  readonly SLACK_CLIENT_ID?: string | undefined
  readonly SLACK_CLIENT_SECRET?: string | undefined
  readonly SLACK_OPENID_ISSUER: string
  readonly TRUSTED_PROXIES?: readonly string[] | undefined
  readonly TLS_CERT_FILE?: string | undefined
  readonly TLS_KEY_FILE?: string | undefined
  readonly HOST: string
}

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(host)
const isPlain = (url: string): boolean => new URL(url).protocol === 'http:'
const isHere = (url: string): boolean => isLoopback(new URL(url).hostname)

/** So wide a range is no list of proxies: it would believe strangers. Private ranges of IPv6 are wide. */
function isTooWide(proxy: string): boolean {
  const range = rangeOf(proxy)
  if (!range) return true
  const [base, bits] = range
  return base.kind() === 'ipv4' ? bits < 8 : bits < 16 && spansOf([proxy]).touches('2000::/3')
}

function proxyProblems(proxies: readonly string[]): readonly string[] {
  return proxies.flatMap((proxy) => {
    if (!isSpan(proxy))
      return [
        `TRUSTED_PROXIES: “${proxy}” is not an address or a range such as 10.0.0.0/24, written in full, without leading zeros, and IPv4 as IPv4`,
      ]
    return isTooWide(proxy)
      ? [`TRUSTED_PROXIES: “${proxy}” would believe nearly everybody; name the proxies alone`]
      : []
  })
}

/** Everything but a scheme, a host and a port would be lost on the way, or be shown to everybody. */
function urlProblems({ PUBLIC_URL, PUBLIC_URL_V4 }: AddressPageVariables): readonly string[] {
  const given = { PUBLIC_URL, PUBLIC_URL_V4 }
  const problems = Object.entries(given).flatMap(([name, value]) => {
    if (value === undefined) return []
    const url = new URL(value)
    if (url.username !== '' || url.password !== '')
      return [`${name}: holds a name or a password, which everybody would read; take it out`]
    if (url.pathname === '/' && !/[?#]/.test(value)) return []
    return [`${name}: expected a scheme and a host only, such as ${url.origin}; the page is at /ip/ there`]
  })
  const [first, second] = [PUBLIC_URL, PUBLIC_URL_V4].map((value) => value && new URL(value).hostname)
  return first !== undefined && first === second
    ? [
        ...problems,
        `PUBLIC_URL_V4: is the same host as PUBLIC_URL; give it a name of its own that is reached by IPv4 only, or leave it out`,
      ]
    : problems
}

function plainUrls(variables: AddressPageVariables): readonly string[] {
  return (['PUBLIC_URL', 'PUBLIC_URL_V4', 'SLACK_OPENID_ISSUER'] as const).flatMap((name) => {
    const value = variables[name]
    return value !== undefined && isPlain(value) && !isHere(value)
      ? [`${name}: expected https://, since people sign in by it; http:// is for localhost only`]
      : []
  })
}

/** Without one of these the page would take a proxy's address for the person's, or be read on the way. */
function wayIn(variables: AddressPageVariables): readonly string[] {
  const { HOST, PUBLIC_URL, TLS_CERT_FILE, TRUSTED_PROXIES } = variables
  if (TLS_CERT_FILE !== undefined || (TRUSTED_PROXIES?.length ?? 0) > 0) return []
  if (!isLoopback(HOST))
    return [
      `HOST: the address page is on and ${HOST} can be reached from other computers; set TLS_CERT_FILE and TLS_KEY_FILE, or set TRUSTED_PROXIES to the proxy that speaks TLS, or set HOST=127.0.0.1`,
    ]
  return PUBLIC_URL !== undefined && !isPlain(PUBLIC_URL)
    ? [
        'TRUSTED_PROXIES: PUBLIC_URL is https://, so something on this computer speaks TLS, and without being trusted it would be taken for everybody; set TRUSTED_PROXIES=127.0.0.1/32,::1/128, or TLS_CERT_FILE and TLS_KEY_FILE',
      ]
    : []
}

export const isAddressPageOn = (
  variables: Pick<AddressPageVariables, 'PUBLIC_URL' | 'SLACK_CLIENT_ID' | 'SLACK_CLIENT_SECRET'>,
): boolean =>
  variables.PUBLIC_URL !== undefined &&
  variables.SLACK_CLIENT_ID !== undefined &&
  variables.SLACK_CLIENT_SECRET !== undefined

/** Whether the page is on, and where, or what it lacks. */
export function addressPageLine(variables: Parameters<typeof isAddressPageOn>[0]): string {
  const { PUBLIC_URL, SLACK_CLIENT_ID, SLACK_CLIENT_SECRET } = variables
  if (isAddressPageOn(variables)) return `on at ${PUBLIC_URL?.replace(/\/+$/, '')}/ip/…`
  const missing = Object.entries({ PUBLIC_URL, SLACK_CLIENT_ID, SLACK_CLIENT_SECRET })
    .filter(([, value]) => value === undefined)
    .map(([name]) => name)
  const last = missing.pop() ?? ''
  return `off; to turn it on, set ${missing.length > 0 ? `${missing.join(', ')} and ` : ''}${last}`
}

/** Everything that keeps the address page from working as it must. `PUBLIC_URL` alone only means HTTP mode. */
export function addressPageProblems(variables: AddressPageVariables): readonly string[] {
  const { PUBLIC_URL, PUBLIC_URL_V4, SLACK_CLIENT_ID, SLACK_CLIENT_SECRET } = variables
  const problems = [...proxyProblems(variables.TRUSTED_PROXIES ?? [])]
  if ((variables.TLS_CERT_FILE === undefined) !== (variables.TLS_KEY_FILE === undefined)) {
    const missing = variables.TLS_CERT_FILE === undefined ? 'TLS_CERT_FILE' : 'TLS_KEY_FILE'
    problems.push(`${missing}: is required with the other of TLS_CERT_FILE and TLS_KEY_FILE`)
  }
  if (isAddressPageOn(variables))
    return [...problems, ...urlProblems(variables), ...plainUrls(variables), ...wayIn(variables)]
  if (SLACK_CLIENT_ID === undefined && SLACK_CLIENT_SECRET === undefined) {
    return PUBLIC_URL_V4 === undefined
      ? problems
      : [...problems, 'PUBLIC_URL_V4: needs PUBLIC_URL, SLACK_CLIENT_ID and SLACK_CLIENT_SECRET beside it']
  }
  const needed = { PUBLIC_URL, SLACK_CLIENT_ID, SLACK_CLIENT_SECRET }
  for (const [name, value] of Object.entries(needed)) {
    if (value === undefined)
      problems.push(`${name}: is required for the address page, since the rest of it is set`)
  }
  return problems
}
