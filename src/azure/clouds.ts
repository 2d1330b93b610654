export type CloudName = 'public' | 'usgovernment' | 'china'

/** What goes together in one of Azure's clouds. A token of one is worth nothing in another. */
export interface Cloud {
  readonly endpoint: string
  readonly authorityHost: string
  readonly scope: string
}

const cloud = (endpoint: string, authorityHost: string): Cloud => ({
  endpoint,
  authorityHost,
  scope: `${endpoint}/.default`,
})

export const clouds: Readonly<Record<CloudName, Cloud>> = {
  public: cloud('https://management.azure.com', 'https://login.microsoftonline.com'),
  usgovernment: cloud('https://management.usgovcloudapi.net', 'https://login.microsoftonline.us'),
  china: cloud('https://management.chinacloudapi.cn', 'https://login.chinacloudapi.cn'),
}
