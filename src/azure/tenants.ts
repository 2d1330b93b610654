import type { Clock, TenantLook } from '../ports.ts'
import { type Shape, shapesOf, textOf } from './answer.ts'
import type { PlainCalls } from './arm.ts'
import { readList } from './pages.ts'
import { type Belonging, type OurTenants, tokenTenant } from './tenancy.ts'

const subscriptionsPath = '/subscriptions?api-version=2022-12-01'
/** So long after a look at a tenant that could not be read, nobody looks again because of a single call. */
const againMs = 15_000

/** Which tenants there are, and whose token a subscription takes. */
export interface Tenants extends OurTenants {
  /** The tenant for a call; null is the identity's own. */
  of(subscriptionId: string): Promise<string | null>
  /** What is known of that without asking: it changes when the answer of `of` may. */
  mark(subscriptionId: string): string
  /** Reads again where every subscription belongs. */
  refresh(signal?: AbortSignal): Promise<void>
  /** How the last look at each of them went; empty with one alone. */
  looks(): readonly TenantLook[]
  /** Remembers how something else that is read of a whole tenant went; null is well. */
  note(tenantId: string | null, fault: unknown): void
}

const belongingOf = (row: Shape): readonly [string, Belonging] => [
  textOf(row['subscriptionId']).toLowerCase(),
  {
    tenantId: textOf(row['tenantId']).toLowerCase(),
    managedBy: shapesOf(row['managedByTenants']).map((one) => textOf(one['tenantId']).toLowerCase()),
  },
]

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

interface Parts extends OurTenants {
  readonly clock: Clock
  /** The calls with a tenant's token. */
  readonly callsOf: (tenantId: string | null) => Pick<PlainCalls, 'get'>
}

/** With one tenant alone there is nothing to decide, and nothing is asked. */
export function createTenants({ home, others, clock, callsOf }: Parts): Tenants {
  const known = new Map<string, Belonging>()
  /** Why a tenant's subscriptions could not be listed, and why something else in it could not be read. */
  const unlisted = new Map<string | null, string>()
  const noted = new Map<string | null, string>()
  let looking: Promise<void> | null = null
  let lookedAt: number | null = null

  const look = async (signal?: AbortSignal) => {
    await Promise.all(
      [null, ...others].map(async (tenant) => {
        try {
          for (const row of await readList(callsOf(tenant), subscriptionsPath, signal))
            known.set(...belongingOf(row))
          unlisted.delete(tenant)
        } catch (error) {
          unlisted.set(tenant, messageOf(error))
        }
      }),
    )
    lookedAt = clock.now()
  }
  const refresh = async (signal?: AbortSignal) => {
    if (others.length === 0) return
    // A look of somebody else's is as good, and its signal is not ours.
    looking ??= look(signal).finally(() => {
      looking = null
    })
    await looking
  }
  return {
    home,
    others,
    refresh,
    looks: () =>
      others.length === 0
        ? []
        : [null, ...others].map((tenant) => ({
            tenantId: tenant ?? home ?? '',
            unread: unlisted.get(tenant) ?? noted.get(tenant) ?? null,
          })),
    note(tenant, fault) {
      if (fault === null) noted.delete(tenant)
      else noted.set(tenant, messageOf(fault))
    },
    mark(subscriptionId) {
      const belonging = known.get(subscriptionId.toLowerCase())
      return belonging ? (tokenTenant(belonging, { home, others }) ?? 'own') : 'unknown'
    },
    async of(subscriptionId) {
      if (others.length === 0) return null
      const id = subscriptionId.toLowerCase()
      const late = lookedAt === null || (unlisted.size > 0 && clock.now() - lookedAt >= againMs)
      if (!known.has(id) && late) await refresh()
      return tokenTenant(known.get(id), { home, others })
    },
  }
}
