import { type Answer, ArmFault, passes } from '../../src/azure/faults.ts'
import { isOurs, type Rule } from '../../src/core/grant.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import type { Hop, Vm } from '../../src/core/vm.ts'

/** Who wrote a rule: the bot, or a person or a tool beside it. */
export type Author = 'bot' | 'somebody'

/** A rule as it stood from one moment to another. */
export interface Version {
  readonly nsgId: string
  readonly name: string
  live: LiveRule
  readonly by: Author
  readonly from: number
  to: number | null
  /** When Azure said that it was done, as long as it did. */
  succeededAt: number | null
}

interface Group {
  readonly id: string
  readonly rules: Map<string, Version>
  /** What every read of the group would have shown, from each moment on. */
  readonly past: { readonly at: number; readonly rules: readonly LiveRule[] }[]
  /** The write that is under way. */
  busy: string | null
  locked: boolean
  deleted: boolean
}

interface Operation {
  readonly url: string
  status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled'
}

export interface Witnesses {
  readonly began: (version: Version) => void
  readonly ended: (version: Version) => void
  /** The bot changed or removed a rule that is not its own. */
  readonly foreign: (what: string) => void
}

export const subscription = 's1'
export const nsg = (name: string): string =>
  `/subscriptions/${subscription}/resourcegroups/rg/providers/microsoft.network/networksecuritygroups/${name}`

const vmOf = (name: string, tags: Vm['tags']): Vm => ({
  id: `/subscriptions/${subscription}/resourcegroups/rg/providers/microsoft.compute/virtualmachines/${name}`,
  name,
  resourceGroup: 'rg',
  subscriptionId: subscription,
  subscriptionName: 'Main',
  location: 'westeurope',
  os: 'linux',
  tags,
})

interface Place {
  readonly vm: Vm
  readonly hops: readonly Hop[]
}

const place = (name: string, address: string, groups: readonly string[], tags: Vm['tags'] = {}): Place => ({
  vm: vmOf(name, tags),
  hops: groups.map((group, index) => ({
    nsgId: nsg(group),
    attachedTo: index === 0 ? 'subnet' : 'network interface',
    destinations: [address],
  })),
})

export const places: readonly Place[] = [
  place('vm-a', '10.0.0.4', ['subnet', 'nic']),
  place('vm-b', '10.0.0.5', ['subnet']),
  place('vm-prod', '10.0.0.6', ['prod'], { env: 'prod' }),
  place('vm-web', '10.0.0.7', ['web']),
  place('vm-bare', '10.0.0.8', []),
]

export const answerOf = (status: number, code: string, afterMs: number | null = null): Answer => ({
  status,
  codes: [code],
  message: code,
  afterMs,
  operationUrl: null,
  requestId: null,
})

export function armFault(answer: Answer): ArmFault {
  const kind = passes(answer) ? 'try again' : 'permanent'
  return new ArmFault(answer.codes[0] ?? 'unknown', answer.message, { kind, answer, cause: null })
}

const foreignRule = (name: string, priority: number): LiveRule => ({
  name,
  description: 'somebody’s own',
  priority,
  direction: 'Inbound',
  access: 'Allow',
  sources: ['10.9.0.0/16'],
  destinations: ['*'],
  ports: ['443'],
  protocol: 'Tcp',
  provisioning: 'Succeeded',
})

/** What truly stands in Azure. Nothing here fails by chance: what goes wrong is said by the caller. */
export class Cloud {
  readonly #groups = new Map<string, Group>()
  readonly #operations = new Map<string, Operation>()
  readonly #now: () => number
  readonly #witnesses: Witnesses
  /** What once was a rule of ours stays one, whatever somebody writes into its description. */
  readonly #known = new Set<string>()
  #count = 0

  constructor(now: () => number, witnesses: Witnesses) {
    this.#now = now
    this.#witnesses = witnesses
    for (const id of new Set(places.flatMap(({ hops }) => hops.map((hop) => hop.nsgId)))) {
      this.#groups.set(id, { id, rules: new Map(), past: [], busy: null, locked: false, deleted: false })
      this.write(id, foreignRule('allow-office', 200), 'somebody')
      this.write(id, foreignRule('taken', 3001), 'somebody')
    }
  }

