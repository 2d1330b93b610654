/** Commands for a shell. A name that could mean something else there makes none. */

const groupForm =
  /^\/subscriptions\/(\w[\w-]{0,63})\/resourcegroups\/([\w(][\w\-.()]{0,89})\/providers\/microsoft\.network\/networksecuritygroups\/(\w[\w\-.]{0,79})$/i
const ruleForm = /^\w[\w\-.]{0,79}$/

type Verb = 'delete' | 'update' | 'create'

/** How a command for one rule begins; null when a name could mean something else to a shell. */
export function azRule(
  verb: Verb,
  { nsgId, name }: { readonly nsgId: string; readonly name: string },
): string | null {
  const [, subscription, resourceGroup, nsg] = groupForm.exec(nsgId) ?? []
  if (nsg === undefined || !ruleForm.test(name)) return null
  return `az network nsg rule ${verb} --subscription ${subscription} --resource-group "${resourceGroup}" --nsg-name ${nsg} --name ${name}`
}

const wordForm = /^[\w.:/-]+$/

/** Values of an option; null when one of them could mean something else to a shell. */
export function azValues(option: string, values: readonly string[]): string | null {
  if (
    values.length === 0 ||
    !values.every((value) => value === '*' || (wordForm.test(value) && !value.startsWith('-')))
  )
    return null
  return `--${option} ${values.map((value) => (value === '*' ? "'*'" : value)).join(' ')}`
}
