import type { SurveyedGroup } from '../core/reconcile.ts'
import type { Survey } from '../ports.ts'
import type { Arm, CallOptions } from './arm.ts'
import { missingAsNull } from './faults.ts'
import { toLiveRule } from './security-rule.ts'

const computeApi = '2024-07-01'
const subscriptionsPath = '/subscriptions?api-version=2022-12-01'

interface Page {
  readonly ids: readonly string[]
  readonly next: string | null
}

function readPage(value: unknown): Page {
  const page: { value?: unknown; nextLink?: unknown } =
    typeof value === 'object' && value !== null ? value : {}
  const rows = Array.isArray(page.value) ? page.value : []
  const ids = rows.flatMap((row: unknown) => {
    if (typeof row !== 'object' || row === null || !('subscriptionId' in row)) return []
    const disabled = 'state' in row && (row.state === 'Deleted' || row.state === 'Disabled')
    return typeof row.subscriptionId === 'string' && !disabled ? [row.subscriptionId.toLowerCase()] : []
  })
  return { ids, next: typeof page.nextLink === 'string' ? page.nextLink : null }
}

const pathOf = (link: string): string => {
  const { pathname, search } = new URL(link)
  return `${pathname}${search}`
}

async function listSubscriptions(arm: Pick<Arm, 'get'>, signal?: AbortSignal): Promise<readonly string[]> {
  const found: string[] = []
  for (let path: string | null = subscriptionsPath; path !== null; ) {
    const { value } = await arm.get(path, signal)
    const { ids, next } = readPage(value)
    found.push(...ids)
    path = next === null ? null : pathOf(next)
  }
  return found
}

/** With several tenants, one that cannot be listed hides no other; when none can, that is thrown. */
async function listEverywhere(arm: Arm, signal?: AbortSignal): Promise<readonly string[]> {
  const [tenants] = await Promise.all([arm.perTenant(), arm.tenants.refresh(signal)])
  const lists = await Promise.allSettled(tenants.map((tenant) => listSubscriptions(tenant, signal)))
  const [failure] = lists.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  const read = lists.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  if (read.length === 0 && failure !== undefined) throw failure
  return [...new Set(read.flat())]
}

async function named(arm: Arm, ids: readonly string[], signal?: AbortSignal): Promise<readonly string[]> {
  await arm.tenants.refresh(signal)
  return ids.map((id) => id.toLowerCase())
}

/** Lists security groups with their rules: a page of many groups a call, so that a survey stays cheap. */
export function armSurvey({ arm }: { readonly arm: Arm }): Survey {
  return {
    subscriptions: async (signal) =>
      arm.subscriptionIds ? named(arm, arm.subscriptionIds, signal) : listEverywhere(arm, signal),
    tenants: () => arm.tenants.looks(),
    groups: async (subscriptionId, signal) => {
      const groups: SurveyedGroup[] = []
      // The list is one question with many answers; each is heard by the call for its page.
      let hear: CallOptions['onResponse'] | null = null
      const list = arm.network(subscriptionId).networkSecurityGroups.listAll({
        ...(signal && { abortSignal: signal }),
        onResponse: (raw) => hear?.(raw),
      })
      const pages = list.byPage()[Symbol.asyncIterator]()
      // Each page has the time of one call: a long list must not look like a dead one.
      for (;;) {
        const { value: page } = await arm.call(signal, ({ onResponse }) => {
          hear = onResponse
          return pages.next()
        })
        if (page.done) break
        for (const group of page.value) {
          groups.push({
            nsgId: (group.id ?? '').toLowerCase(),
            rules: (group.securityRules ?? []).map(toLiveRule),
          })
        }
      }
      return groups
    },
    hasVm: async (vmId, signal) =>
      (await missingAsNull(arm.get(`${vmId}?api-version=${computeApi}`, signal))) !== null,
  }
}
