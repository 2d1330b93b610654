/** Only characters of a resource id reach a shell, and none that would begin an option or end the quotes. */
const groupForm =
  /^\/subscriptions\/(\w[\w-]{0,63})\/resourcegroups\/([\w(][\w\-.()]{0,89})\/providers\/microsoft\.network\/networksecuritygroups\/(\w[\w\-.]{0,79})$/i
const ruleForm = /^\w[\w\-.]{0,79}$/

/** The command that removes a rule by hand; null when a name could mean something else to a shell. */
export function removeCommand(nsgId: string, name: string): string | null {
  const [, subscription, resourceGroup, nsg] = groupForm.exec(nsgId) ?? []
  return nsg !== undefined && ruleForm.test(name)
    ? `az network nsg rule delete --subscription ${subscription} --resource-group "${resourceGroup}" --nsg-name ${nsg} --name ${name}`
    : null
}
