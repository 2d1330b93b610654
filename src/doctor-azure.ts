import type { Examination, ExaminedSubscription, Placed } from './azure/examination.ts'
import { type Finding, lacking } from './core/rights.ts'
import { deployedActions } from './deploy-role.ts'

/** Rights that the bot can do without, and what is lost then. All others in its role it needs. */
const lost: readonly (readonly [RegExp, string])[] = [
  [/networkWatchers|operationResults/i, 'access is told as “not verified”'],
  [
    /instanceView|locks\/read|AdminRules|checkPolicyRestrictions|virtualNetworks\/read$/i,
    'what would defeat a rule is found out only when it is written',
  ],
  [/alerts\/read|assessments\/read/i, 'approvers do not see what Defender for Cloud noticed'],
  [/Microsoft\.Security/i, 'VMs under a JIT policy of Defender for Cloud are not known as such'],
  [/roleAssignments|roleDefinitions|denyAssignments/i, 'a rule with requireAzureRole never fits'],
  [/Authorization\/permissions/i, 'this command cannot compare rights, and alerts are told as “not known”'],
]
const lossOf = (action: string): string | null => lost.find(([form]) => form.test(action))?.[1] ?? null

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const listed = (items: readonly string[], most = 6): string =>
  items.length > most
    ? `${items.slice(0, most).join(', ')} and ${items.length - most} more`
    : items.join(', ')

/** What could not be read is a finding of its own, and stops nothing. */
async function tried(
  what: string,
  advice: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look()
  } catch (error) {
    return [{ state: 'note', text: `${what} could not be read: ${messageOf(error)}`, advice }]
  }
}

interface Place {
  readonly examination: Examination
  readonly subscription: ExaminedSubscription
  readonly machines: readonly Placed[]
  readonly label: string
}

/** The rights of the whole subscription, or else of each resource group with VMs: a role may be given there. */
async function missingRights(
  { examination, subscription, machines }: Place,
  wanted: readonly string[],
): Promise<{ readonly missing: readonly string[]; readonly where: string }> {
  const whole = `/subscriptions/${subscription.id}`
  const missing = lacking(wanted, await examination.permissions(whole))
  if (missing.length === 0) return { missing, where: '' }
  const groups = [...new Set(machines.map(({ resourceGroup }) => resourceGroup))].slice(0, 50)
  if (groups.length === 0) return { missing, where: '' }
  const perGroup = await Promise.all(
    groups.map(async (name) => ({
      name,
      missing: lacking(missing, await examination.permissions(`${whole}/resourceGroups/${name}`)),
    })),
  )
  const short = perGroup.filter((each) => each.missing.length > 0)
  const where =
    short.length === groups.length ? '' : ` in the resource groups ${listed(short.map(({ name }) => name))}`
  return { missing: [...new Set(short.flatMap((each) => each.missing))], where }
}

async function rightsOf(place: Place): Promise<readonly Finding[]> {
  const wanted = await deployedActions('role-nsg')
  const { missing, where } = await missingRights(place, wanted)
  const needed = missing.filter((action) => lossOf(action) === null)
  const spared = missing.filter((action) => lossOf(action) !== null)
  const advice = 'assign the role in deploy/role-nsg.json to the identity there (README, “Deploy”)'
  const found: Finding[] = [
    needed.length === 0
      ? { state: 'good', text: `${place.label}: every right that is needed to open and close` }
      : { state: 'bad', text: `${place.label}${where}: not allowed: ${listed(needed, 12)}`, advice },
  ]
  const losses = Map.groupBy(spared, (action) => lossOf(action) ?? '')
  for (const [loss, actions] of losses)
    found.push({ state: 'note', text: `${place.label}${where}: without ${listed(actions)}, ${loss}`, advice })
  return found
}

const watchersOf = async ({
  examination,
  subscription,
  machines,
  label,
}: Place): Promise<readonly Finding[]> => {
  const regions = [...new Set(machines.map(({ location }) => location))]
  const watched = await examination.watchers(subscription.id)
  const missing = regions.filter((region) => !watched.includes(region))
  return missing.length === 0
    ? [{ state: 'good', text: `${label}: a Network Watcher in every region that has VMs` }]
    : [
        {
          state: 'note',
          text: `${label}: no Network Watcher in ${listed(missing)}, so access there is told as “not verified”`,
          advice: `az network watcher configure --enabled true --resource-group NetworkWatcherRG --locations ${missing.join(' ')} --subscription ${subscription.id}`,
        },
      ]
}

