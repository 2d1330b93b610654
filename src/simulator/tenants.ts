import type { ArmCall } from './arm-call.ts'
import { header } from './arm-call.ts'
import { ArmError } from './errors.ts'
import type { Simulation } from './simulation.ts'
import type { Claims } from './tokens.ts'
import type { Subscription } from './world.ts'

/** The Resource Manager of each cloud takes tokens that were made for it, under its newer name and its older one. */
const audiences: Readonly<Record<string, readonly string[]>> = {
  'management.azure.com': ['https://management.azure.com', 'https://management.core.windows.net'],
  'management.usgovcloudapi.net': [
    'https://management.usgovcloudapi.net',
    'https://management.core.usgovcloudapi.net',
  ],
  'management.chinacloudapi.cn': [
    'https://management.chinacloudapi.cn',
    'https://management.core.chinacloudapi.cn',
  ],
}

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

/** Who calls; under a name of its own, the simulator stands for any cloud, but never for Graph. */
export function callerOf(call: ArmCall): Claims {
  const { tokens } = call.sim
  const claims = tokens.check(header(call, 'authorization'), call.sim.now())
  const host = (header(call, 'host') ?? '').split(':')[0] ?? ''
  const allowed = audiences[host] ?? Object.values(audiences).flat()
  const fits =
    host in audiences ? allowed.includes(claims.aud.replace(/\/$/, '')) : !claims.aud.includes('graph')
  if (fits) return claims
  throw tokens.refusal(
    'InvalidAuthenticationTokenAudience',
    `The access token has been obtained for wrong audience or resource '${claims.aud}'. It should exactly match with one of the allowed audiences '${allowed.join("','")}'.`,
  )
}

export const tenantOf = ({ resources }: Simulation, { tenantId }: Subscription): string =>
  tenantId ?? resources.tenantId

/** Whether a token of a tenant opens a subscription: its own tenant's, or that of one it is delegated to. */
export const isOpenTo = (sim: Simulation, each: Subscription, tenantId: string): boolean =>
  [tenantOf(sim, each), ...(each.managedByTenants ?? [])].some((one) => same(one, tenantId))

/** Azure's answer to a token of a tenant that the subscription knows nothing of. */
export function requireTenant(call: ArmCall, { tid }: Claims): void {
  const subscription = call.sim.resources.subscriptions.get((call.path.subscription ?? '').toLowerCase())
  if (!subscription || isOpenTo(call.sim, subscription, tid)) return
  const tenant = tenantOf(call.sim, subscription)
  const description =
    'The access token is from the wrong issuer. It must match the tenant associated with this subscription. Please use correct authority to get the token.'
  throw new ArmError(
    401,
    'InvalidAuthenticationTokenTenant',
    `The access token is from the wrong issuer 'https://sts.windows.net/${tid}/'. It must match the tenant 'https://sts.windows.net/${tenant}/' associated with this subscription. Please use the authority (URL) 'https://login.windows.net/${tenant}' to get the token. Note, if the subscription is transferred to another tenant there is no impact to the services, but information about new tenant could take time to propagate (up to an hour). If you just transferred your subscription and see this error message, please try back later.`,
    {
      headers: {
        'WWW-Authenticate': `Bearer authorization_uri="https://login.windows.net/${tenant}", error="invalid_token", error_description="${description}"`,
      },
    },
  )
}
