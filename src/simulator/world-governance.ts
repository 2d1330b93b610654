/** A rule of the network manager. Those of one network are ordered by priority. */
export interface SecurityAdminRule {
  /** The id of the virtual network that it holds in. */
  network: string
  name: string
  priority: number
  access: 'Allow' | 'Deny' | 'AlwaysAllow'
  direction: 'Inbound' | 'Outbound'
  protocol: string
  sources: string[]
  destinations: string[]
  destinationPortRanges: string[]
}

/** An assignment of a policy that denies inbound allow rules to some ports. */
export interface RulePolicy {
  /** Where it is assigned: a subscription or a resource group. */
  scope: string
  assignment: string
  ports: string[]
  effect: 'Deny' | 'Audit'
  /** Security groups that the assignment excepts. The check of restrictions does not know of them. */
  exempt?: string[]
}

/** What stands above the security groups; nothing when left out. */
export interface GovernanceWorld {
  adminRules: SecurityAdminRule[]
  policies: RulePolicy[]
}
