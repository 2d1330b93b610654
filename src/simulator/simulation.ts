import { Buckets } from './buckets.ts'
import { Calls } from './calls.ts'
import { Faults } from './faults.ts'
import { type Duration, Operations } from './operations.ts'
import { Resources } from './resources.ts'
import { type RuleVersion, SecurityGroup, SecurityGroups } from './security-groups.ts'
import { Tokens } from './tokens.ts'
import type { World } from './world.ts'
import type { AuthorizationWorld, EntraWorld, HeldRole } from './world-access.ts'
import type { GovernanceWorld } from './world-governance.ts'

/** What a second write to a security group meets while the first still runs; Azure has been seen to do all three. */
export const busyAnswers = ['retryable', 'conflict', 'supersede'] as const
type BusyAnswer = (typeof busyAnswers)[number]

export const jitGroups = ['all', 'nic', 'subnet'] as const
type JitGroups = (typeof jitGroups)[number]
export const jitSupersedes = ['port', 'source', 'none'] as const
type JitSupersedes = (typeof jitSupersedes)[number]

export interface Settings {
  latencyMs: number
  operationMs: number
  operationPolls: number
  buckets: boolean
  tokenLifetimeSeconds: number
  whileBusy: BusyAnswer
  /** The one `X-IDENTITY-HEADER` that gets tokens; with an empty one, any does. */
  identityHeader: string
  /** Whether `flushConnection` is enabled in the regions; it was not when last seen. */
  flushConnection: boolean
  /** How long after its answer Defender for Cloud writes the rule of a request. */
  jitOpenMs: number
  /** How long after the end of a request Defender for Cloud removes its rule. */
  jitCloseMs: number
  /** Into which of the groups before a machine it writes; nobody has said. */
  jitGroups: JitGroups
  /** Whether each port gets a rule of its own. */
  jitRulePerPort: boolean
  /** What a newer request replaces: all others for the same port, those from the same address, or none. */
  jitSupersedes: JitSupersedes
}

const groupType = 'microsoft.network/networksecuritygroups'

/** All state of one simulated Azure. Nothing in it runs by itself: operations end when somebody looks. */
export class Simulation {
  readonly settings: Settings
  readonly now: () => number
  readonly resources: Resources
  readonly directory: EntraWorld
  readonly authorization: AuthorizationWorld
  readonly governance: GovernanceWorld
  /** What the calling identity may do; everything when null. */
  roles: HeldRole[] | null
  /** Tenants, in lower case, where Entra gives the application no token. */
  readonly closedTenants: Set<string>
  readonly groups = new SecurityGroups()
  readonly operations = new Operations()
  readonly faults = new Faults()
  readonly calls = new Calls()
  /** The rights by which Resource Graph showed something: it hides in silence what may not be read. */
  readonly shownBy = new Set<string>()
  readonly buckets = new Buckets()
  readonly tokens: Tokens
  /** What others do to this Azure by themselves; caught up with whenever somebody looks. */
  readonly chores: ((now: number) => void)[] = []
  #catchingUp = false
  readonly #startedAt: number

  constructor(world: World, settings: Settings, now: () => number) {
    this.settings = settings
    this.now = now
    this.#startedAt = now()
    this.resources = new Resources(world)
    this.directory = structuredClone(world.directory ?? { users: [], groups: [] })
    this.authorization = structuredClone(
      world.authorization ?? { roles: [], roleAssignments: [], denyAssignments: [] },
    )
    this.governance = structuredClone(world.governance ?? { adminRules: [], policies: [] })
    this.roles = world.roles ?? null
    this.closedTenants = new Set(world.closedTenants?.map((each) => each.toLowerCase()))
    this.tokens = new Tokens(world.tenantId)
  }

  /** The security group as it is now, with an operation whose time has come already ended. */
  group(id: string): SecurityGroup | undefined {
    this.catchUp()
    const group = this.groups.get(id) ?? this.#open(id)
    if (group?.running) this.operations.settle(group.running, this.now())
    return group
  }

  catchUp(): void {
    if (this.#catchingUp) return
    this.#catchingUp = true
    for (const chore of this.chores) chore(this.now())
    this.#catchingUp = false
  }

  duration(): Duration {
    const { operationMs: ms, operationPolls: polls } = this.settings
    return { ...(ms > 0 && { ms }), ...(polls > 0 && { polls }) }
  }

  history(): RuleVersion[] {
    this.catchUp()
    for (const resource of this.resources.list(groupType)) this.group(resource.id)
    return this.groups.history()
  }

  world(): World {
    const { tenantId, subscriptions, groups, locks } = this.resources
    const resources = this.resources.list().map((resource) => {
      const group = this.group(resource.id)
      if (!group) return resource
      return { ...resource, properties: { ...resource.properties, securityRules: group.active() } }
    })
    return {
      tenantId,
      subscriptions: [...subscriptions.values()],
      resourceGroups: [...groups.values()],
      resources,
      locks,
      ...(this.closedTenants.size > 0 && { closedTenants: [...this.closedTenants] }),
      ...(this.roles && { roles: this.roles }),
      directory: this.directory,
      authorization: this.authorization,
      governance: this.governance,
    }
  }

  // A world may hold a hundred thousand groups, most of which nobody ever asks for.
  #open(id: string): SecurityGroup | undefined {
    const resource = this.resources.get(id)
    if (resource?.type.toLowerCase() !== groupType) return undefined
    const group = new SecurityGroup(resource, this.#startedAt)
    this.groups.add(group)
    return group
  }
}
