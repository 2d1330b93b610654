/** What Azure's list of subscriptions says of one, as far as it decides whose token opens it. Ids are in lower case. */
export interface Belonging {
  /** The tenant that it lives in. */
  readonly tenantId: string
  /** Tenants that it is delegated to (Azure Lighthouse). */
  readonly managedBy: readonly string[]
}

export interface OurTenants {
  /** Where the identity lives; null when nobody said so. */
  readonly home: string | null
  /** Other tenants that let the identity in. */
  readonly others: readonly string[]
}

/**
 * The tenant whose token a call for a subscription carries; null is the identity's own. What is delegated to the
 * identity's own tenant is read with that tenant's token, even where the identity is let in as well: the rights were
 * given there. What nobody knows anything of is left to Azure to refuse, in its own words.
 */
export function tokenTenant(belonging: Belonging | undefined, { home, others }: OurTenants): string | null {
  if (!belonging || home === null) return null
  const { tenantId, managedBy } = belonging
  if (tenantId === home || managedBy.includes(home)) return null
  if (others.includes(tenantId)) return tenantId
  return others.find((each) => managedBy.includes(each)) ?? null
}
