/** A resource id of Azure in its parts, all in lower case: Azure changes the case of ids as it likes. */
export interface ResourceId {
  readonly subscriptionId: string
  readonly resourceGroup: string
  /** For example `microsoft.network/virtualnetworks/subnets`. */
  readonly type: string
  /** One name for each level of the type. */
  readonly names: readonly string[]
}

const idForm = /^\/subscriptions\/([^/]+)\/resourcegroups\/([^/]+)\/providers\/([^/]+)\/(.+)$/

/** Null when the text is not the id of a resource in a resource group. */
export function parseResourceId(id: string): ResourceId | null {
  const match = idForm.exec(id.toLowerCase())
  if (!match) return null
  const [, subscriptionId = '', resourceGroup = '', provider = '', rest = ''] = match
  const parts = rest.split('/')
  if (parts.length % 2 !== 0 || parts.includes('')) return null
  return {
    subscriptionId,
    resourceGroup,
    type: [provider, ...parts.filter((_, index) => index % 2 === 0)].join('/'),
    names: parts.filter((_, index) => index % 2 === 1),
  }
}

export function composeResourceId(id: ResourceId): string {
  const [provider = '', ...types] = id.type.split('/')
  const rest = types.map((type, index) => `${type}/${id.names[index] ?? ''}`).join('/')
  return `/subscriptions/${id.subscriptionId}/resourcegroups/${id.resourceGroup}/providers/${provider}/${rest}`.toLowerCase()
}

/** The parts of an id that must be of this type. Another type is a mistake of the program, so it throws. */
export function expectType(id: string, type: string): ResourceId & { readonly name: string } {
  const parsed = parseResourceId(id)
  const name = parsed?.names.at(-1)
  if (parsed?.type !== type || name === undefined) throw new TypeError(`${id} is not the id of a ${type}`)
  return { ...parsed, name }
}

export const nsgType = 'microsoft.network/networksecuritygroups'
