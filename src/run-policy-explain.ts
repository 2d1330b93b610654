import { parseArgs } from 'node:util'
import { mayType } from './core/address-policy.ts'
import { parseInstant } from './core/duration.ts'
import type { Policy, Verdict } from './core/policy.ts'
import type { Port } from './core/service.ts'
import { treeText } from './core/tree-text.ts'
import {
  answerTo,
  areAllNamed,
  type Question,
  type Read,
  readAddress,
  readLength,
  readPorts,
  untold,
} from './policy-question.ts'
import { loadPolicy, problemText } from './policy-source.ts'
import type { PolicyRun } from './run-policy.ts'

const options = {
  file: { type: 'string' },
  requester: { type: 'string' },
  group: { type: 'string', multiple: true },
  'entra-group': { type: 'string', multiple: true },
  'azure-role': { type: 'string', multiple: true },
  vm: { type: 'string' },
  'resource-group': { type: 'string' },
  subscription: { type: 'string' },
  tenant: { type: 'string' },
  region: { type: 'string' },
  os: { type: 'string' },
  tag: { type: 'string', multiple: true },
  service: { type: 'string' },
  for: { type: 'string' },
  source: { type: 'string' },
  at: { type: 'string' },
  reason: { type: 'string' },
} as const

export const explainUse = [
  'policy explain [FILE] --requester U --vm NAME --service rdp --for 30m',
  '  of the request:   [--source IP] [--at TIME] [--reason TEXT]',
  '  of the requester: [--group S…]… [--entra-group ID]… [--azure-role NAME]…',
  '  of the VM:        [--resource-group NAME] [--subscription NAME] [--tenant ID] [--region NAME]',
  '                    [--os windows|linux] [--tag NAME=VALUE]…',
].join('\n')

/** Where an option tells what the policy may look at. */
const optionOf: Readonly<Record<string, string>> = {
  resourceGroup: '--resource-group',
  subscription: '--subscription',
  tenant: '--tenant',
  region: '--region',
  os: '--os',
  tags: '--tag',
  groups: '--group',
  entraGroups: '--entra-group',
  azureRoles: '--azure-role',
  address: '--source',
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true })
}
type Given = ReturnType<typeof parse>['values']

/** Gathers everything that is wrong with the options, so that it can be said at once. */
class Mistakes {
  readonly all: string[] = []

  take<T>(option: string, read: Read<T>, instead: T): T {
    if (read.ok) return read.value
    this.all.push(`--${option}: ${read.why}`)
    return instead
  }

  need(option: keyof Given, given: Given, expected: string): string {
    const value = given[option]
    if (typeof value === 'string' && value !== '') return value
    this.all.push(`--${option}: is missing; expected ${expected}`)
    return ''
  }
}

function momentOf(text: string | undefined, now: number): Read<number> {
  if (text === undefined) return { ok: true, value: now }
  const moment = parseInstant(text)
  if (moment !== null) return { ok: true, value: moment }
  return {
    ok: false,
    why: `“${text}” is not a time; write it as in 2026-11-23T09:00+01:00, or without a zone for UTC`,
  }
}

function tagsOf(given: readonly string[]): Read<Record<string, string>> {
  const pairs = given.map((text) => [text, text.indexOf('=')] as const)
  const wrong = pairs.find(([, sign]) => sign < 1)
  if (wrong) return { ok: false, why: `“${wrong[0]}” is no tag; write it as in env=prod` }
  return {
    ok: true,
    value: Object.fromEntries(pairs.map(([text, sign]) => [text.slice(0, sign), text.slice(sign + 1)])),
  }
}

function osOf(text: string | undefined): Read<'windows' | 'linux' | undefined> {
  if (text === undefined || text === 'windows' || text === 'linux') return { ok: true, value: text }
  return { ok: false, why: `“${text}” is not allowed; expected windows or linux` }
}

/** That it is missing was said already. */
const unlessMissing = <T>(text: string, read: (text: string) => Read<T>, instead: T): Read<T> =>
  text === '' ? { ok: true, value: instead } : read(text)

function questionOf(given: Given, policy: Policy, now: number, mistakes: Mistakes): Question {
  const requester = mistakes.need('requester', given, 'a Slack user id such as U012ABCDEF')
  const name = mistakes.need('vm', given, 'the name of a VM')
  const service = mistakes.need('service', given, 'a service such as rdp, or a port such as 443/tcp')
  const length = mistakes.need('for', given, 'a duration such as 30m')
  const source: Read<string | null> =
    given.source === undefined ? { ok: true, value: null } : readAddress(given.source)
  return {
    requester,
    groups: given.group ?? [],
    entraGroups: given['entra-group'] ?? null,
    azureRoles: given['azure-role'] ?? null,
    vm: {
      name,
      resourceGroup: given['resource-group'],
      subscription: given.subscription,
      tenant: given.tenant,
      region: given.region,
      os: mistakes.take('os', osOf(given.os), undefined),
      tags: given.tag && mistakes.take('tag', tagsOf(given.tag), {}),
    },
    ports: mistakes.take<readonly Port[]>(
      'service',
      unlessMissing(service, (text) => readPorts(text, policy), []),
      [],
    ),
    durationMs: mistakes.take('for', unlessMissing(length, readLength, 0), 0),
    address: mistakes.take('source', source, null),
    learnt: mayType(policy) ? 'typed' : 'confirmed',
    at: mistakes.take('at', momentOf(given.at, now), now),
    reason: given.reason ?? null,
    used: { byPerson: 0, ofVm: 0, ofRule: 0 },
  }
}

/** Prints the decision tree that a request would get: 0 when it would be granted or put to approvers, 1 when not. */
export async function runPolicyExplain(args: readonly string[], run: PolicyRun): Promise<number> {
  const { values, positionals } = parse(args)
  const [positional, ...surplus] = positionals
  if (surplus.length > 0 || (positional !== undefined && values.file !== undefined)) {
    run.complain(`One policy file, please.\n\nUse: ${explainUse}`)
    return 2
  }
  const file = positional ?? values.file ?? run.defaultFile
  const loaded = await loadPolicy(file)
  if (!loaded.ok) {
    for (const problem of loaded.problems) run.complain(problemText(file, problem))
    return 2
  }
  const { policy } = loaded
  const mistakes = new Mistakes()
  const question = questionOf(values, policy, run.now, mistakes)
  if (mistakes.all.length > 0) {
    run.complain(`${mistakes.all.join('\n')}\n\nUse: ${explainUse}`)
    return 2
  }
  const verdict = answerTo(policy, question)
  run.say(treeText(verdict))
  for (const note of notesOf(policy, question, verdict)) run.say(note)
  return verdict.outcome === 'deny' ? 1 : 0
}

function notesOf(policy: Policy, question: Question, { outcome, terms }: Verdict): string[] {
  const unseen = outcome === 'needs approval' && terms !== null && !areAllNamed(terms)
  const missing = untold(policy, question).map((what) => optionOf[what] ?? what)
  const quotas = policy.rules.some(({ quota }) => Object.keys(quota).length > 0)
  return [
    ...(missing.length > 0
      ? [
          '',
          `The policy looks at more than was told, so the real answer may differ. Tell it with ${missing.join(', ')}.`,
        ]
      : []),
    ...(unseen
      ? [
          '',
          'The approvers were not looked up. When nobody but the requester could approve, the bot refuses.',
        ]
      : []),
    ...(quotas ? ['', 'Quotas are taken as unused.'] : []),
  ]
}
