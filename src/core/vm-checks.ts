import { allOrNone, among, type Check, type Facts, unknown } from './check.ts'
import { compileGlobs, folded, type Glob } from './glob.ts'
import type { VmMatch } from './policy.ts'

/** A check of one text against globs. */
function textCheck(
  what: string,
  globs: readonly string[] | undefined,
  value: (facts: Facts) => string | null,
  shown: (facts: Facts) => string,
): Check[] {
  if (!globs) return []
  const matches = compileGlobs(globs)
  return [
    {
      what,
      fit: (facts) => {
        const text = value(facts)
        return text === null ? 'some' : allOrNone(matches(text))
      },
      because: (facts, fit) => (value(facts) === null ? unknown(what) : among(shown(facts), fit, globs)),
    },
  ]
}

function subscriptionCheck(globs: readonly string[] | undefined): Check[] {
  if (!globs) return []
  const matches: Glob = compileGlobs(globs)
  return [
    {
      what: 'its subscription',
      fit: ({ subscriptionName, subscriptionId }) =>
        allOrNone(matches(subscriptionName) || matches(subscriptionId)),
      because: ({ subject: { vm } }, fit) => among(vm.subscriptionName || vm.subscriptionId, fit, globs),
    },
  ]
}

function osCheck(systems: VmMatch['os']): Check[] {
  if (!systems) return []
  const what = 'its operating system'
  return [
    {
      what,
      fit: ({ subject: { vm } }) => (vm.os === null ? 'some' : allOrNone(systems.includes(vm.os))),
      because: ({ subject: { vm } }, fit) => (vm.os === null ? unknown(what) : among(vm.os, fit, systems)),
    },
  ]
}

function tagCheck(tag: string, globs: readonly string[]): Check {
  const matches = compileGlobs(globs)
  const key = folded(tag)
  return {
    what: `its tag ${tag}`,
    fit: ({ tags }) => {
      const value = tags.get(key)
      return allOrNone(value !== undefined && matches(value.folded))
    },
    because: ({ tags }, fit) => {
      const value = tags.get(key)
      return value === undefined ? 'the VM has no such tag' : among(value.shown, fit, globs)
    },
  }
}

/** What a rule asks of the VM. */
export const vmChecks = (match: VmMatch): Check[] => [
  ...textCheck(
    'the VM’s name',
    match.name,
    ({ vmName }) => vmName,
    ({ subject: { vm } }) => vm.name,
  ),
  ...textCheck(
    'its resource group',
    match.resourceGroup,
    ({ resourceGroup }) => resourceGroup,
    ({ subject: { vm } }) => vm.resourceGroup,
  ),
  ...subscriptionCheck(match.subscription),
  ...textCheck(
    'its tenant',
    match.tenant,
    ({ tenant }) => tenant,
    ({ subject: { vm } }) => vm.tenantId ?? '',
  ),
  ...textCheck(
    'its region',
    match.region,
    ({ region }) => region,
    ({ subject: { vm } }) => vm.location,
  ),
  ...osCheck(match.os),
  ...Object.entries(match.tags ?? {}).map(([tag, globs]) => tagCheck(tag, globs)),
]
