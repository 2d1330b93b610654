export type CloudName = 'public' | 'usgovernment' | 'china'

/** What goes together in one of Azure's clouds. A token of one is worth nothing in another. */
export interface Cloud {
  readonly endpoint: string
  readonly authorityHost: string
  readonly scope: string
  /** Microsoft Graph. */
  readonly graph: string
}

const cloud = (endpoint: string, authorityHost: string, graph: string): Cloud => ({
  endpoint,
  authorityHost,
  scope: `${endpoint}/.default`,
  graph,
})

export const clouds: Readonly<Record<CloudName, Cloud>> = {
  public: cloud(
    'https://management.azure.com',
    'https://login.microsoftonline.com',
    'https://graph.microsoft.com',
  ),
  usgovernment: cloud(
    'https://management.usgovcloudapi.net',
    'https://login.microsoftonline.us',
    'https://graph.microsoft.us',
  ),
  china: cloud(
    'https://management.chinacloudapi.cn',
    'https://login.chinacloudapi.cn',
    'https://microsoftgraph.chinacloudapi.cn',
  ),
}
