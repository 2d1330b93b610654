/** Tags that Azure accepts in a singular address field. Only the first three are ever matched to packets. */
const tags = [
  'VirtualNetwork',
  'AzureLoadBalancer',
  'Internet',
  'ActionGroup',
  'ApiManagement',
  'AzureActiveDirectory',
  'AzureBackup',
  'AzureCloud',
  'AzureDevOps',
  'AzureFrontDoor.Backend',
  'AzureKeyVault',
  'AzureMonitor',
  'AzureResourceManager',
  'AzureTrafficManager',
  'GatewayManager',
  'Sql',
  'Storage',
] as const

const known = new Set<string>(tags.map((tag) => tag.toLowerCase()))
const legacy = new Set(['virtual_network', 'azure_loadbalancer'])

/** Regional tags such as `Storage.WestEurope` count as their base tag. */
export function isServiceTag(text: string): boolean {
  const lower = text.toLowerCase()
  return known.has(lower) || legacy.has(lower) || known.has(lower.split('.')[0] ?? '')
}
