import type { Operation } from './operations.ts'
import type { ArmResource, NamedRule, RuleProperties } from './world.ts'

export type ProvisioningState = 'Succeeded' | 'Updating' | 'Deleting' | 'Failed'

/** One rule: what Azure shows of it, and what it does to packets, which lags behind while a write runs. */
export interface Rule {
  name: string
  shown: RuleProperties
  state: ProvisioningState
  active?: ActiveRule
}

export interface ActiveRule {
  properties: RuleProperties
  from: number
  by: Author
}

export type Author = 'world' | 'arm' | 'group-put' | 'hand' | 'defender'

/** One version of a rule that let or kept out packets from `from` until `to`; `to` is null while it still does. */
export interface RuleVersion {
  nsg: string
  rule: string
  properties: RuleProperties
  from: number
  to: number | null
  by: Author
  endedBy: Author | null
}

interface Past {
  rules: Map<string, Rule>
  /** Reads that still tell the truth before the past shows. */
  skip: number
  reads: number
}

export class SecurityGroup {
  resource: ArmResource
  running: Operation | undefined
  rules = new Map<string, Rule>()
  /** How often open connections were judged anew. */
  flushes = 0
  readonly #ended: RuleVersion[] = []
  #past: Past | undefined
  #etag = 1

  constructor(resource: ArmResource, now: number) {
    this.resource = resource
    for (const rule of resource.properties.securityRules ?? []) this.put(rule, 'world', now)
  }

  get etag(): string {
    return `W/"e7a60000-0000-4000-8000-${this.#etag.toString(16).padStart(12, '0')}"`
  }

  rule(name: string): Rule | undefined {
    return this.rules.get(name.toLowerCase())
  }

  /** Shows a write that is accepted and not yet done; packets notice nothing. */
  announce(name: string, state: ProvisioningState, shown?: RuleProperties): void {
    const before = this.rule(name)
    const properties = shown ?? before?.shown
    if (!properties) return
    this.#etag++
    this.#set({
      name: before?.name ?? name,
      shown: properties,
      state,
      ...(before?.active && { active: before.active }),
    })
  }

  put(rule: NamedRule, by: Author, at: number, state: ProvisioningState = 'Succeeded'): void {
    this.#etag++
    this.#end(this.rule(rule.name), by, at)
    const active = { properties: rule.properties, from: at, by }
    this.#set({ name: rule.name, shown: rule.properties, state, active })
    this.#flush()
  }

  /** What else a PUT of the whole group writes; what its body leaves out is gone. */
  configure(tags: ArmResource['tags'], properties: ArmResource['properties']): void {
    this.#etag++
    const wasOn = this.resource.properties['flushConnection'] === true
    this.resource.properties = properties
    if (tags) this.resource.tags = tags
    else delete this.resource.tags
    if (!wasOn) this.#flush()
  }

  /** Open connections are judged anew when it is switched on, and from then on with every change of a rule. */
  #flush(): void {
    if (this.resource.properties['flushConnection'] === true) this.flushes++
  }

  delete(name: string, by: Author, at: number): void {
    this.#etag++
    this.#end(this.rule(name), by, at)
    this.rules.delete(name.toLowerCase())
    this.#flush()
  }

  /** Takes back what `announce` showed. */
  revert(name: string, state: ProvisioningState = 'Succeeded'): void {
    this.#etag++
    const rule = this.rule(name)
    if (!rule) return
    if (rule.active) this.#set({ ...rule, shown: rule.active.properties, state })
    else this.rules.delete(name.toLowerCase())
  }

  /** From now on a few reads will see the rules as they are at this moment. */
  remember(skip: number, reads: number): void {
    this.#past = { rules: new Map(this.rules), skip, reads }
  }

  /** What a reader is told, which after `remember` may be the past. */
  read(): Map<string, Rule> {
    const past = this.#past
    if (!past) return this.rules
    if (past.skip > 0) {
      past.skip--
      return this.rules
    }
    past.reads--
    if (past.reads <= 0) this.#past = undefined
    return past.rules
  }

  active(): NamedRule[] {
    const rules: NamedRule[] = []
    for (const { name, active } of this.rules.values()) {
      if (active) rules.push({ name, properties: active.properties })
    }
    return rules
  }

  activeAt(at: number): NamedRule[] {
    return this.history()
      .filter(({ from, to, by }) => (from <= at || by === 'world') && (to === null || to > at))
      .map(({ rule, properties }) => ({ name: rule, properties }))
  }

  history(): RuleVersion[] {
    const living = [...this.rules.values()].flatMap(({ name, active }) =>
      active ? [this.#version(name, active, null, null)] : [],
    )
    return [...this.#ended, ...living]
  }

  #set(rule: Rule): void {
    this.rules.set(rule.name.toLowerCase(), rule)
  }

  #end(rule: Rule | undefined, by: Author, at: number): void {
    if (rule?.active) this.#ended.push(this.#version(rule.name, rule.active, at, by))
  }

  #version(rule: string, active: ActiveRule, to: number | null, endedBy: Author | null): RuleVersion {
    const { properties, from, by } = active
    return { nsg: this.resource.id, rule, properties, from, to, by, endedBy }
  }
}

/** The security groups by lower-cased id, kept even after they are gone, for the history. */
export class SecurityGroups {
  readonly #living = new Map<string, SecurityGroup>()
  readonly #gone: SecurityGroup[] = []

  get(id: string): SecurityGroup | undefined {
    return this.#living.get(id.toLowerCase())
  }

  add(group: SecurityGroup): void {
    this.#living.set(group.resource.id.toLowerCase(), group)
  }

  remove(id: string, by: Author, at: number): void {
    const group = this.get(id)
    if (!group) return
    for (const name of group.rules.keys()) group.delete(name, by, at)
    this.#gone.push(group)
    this.#living.delete(id.toLowerCase())
  }

  all(): SecurityGroup[] {
    return [...this.#living.values()]
  }

  history(): RuleVersion[] {
    return [...this.#gone, ...this.#living.values()].flatMap((group) => group.history())
  }
}