  groups(): readonly Group[] {
    return [...this.#groups.values()].filter((group) => !group.deleted)
  }

  group(nsgId: string): Group {
    const group = this.#groups.get(nsgId)
    if (!group || group.deleted) throw armFault(answerOf(404, 'ResourceNotFound'))
    return group
  }

  /** Everything of ours that stands somewhere. */
  ours(): Version[] {
    return this.groups().flatMap(({ rules }) =>
      [...rules.values()].filter(({ live }) => isOurs(live.name, live.description)),
    )
  }

  #remember(group: Group): void {
    group.past.push({ at: this.#now(), rules: [...group.rules.values()].map(({ live }) => live) })
  }

  /** What a read shows that comes from a copy as old as this. */
  shown(nsgId: string, lagMs: number): readonly LiveRule[] {
    const { past } = this.group(nsgId)
    return (past.findLast(({ at }) => at <= this.#now() - lagMs) ?? past[0])?.rules ?? []
  }

  write(nsgId: string, live: LiveRule, by: Author): Version {
    const group = this.group(nsgId)
    const before = group.rules.get(live.name)
    if (isOurs(live.name, live.description)) this.#known.add(`${nsgId} ${live.name}`)
    const version: Version = {
      nsgId,
      name: live.name,
      live,
      by,
      from: this.#now(),
      to: null,
      succeededAt: live.provisioning === 'Succeeded' ? this.#now() : null,
    }
    if (before) this.#end(before)
    group.rules.set(live.name, version)
    this.#remember(group)
    this.#witnesses.began(version)
    return version
  }

  remove(nsgId: string, name: string): void {
    const group = this.#groups.get(nsgId)
    const version = group?.rules.get(name)
    if (!group || !version) return
    group.rules.delete(name)
    this.#end(version)
    this.#remember(group)
  }

  #end(version: Version): void {
    version.to = this.#now()
    this.#witnesses.ended(version)
  }

  /** The same rule in another state of its provisioning. */
  #provision(nsgId: string, name: string, provisioning: LiveRule['provisioning']): void {
    const group = this.#groups.get(nsgId)
    const version = group?.rules.get(name)
    if (!group || !version) return
    version.live = { ...version.live, provisioning }
    if (provisioning === 'Succeeded') version.succeededAt ??= this.#now()
    this.#remember(group)
  }

  /** Somebody else’s new rule takes a priority that was free. */
  take(nsgId: string, priority: number): void {
    const free = [...this.group(nsgId).rules.values()].every(({ live }) => live.priority !== priority)
    if (free) this.write(nsgId, foreignRule(`taken-${priority}`, priority), 'somebody')
  }

  /** A PUT arrives. Answers the operation, and what ends it. */
  put(nsgId: string, rule: Rule, wanted: LiveRule): Started {
    const group = this.#free(nsgId)
    const before = group.rules.get(rule.name)
    if (before && !this.#isOurs(before)) this.#witnesses.foreign(`${rule.name} was written over`)
    const taken = [...group.rules.values()].some(
      ({ name, live }) =>
        name !== rule.name && live.priority === rule.priority && live.direction === 'Inbound',
    )
    if (taken) throw armFault(answerOf(400, 'SecurityRuleConflict'))
    this.write(nsgId, { ...wanted, provisioning: 'Updating' }, 'bot')
    return this.#start(group, (status) => {
      if (status === 'Succeeded') this.#provision(nsgId, rule.name, 'Succeeded')
      else if (status === 'Failed') this.#provision(nsgId, rule.name, 'Failed')
      else if (before) this.write(nsgId, before.live, before.by)
      else this.remove(nsgId, rule.name)
    })
  }

  /** A DELETE arrives; null when there is nothing to delete. */
  delete(nsgId: string, name: string): Started | null {
    const group = this.#free(nsgId)
    const version = group.rules.get(name)
    if (!version) return null
    if (group.locked) throw armFault(answerOf(409, 'ScopeLocked'))
    if (!this.#isOurs(version)) this.#witnesses.foreign(`${name} was removed`)
    this.#provision(nsgId, name, 'Deleting')
    return this.#start(group, (status) => {
      if (status === 'Succeeded') this.remove(nsgId, name)
      else this.#provision(nsgId, name, 'Succeeded')
    })
  }

  #isOurs({ nsgId, name, live }: Version): boolean {
    return isOurs(name, live.description) || this.#known.has(`${nsgId} ${name}`)
  }

  #free(nsgId: string): Group {
    const group = this.group(nsgId)
    if (group.busy !== null) throw armFault(answerOf(429, 'RetryableErrorDueToAnotherOperation'))
    return group
  }

  #start(group: Group, ended: (status: Ending) => void): Started {
    this.#count += 1
    const operation: Operation = { url: `/operations/${this.#count}`, status: 'InProgress' }
    this.#operations.set(operation.url, operation)
    group.busy = operation.url
    return {
      url: operation.url,
      end: (status) => {
        operation.status = status
        group.busy = null
        ended(status)
      },
    }
  }

  operation(url: string): Operation['status'] {
    const operation = this.#operations.get(url)
    if (!operation) throw armFault(answerOf(404, 'OperationNotFound'))
    return operation.status
  }

  deleteGroup(nsgId: string): void {
    const group = this.group(nsgId)
    for (const name of group.rules.keys()) this.remove(nsgId, name)
    group.deleted = true
  }
}

export type Ending = 'Succeeded' | 'Failed' | 'Canceled'

export interface Started {
  readonly url: string
  readonly end: (status: Ending) => void
}
