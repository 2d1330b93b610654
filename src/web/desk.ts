import { createHash, randomBytes } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { AddressLink } from '../core/address-link.ts'
import type { Person } from '../core/person.ts'
import type { AddressLinks } from '../ports.ts'
import { createRate } from './rate.ts'
import { createSeals, type Kept, type Seals, sealLifeMs } from './sealed.ts'
import type { SignedIn, SignInParts } from './sign-in.ts'

export interface AddressPageParts {
  readonly publicUrl: string
  /** The same page by a name that is reached by IPv4 only. */
  readonly publicUrlV4: string | null
  readonly trustedProxies: readonly string[]
  readonly signIn: SignInParts
  /** Null while the rest is still starting. */
  readonly links: () => AddressLinks | null
  readonly nameOf?: (person: Person) => Promise<string | null>
  readonly now: () => number
  readonly onIgnoredHeader: () => void
  readonly onTrouble: (what: string, error: unknown) => void
}

export type Env = {
  Bindings: HttpBindings
  Variables: {
    /** Where the caller comes from; null when that cannot be told. */
    address: string | null
    links: AddressLinks
    /** The one of our names that the caller used, without a slash at its end. */
    home: string
  }
}
export type Ctx = Context<Env>

/** A link that leads somewhere, and who looks at it. */
export interface Opened {
  readonly token: string
  readonly tokenHash: string
  readonly link: AddressLink
  readonly session: Kept['session'] | null
}

export interface Desk {
  readonly parts: AddressPageParts
  readonly seals: Seals
  /** Our names: the one of `PUBLIC_URL` first, then that for IPv4. */
  readonly homes: readonly string[]
  /** Null for every link that leads this person nowhere; `busy` when it is opened too often. */
  open(context: Ctx): Promise<Opened | 'busy' | null>
  begun(context: Ctx): Kept['start'] | null
  keepStart(context: Ctx, start: Kept['start']): void
  /**
   * The sign-in is over, for this one link. False: it was somebody else than the person of the link, who is told.
   * Nothing is kept then, so that whoever took the wrong account can sign in again in the same browser.
   */
  keepSession(context: Ctx, token: string, person: SignedIn): Promise<boolean>
  forget(context: Ctx, kind: keyof typeof cookies): void
}

const perMinute = 60
const mostKeys = 10_000
const tokenForm = /^[\w-]{22}$/
const cookies = { start: 'jitney-start', session: 'jitney-session' } as const
const cookieOptions = { path: '/', secure: true, httpOnly: true, sameSite: 'Lax' } as const

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')
const trimmed = (url: string): string => url.replace(/\/+$/, '')

const keep = (context: Ctx, kind: keyof typeof cookies, value: string) =>
  setCookie(context, cookies[kind], value, { ...cookieOptions, prefix: 'host', maxAge: sealLifeMs / 1000 })

const forget = (context: Ctx, kind: keyof typeof cookies) => {
  deleteCookie(context, cookies[kind], { ...cookieOptions, prefix: 'host' })
}

type By = Pick<SignedIn, 'userId' | 'teamId'>

const isOther = ({ person }: AddressLink, { userId, teamId }: By): boolean =>
  person.userId !== userId || person.teamId !== teamId

async function turnAway(context: Ctx, tokenHash: string, { userId, teamId }: By): Promise<void> {
  forget(context, 'session')
  await context.get('links').openedByOther(tokenHash, { userId, teamId })
}

/** The path of a link under the name that the caller used. */
export const pathOf = (context: Ctx, token: string): string =>
  `${new URL(context.get('home')).pathname.replace(/\/$/, '')}/ip/${token}`

export function createDesk(parts: AddressPageParts): Desk {
  const seals = createSeals(parts.signIn.clientSecret, parts.now)
  const visits = createRate(perMinute, mostKeys, parts.now)
  const kept = <Kind extends keyof typeof cookies>(context: Ctx, kind: Kind) =>
    seals.open(kind, getCookie(context, cookies[kind], 'host'))
  return {
    parts,
    seals,
    homes: [parts.publicUrl, parts.publicUrlV4].filter((url) => url !== null).map(trimmed),
    open: async (context) => {
      const token = context.req.param('token') ?? ''
      if (!tokenForm.test(token)) return null
      const tokenHash = hashOf(token)
      if (!visits(tokenHash)) return 'busy'
      const links = context.get('links')
      const link = await links.find(tokenHash)
      if (!link || link.state !== 'waiting' || link.expiresAt <= parts.now()) return null
      const last = kept(context, 'session')
      const session = last?.tokenHash === tokenHash ? last : null
      if (session && isOther(link, session)) {
        await turnAway(context, tokenHash, session)
        return null
      }
      return { token, tokenHash, link, session }
    },
    begun: (context) => kept(context, 'start'),
    keepStart: (context, start) => keep(context, 'start', seals.seal('start', start)),
    keepSession: async (context, token, { userId, teamId, name }) => {
      const tokenHash = hashOf(token)
      const link = await context.get('links').find(tokenHash)
      if (link && isOther(link, { userId, teamId })) {
        await turnAway(context, tokenHash, { userId, teamId })
        return false
      }
      const id = randomBytes(16).toString('base64url')
      const session = { id, tokenHash, userId, teamId, name: name?.slice(0, 80) ?? null }
      keep(context, 'session', seals.seal('session', session))
      return true
    },
    forget,
  }
}
