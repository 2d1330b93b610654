import type { Permission } from '../core/azure-role.ts'
import { type Shape, shapeOf, shapesOf, textOf } from './answer.ts'
import type { Arm, TenantArm } from './arm.ts'
import { ArmFault } from './faults.ts'
import { readList } from './pages.ts'
import { ownPermissions } from './permissions.ts'

export interface ExaminedSubscription {
  readonly id: string
  readonly name: string
  readonly tenantId: string
}

interface ExaminedTenant {
  /** Null is the identity's own. */
  readonly tenantId: string | null
  readonly subscriptions: readonly ExaminedSubscription[]
}

/** Where VMs are, as Resource Graph shows them. */
export interface Placed {
  readonly subscriptionId: string
  readonly resourceGroup: string
  readonly location: string
}

/** Reads that only tell about the identity and the tenant. Nothing here writes. All throw a `Fault`. */
export interface Examination {
  tenants(): Promise<readonly (ExaminedTenant | { readonly tenantId: string | null; readonly why: string })[]>
  permissions(scope: string): Promise<readonly Pick<Permission, 'actions' | 'notActions'>[]>
  machines(): Promise<readonly Placed[]>
  /** The regions of a subscription that have a Network Watcher. */
  watchers(subscriptionId: string): Promise<readonly string[]>
  /** Defender's plan for servers, for example `Standard P2`. */
  plan(subscriptionId: string): Promise<string>
  /** How many JIT policies a subscription has. */
  policies(subscriptionId: string): Promise<number>
  /** How many of them one table of Resource Graph shows; null when it refuses the question. */
  policiesInGraph(table: 'resources' | 'securityresources'): Promise<number | null>
  locks(subscriptionId: string): Promise<readonly { readonly scope: string; readonly level: string }[]>
}

const apis = {
  subscriptions: '2022-12-01',
  watchers: '2024-05-01',
  pricings: '2024-01-01',
  policies: '2020-01-01',
  locks: '2020-05-01',
} as const

const mostPages = 100
const machinesQuery = `resources
| where type =~ 'microsoft.compute/virtualmachines'
| project id, subscriptionId, resourceGroup, location
| order by id asc`
const policyQuery = (table: string) => `${table}
| where type =~ 'microsoft.security/locations/jitnetworkaccesspolicies'
| project id
| order by id asc`

async function ask(arm: TenantArm, query: string): Promise<readonly Shape[]> {
  const rows: Shape[] = []
  let skipToken: string | undefined
  for (let pages = 0; pages < mostPages; pages++) {
    const options = { top: 1000, resultFormat: 'objectArray' as const, ...(skipToken && { skipToken }) }
    const scope = arm.subscriptionIds ? { subscriptions: [...arm.subscriptionIds] } : {}
    const { value } = await arm.call(undefined, (more) =>
      arm.graph.resources({ query, options, ...scope }, more),
    )
    rows.push(...shapesOf(value.data))
    skipToken = value.skipToken
    if (!skipToken) break
  }
  return rows
}

async function examineTenant(arm: TenantArm): Promise<ExaminedTenant> {
  const rows = await readList(arm, `/subscriptions?api-version=${apis.subscriptions}`)
  const subscriptions = rows.map((row) => ({
    id: textOf(row['subscriptionId']).toLowerCase(),
    name: textOf(row['displayName']),
    tenantId: textOf(row['tenantId']).toLowerCase(),
  }))
  const wanted = arm.subscriptionIds?.map((id) => id.toLowerCase())
  return {
    tenantId: arm.tenantId,
    subscriptions: subscriptions.filter(({ id }) => wanted?.includes(id) ?? true),
  }
}

/** A tenant that cannot be read hides no other; when none can, that is thrown. */
async function findMachines(arm: Arm): Promise<readonly Placed[]> {
  const lists = await Promise.allSettled((await arm.perTenant()).map((one) => ask(one, machinesQuery)))
  const [failure] = lists.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  const read = lists.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  if (read.length === 0 && failure !== undefined) throw failure
  return read.flat().map((row) => ({
    subscriptionId: textOf(row['subscriptionId']).toLowerCase(),
    resourceGroup: textOf(row['resourceGroup']).toLowerCase(),
    location: textOf(row['location']).toLowerCase(),
  }))
}

export function armExamination({ arm }: { readonly arm: Arm }): Examination {
  const of = (subscriptionId: string, path: string) =>
    readList(arm, `/subscriptions/${subscriptionId}/providers/${path}`)
  return {
    tenants: async () =>
      Promise.all(
        (await arm.perTenant()).map((tenant) =>
          examineTenant(tenant).catch((error: unknown) => ({
            tenantId: tenant.tenantId,
            why: error instanceof Error ? error.message : String(error),
          })),
        ),
      ),
    permissions: (scope) => ownPermissions(arm, scope),
    machines: () => findMachines(arm),
    async watchers(id) {
      const rows = await of(id, `Microsoft.Network/networkWatchers?api-version=${apis.watchers}`)
      return rows.map((row) => textOf(row['location']).toLowerCase())
    },
    async plan(id) {
      const path = `/subscriptions/${id}/providers/Microsoft.Security/pricings/VirtualMachines`
      const { value } = await arm.get(`${path}?api-version=${apis.pricings}`)
      const properties = shapeOf(shapeOf(value)['properties'])
      return `${textOf(properties['pricingTier'])} ${textOf(properties['subPlan'])}`.trim()
    },
    policies: async (id) =>
      (await of(id, `Microsoft.Security/jitNetworkAccessPolicies?api-version=${apis.policies}`)).length,
    async policiesInGraph(table) {
      try {
        const lists = await Promise.all(
          (await arm.perTenant()).map((tenant) => ask(tenant, policyQuery(table))),
        )
        return lists.flat().length
      } catch (error) {
        if (error instanceof ArmFault && error.answer?.status === 400) return null
        throw error
      }
    },
    async locks(id) {
      const rows = await of(id, `Microsoft.Authorization/locks?api-version=${apis.locks}`)
      return rows.map((row) => ({
        scope: textOf(row['id']).split(/\/providers\/Microsoft\.Authorization\/locks\//i)[0] ?? '',
        level: textOf(shapeOf(row['properties'])['level']),
      }))
    },
  }
}
