import { createHash, randomBytes } from 'node:crypto'
import { freePort } from '../../demo/ports.ts'
import { addressPageOf } from '../../src/address-page.ts'
import { readConfig } from '../../src/config.ts'
import { type AddressLink, linkLifeMs } from '../../src/core/address-link.ts'
import { parseAddress } from '../../src/core/source.ts'
import { createMetrics, nothingYet } from '../../src/metrics.ts'
import type { AddressLinks, Names } from '../../src/ports.ts'
import { startWeb } from '../../src/web/server.ts'
import { client, type OpenId, type SlackUser, startOpenId } from './openid.ts'
import { Visitor } from './visitor.ts'

export const robin: SlackUser = { userId: 'U0ROBIN', teamId: 'T0TEAM', name: 'Robin Okafor' }
export const mallory: SlackUser = { userId: 'U0MALLORY', teamId: 'T0TEAM', name: 'Mallory Stone' }
/** The same user id in another team. */
export const otherTeam: SlackUser = { userId: 'U0ROBIN', teamId: 'T0OTHER', name: 'Robin Elsewhere' }

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')

/** The links in memory; what happened to them can be looked at. */
class MemoryLinks implements AddressLinks {
  readonly kept = new Map<string, AddressLink>()
  readonly bound: { address: string; by: string }[] = []
  readonly told: string[] = []
  /** Every hash that was asked for. */
  readonly lookedUp: string[] = []
  readonly shared = new Set<string>()
  /** What the policy turns away at the moment of binding, and not before. */
  late: string | null = null
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  async find(tokenHash: string) {
    this.lookedUp.push(tokenHash)
    const link = this.kept.get(tokenHash)
    return link?.state === 'waiting' && link.expiresAt > this.#now() ? link : null
  }

  refusal(address: string) {
    const answer = parseAddress(address)
    return answer.ok ? null : answer.why
  }

  isShared(address: string) {
    return this.shared.has(address)
  }

  async confirm(tokenHash: string, person: { userId: string }, address: string) {
    const link = await this.find(tokenHash)
    if (!link) return 'gone'
    if (this.late !== null) return { why: this.late }
    this.kept.set(tokenHash, { ...link, state: 'confirmed' })
    this.bound.push({ address, by: person.userId })
    return null
  }

  async openedByOther(_: string, by: { userId: string; teamId: string }) {
    const who = `${by.userId} of ${by.teamId}`
    if (!this.told.includes(who)) this.told.push(who)
  }
}

export interface AddressSite {
  readonly url: string
  readonly urlV4: string
  readonly links: MemoryLinks
  readonly openId: OpenId
  /** What the operator would read in the log. */
  readonly troubles: string[]
  /** Makes a link and answers its token. */
  makes(more?: Partial<AddressLink>): string
  link(token: string): AddressLink | undefined
  passes(ms: number): void
  close(): Promise<void>
}

export interface SiteOptions {
  readonly environment?: Record<string, string>
  readonly ready?: () => boolean
  /** What Slack calls people. */
  readonly names?: Names
}

const about = { label: 'Remote Desktop (RDP)', vm: 'vm-jump01', howLong: '30 minutes' }

/** The real web server with the address page, behind a proxy that is trusted: whoever calls says where from. */
export async function startAddressSite(options: SiteOptions = {}): Promise<AddressSite> {
  let now = Date.UTC(2026, 10, 23, 9)
  const port = await freePort()
  const [url, urlV4] = [`http://localhost:${port}`, `http://127.0.0.1:${port}`]
  const openId = await startOpenId(
    [robin, mallory],
    [url, urlV4].map((home) => `${home}/ip/signed-in`),
  )
  const links = new MemoryLinks(() => now)
  const troubles: string[] = []
  const metrics = createMetrics(async () => nothingYet)
  const config = readConfig({
    SLACK_BOT_TOKEN: 'xoxb-test',
    SLACK_APP_TOKEN: 'xapp-test',
    PUBLIC_URL: url,
    PUBLIC_URL_V4: urlV4,
    SLACK_CLIENT_ID: client.id,
    SLACK_CLIENT_SECRET: client.secret,
    SLACK_OPENID_ISSUER: openId.issuer,
    TRUSTED_PROXIES: '127.0.0.1/32, ::1/128',
    ...options.environment,
  })
  const web = await startWeb({
    host: '127.0.0.1',
    port,
    unready: () => [],
    metrics: metrics.render,
    slack: null,
    ...addressPageOf(config, {
      links: () => ((options.ready?.() ?? true) ? links : null),
      now: () => now,
      metrics,
      ...(options.names && { names: options.names }),
      log: {
        warn: (given: { err: unknown }, what: string) => troubles.push(`${what}: ${String(given.err)}`),
      },
    }),
  })
  return {
    url,
    urlV4,
    links,
    openId,
    troubles,
    makes: (more = {}) => {
      const token = randomBytes(16).toString('base64url')
      links.kept.set(hashOf(token), {
        id: 'link1',
        person: { enterpriseId: null, teamId: robin.teamId, userId: robin.userId },
        askedAt: now,
        expiresAt: now + linkLifeMs,
        ask: 'rdp vm-jump01 30m',
        requestId: null,
        about,
        family: null,
        state: 'waiting',
        ...more,
      })
      return token
    },
    link: (token) => links.kept.get(hashOf(token)),
    passes: (ms) => {
      now += ms
    },
    close: async () => {
      await web.close()
      await openId.close()
    },
  }
}

/** What the button of a page sends; null where the page has no button. */
export const formOf = (page: string): string | null => /name="form" value="([^"]+)"/.exec(page)?.[1] ?? null

export const titleOf = (page: string): string => /<h1>([^<]*)<\/h1>/.exec(page)?.[1] ?? page

/** Somebody at this address, in a browser of their own. */
export const from = (address: string): Visitor => new Visitor({ 'x-forwarded-for': address })
