import { type DefenderAlert, type DefenderView, type Health, worstFirst } from '../core/context.ts'
import { Fault } from '../core/fault.ts'
import { lacking } from '../core/rights.ts'
import type { Vm } from '../core/vm.ts'
import type { Posture } from '../ports.ts'
import { type RawResponse, type Shape, shapeOf, shapesOf, textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { faultOf } from './faults.ts'
import { ownPermissions } from './permissions.ts'

const assessments = {
  justInTime: '805651bc-6ecd-4c73-9b55-97a19d0582d0',
  managementPorts: 'bc303248-3d14-44c2-96a0-55f5c326b5fe',
  networkPorts: '3b20e985-f71f-483b-b078-f30d73936d43',
} as const
type Assessment = keyof typeof assessments

const text = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** An alert names its VM in one of several ways, so the query is wide and the rows are looked at again. */
const queryFor = ({ id, name }: Vm): string => `securityresources
| where (type == 'microsoft.security/assessments' and name in~ (${Object.values(assessments).map(text).join(', ')})
    and id startswith ${text(`${id}/`)})
  or (type == 'microsoft.security/locations/alerts'
    and coalesce(tostring(properties.Status), tostring(properties.status)) in~ ('Active', 'InProgress')
    and (tostring(properties) contains ${text(id)}
      or coalesce(tostring(properties.CompromisedEntity), tostring(properties.compromisedEntity)) =~ ${text(name)}))
  or (type == 'microsoft.security/pricings' and name =~ 'VirtualMachines')
| project id, type, name, properties
| order by id asc`

/** Resource Graph spells the fields of alerts in capitals, and Defender’s own interface does not. */
function field(shape: Shape, name: string): unknown {
  const key = Object.keys(shape).find((one) => one.toLowerCase() === name.toLowerCase())
  return key === undefined ? undefined : shape[key]
}

const groupForm = /\/resourcegroups\/([^/]+)\//i
const groupOf = (id: string): string => groupForm.exec(id)?.[1]?.toLowerCase() ?? ''

/** By the id where the alert names one; by the name only within the VM’s own resource group. */
function isOn(vm: Vm, alertId: string, properties: Shape): boolean {
  const ids = shapesOf(field(properties, 'resourceIdentifiers'))
    .map((one) => textOf(field(one, 'azureResourceId')).toLowerCase())
    .filter((id) => id !== '')
  const entity = textOf(field(properties, 'compromisedEntity')).toLowerCase()
  if (ids.includes(vm.id) || entity === vm.id) return true
  if (ids.some((id) => id.includes('/microsoft.compute/virtualmachines/'))) return false
  return entity === vm.name.toLowerCase() && ['', vm.resourceGroup.toLowerCase()].includes(groupOf(alertId))
}

function toAlert(properties: Shape): DefenderAlert {
  const startedAt = Date.parse(textOf(field(properties, 'startTimeUtc')))
  return {
    type: textOf(field(properties, 'alertType')),
    title: textOf(field(properties, 'alertDisplayName')) || textOf(field(properties, 'alertType')),
    severity: textOf(field(properties, 'severity')),
    startedAt: Number.isNaN(startedAt) ? null : startedAt,
  }
}

function healthOf(rows: readonly Shape[], which: Assessment): Health | null {
  const row = rows.find(({ name }) => textOf(name).toLowerCase() === assessments[which])
  const code = textOf(field(shapeOf(field(shapeOf(row?.['properties']), 'status')), 'code')).toLowerCase()
  if (code === 'healthy' || code === 'unhealthy') return code
  return code === 'notapplicable' ? 'not applicable' : null
}

function healths(rows: readonly Shape[]): { readonly [which in Assessment]?: Health } {
  const found: { [which in Assessment]?: Health } = {}
  for (const which of ['justInTime', 'managementPorts', 'networkPorts'] as const) {
    const health = healthOf(rows, which)
    if (health !== null) found[which] = health
  }
  return found
}

function watches(rows: readonly Shape[], mayRead: boolean | null): DefenderView['watches'] {
  if (mayRead === false) return 'not allowed'
  const tier = textOf(field(shapeOf(rows[0]?.['properties']), 'pricingTier')).toLowerCase()
  if (tier === 'standard' && mayRead) return 'yes'
  return tier === 'free' ? 'no' : 'not known'
}

interface Read {
  readonly rows: readonly Shape[]
  readonly more: boolean
  readonly mayRead: boolean | null
  readonly at: number
}

function toView(vm: Vm, { rows, more, mayRead, at: readAt }: Read): DefenderView {
  const of = (type: string) => rows.filter((row) => textOf(row['type']).toLowerCase() === type)
  const alerts = of('microsoft.security/locations/alerts')
    .map((row) => ({ id: textOf(row['id']), properties: shapeOf(row['properties']) }))
    .filter(({ id, properties }) => isOn(vm, id, properties))
    .map(({ properties }) => toAlert(properties))
  return {
    readAt,
    alerts: worstFirst(alerts),
    ...(more && { more: true }),
    ...healths(of('microsoft.security/assessments')),
    watches: watches(of('microsoft.security/pricings'), mayRead),
  }
}

/** So many of the queries that Resource Graph allows in five seconds are left to the inventory. */
const keptQueries = 3
const resetForm = /^(\d+):(\d+):(\d+)/

/** What Resource Graph says of its own quota beside each answer. */
class Quota {
  #restsUntil = 0

  note({ headers }: RawResponse, now: number): void {
    const left = Number(headers.get('x-ms-user-quota-remaining') ?? Number.NaN)
    const [, hours = 0, minutes = 0, seconds = 0] = (
      resetForm.exec(headers.get('x-ms-user-quota-resets-after') ?? '') ?? []
    ).map(Number)
    if (left <= keptQueries) this.#restsUntil = now + ((hours * 60 + minutes) * 60 + seconds) * 1000
  }

  check(now: number): void {
    const afterMs = this.#restsUntil - now
    if (afterMs <= 0) return
    throw new Fault('paced', 'Resource Graph has had many queries and is left alone for a moment.', {
      kind: 'try again',
      afterMs,
    })
  }
}

/** Microsoft names both, and does not say which of them Resource Graph asks for. */
const alertRights = ['Microsoft.Security/alerts/read', 'Microsoft.Security/locations/alerts/read']
const rightsFreshForMs = 10 * 60_000

/** Whether the identity may read alerts in a subscription; null when Azure did not say. */
function mayReadAlerts(arm: Arm) {
  const known = new Map<string, { readonly at: number; readonly may: boolean }>()
  return async (subscriptionId: string, signal: AbortSignal): Promise<boolean | null> => {
    const kept = known.get(subscriptionId)
    if (kept && arm.clock.now() - kept.at < rightsFreshForMs) return kept.may
    try {
      const permissions = await ownPermissions(arm, `/subscriptions/${subscriptionId}`, signal)
      const may = lacking(alertRights, permissions).length === 0
      known.set(subscriptionId, { at: arm.clock.now(), may })
      return may
    } catch {
      return null
    }
  }
}

interface Reading {
  readonly arm: Arm
  readonly quota: Quota
  readonly mayRead: ReturnType<typeof mayReadAlerts>
}

async function read({ arm, quota, mayRead }: Reading, vm: Vm, signal: AbortSignal): Promise<DefenderView> {
  quota.check(arm.clock.now())
  const [rows, may] = await Promise.all([queried(arm, quota, vm, signal), mayRead(vm.subscriptionId, signal)])
  return toView(vm, { ...rows, mayRead: may, at: arm.clock.now() })
}

/** With the token of the VM's tenant: another one is shown nothing of it. */
async function graphOf(arm: Arm, { subscriptionId }: Vm): Promise<Arm['graph']> {
  const tenant = await arm.tenants.of(subscriptionId)
  if (tenant === null) return arm.graph
  return (await arm.perTenant()).find(({ tenantId }) => tenantId === tenant)?.graph ?? arm.graph
}

async function queried(
  arm: Arm,
  quota: Quota,
  vm: Vm,
  signal: AbortSignal,
): Promise<Pick<Read, 'rows' | 'more'>> {
  const graph = await graphOf(arm, vm)
  const { value } = await arm.pace.read('resource graph', signal, () =>
    arm.call(signal, (options) =>
      graph.resources(
        { query: queryFor(vm), subscriptions: [vm.subscriptionId] },
        {
          ...options,
          onResponse: (raw) => {
            quota.note(raw, arm.clock.now())
            options.onResponse(raw)
          },
        },
      ),
    ),
  )
  const { data }: { data: unknown } = value
  if (!Array.isArray(data))
    throw new Fault('malformed answer', 'Resource Graph sent no rows.', { kind: 'try again' })
  return { rows: shapesOf(data), more: Boolean(value.skipToken) || value.resultTruncated === 'true' }
}

/** Whoever stops waiting leaves the answer to those who still do. */
async function unless<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work
  const gone = Promise.withResolvers<never>()
  const leave = () => gone.reject(faultOf(signal.reason, null))
  signal.addEventListener('abort', leave)
  try {
    if (signal.aborted) leave()
    return await Promise.race([work, gone.promise])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

/** So old may be what is shown; the card says of when it is. */
const freshForMs = 5 * 60_000
const mostKept = 1_000
const longestReadMs = 10_000

/** What Defender for Cloud says of one VM, by one query of Resource Graph, which is asked once for all who want it. */
export function armPosture({ arm }: { readonly arm: Arm }): Posture {
  const kept = new Map<string, DefenderView>()
  const asking = new Map<string, Promise<DefenderView>>()
  const reading: Reading = { arm, quota: new Quota(), mayRead: mayReadAlerts(arm) }
  const keep = (vmId: string, view: DefenderView): DefenderView => {
    kept.delete(vmId)
    kept.set(vmId, view)
    const [oldest] = kept.keys()
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest)
    return view
  }
  return {
    of(vm, signal) {
      const known = kept.get(vm.id)
      if (known && arm.clock.now() - known.readAt < freshForMs) return Promise.resolve(known)
      const already = asking.get(vm.id)
      if (already) return unless(signal, already)
      // Its own time limit, and not that of whoever asked first: others may wait for the same answer.
      const begun = read(reading, vm, AbortSignal.timeout(longestReadMs))
        .then((view) => keep(vm.id, view))
        .finally(() => asking.delete(vm.id))
      asking.set(vm.id, begun)
      return unless(signal, begun)
    },
  }
}