const defenderOf = async (place: Place): Promise<readonly Finding[]> => {
  const { examination, subscription, label } = place
  const [plan, policies] = await Promise.all([
    examination.plan(subscription.id),
    examination.policies(subscription.id),
  ])
  if (policies === 0)
    return [{ state: 'good', text: `${label}: no JIT policy of Defender for Cloud; its plan is ${plan}` }]
  const found: Finding[] = [
    {
      state: 'good',
      text: `${label}: ${policies} JIT ${policies === 1 ? 'policy' : 'policies'} of Defender for Cloud; its plan is ${plan}`,
    },
  ]
  // How Azure spells the plan is not certain, so only a plan that is surely another one is told.
  if (/free/i.test(plan) || /p1/i.test(plan))
    found.push({
      state: 'note',
      text: `${label}: JIT policies need Defender for Servers Plan 2, and the plan is ${plan}`,
      advice: 'turn Plan 2 on, or remove the JIT policies',
    })
  const { missing } = await missingRights(place, await deployedActions('role-defender'))
  const short = missing.filter((action) => /initiate/.test(action))
  if (short.length > 0)
    found.push({
      state: 'note',
      text: `${label}: without ${listed(short)}, VMs under a JIT policy cannot be opened the Defender way`,
      advice: 'assign the role in deploy/role-defender.json to the identity there',
    })
  return found
}

const locksOf = async ({ examination, subscription, label }: Place): Promise<readonly Finding[]> => {
  const locks = await examination.locks(subscription.id)
  if (locks.length === 0) return [{ state: 'good', text: `${label}: no lock` }]
  return locks.map(({ scope, level }) => ({
    state: 'note' as const,
    text: `${label}: ${level === 'ReadOnly' ? 'nothing can be opened or closed' : 'rules can be opened but not removed'} under ${scope}, because of a ${level} lock`,
    advice: 'take the lock off where access is to be given, or put it lower',
  }))
}

async function subscriptionFindings(place: Place): Promise<readonly Finding[]> {
  const parts = await Promise.all([
    tried(`${place.label}: the identity’s rights`, 'give Microsoft.Authorization/permissions/read', () =>
      rightsOf(place),
    ),
    tried(`${place.label}: Network Watchers`, 'give Microsoft.Network/networkWatchers/read', () =>
      watchersOf(place),
    ),
    tried(
      `${place.label}: Defender for Cloud`,
      'give the rights for Microsoft.Security in deploy/role-nsg.json',
      () => defenderOf(place),
    ),
    tried(`${place.label}: locks`, 'give Microsoft.Authorization/locks/read', () => locksOf(place)),
  ])
  return parts.flat()
}

async function graphFindings(examination: Examination): Promise<readonly Finding[]> {
  const tables = ['resources', 'securityresources'] as const
  const counts = await Promise.all(tables.map((table) => examination.policiesInGraph(table)))
  const words = tables.map((table, at) => `${table}: ${counts[at] ?? 'not answered'}`).join(', ')
  return [{ state: 'good', text: `JIT policies that Resource Graph shows: ${words}` }]
}

const signInAdvice =
  'check the identity’s variables (README), that each tenant has let the application in, and AZURE_CLOUD'

/** Everything about Azure that can be found out by reading. It never throws. */
export async function examineAzure(examination: Examination): Promise<readonly Finding[]> {
  const found: Finding[] = []
  let tenants: Awaited<ReturnType<Examination['tenants']>>
  let machines: readonly Placed[]
  try {
    tenants = await examination.tenants()
    machines = await examination.machines()
  } catch (error) {
    return [{ state: 'bad', text: `Azure: ${messageOf(error)}`, advice: signInAdvice }]
  }
  const subscriptions = new Map<string, ExaminedSubscription>()
  for (const tenant of tenants) {
    const name = tenant.tenantId === null ? 'the identity’s own tenant' : `tenant ${tenant.tenantId}`
    if ('why' in tenant) {
      found.push({ state: 'bad', text: `Azure: ${name} cannot be read: ${tenant.why}`, advice: signInAdvice })
      continue
    }
    const count = tenant.subscriptions.length
    found.push(
      count > 0
        ? {
            state: 'good',
            text: `Azure: signed in to ${name}, which shows ${count} ${count === 1 ? 'subscription' : 'subscriptions'}`,
          }
        : {
            state: 'bad',
            text: `Azure: signed in to ${name}, which shows no subscription`,
            advice: 'assign a role from deploy/ to the identity',
          },
    )
    for (const each of tenant.subscriptions) if (!subscriptions.has(each.id)) subscriptions.set(each.id, each)
  }
  for (const subscription of subscriptions.values()) {
    const own = machines.filter(({ subscriptionId }) => subscriptionId === subscription.id)
    const label = `${subscription.name || subscription.id} (${own.length} ${own.length === 1 ? 'VM' : 'VMs'})`
    found.push(...(await subscriptionFindings({ examination, subscription, machines: own, label })))
  }
  found.push(
    ...(await tried('JIT policies in Resource Graph', 'nothing depends on it', () =>
      graphFindings(examination),
    )),
  )
  return found
}
