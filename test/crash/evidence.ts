import type { AuditRecord } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import type { Call } from '../../src/simulator/calls.ts'
import type { RuleVersion } from '../../src/simulator/security-groups.ts'
import type { NamedRule, World } from '../../src/simulator/world.ts'
import type { Ledger } from './orders.ts'
import { type Gesture, type Rest, type Scene, waiting } from './scene.ts'

/** What a message said from one moment on: each post and each edit is one of these. */
interface Said {
  readonly at: number
  readonly channel: string
  readonly inThread: boolean
  readonly edit: boolean
  readonly text: string
  /** The request that it is about. */
  readonly requestId: string | null
}

/** Everything that is known of a run from outside the bot, when the run has come to rest. All times are of one clock. */
export interface Evidence {
  /** Every version of every rule that ever let packets in or kept them out. */
  readonly versions: readonly RuleVersion[]
  readonly calls: readonly Call[]
  /** Everything in Azure, without the rules that the bot wrote, before and after. */
  readonly others: { readonly before: string; readonly after: string }
  /** When each life of the bot began. */
  readonly starts: readonly number[]
  readonly rests: readonly Rest[]
  readonly gestures: readonly Gesture[]
  readonly audit: readonly AuditRecord[]
  readonly cases: readonly Case[]
  readonly said: readonly Said[]
  /** Jobs that should have been done by now, in words. */
  readonly undone: readonly string[]
}

const named = /^jit-([a-z0-9]+)-(\d+)$/i

/** The grant and the expiry that a rule's name tells, or null when the rule is somebody else's. */
export function nameOf(rule: string): { grantId: string; expiresAt: number } | null {
  const [, grantId, seconds] = named.exec(rule) ?? []
  return grantId === undefined ? null : { grantId, expiresAt: Number(seconds) * 1000 }
}

const isForeign = ({ name, properties }: NamedRule) =>
  nameOf(name) === null || !properties.description?.startsWith('jitney')

/** The world in words, without what the bot wrote. */
function withoutOurs(world: World): string {
  const resources = world.resources.map((resource) => {
    const { securityRules, ...properties } = resource.properties
    return {
      ...resource,
      properties: { ...properties, securityRules: (securityRules ?? []).filter(isForeign) },
    }
  })
  return JSON.stringify({ ...world, resources }, null, 1)
}

function saidBy(scene: Scene): Said[] {
  const said = scene.slack.workspace.messages.all.flatMap((message) =>
    message.versions.map((version, index) => ({
      at: version.at,
      channel: message.channel,
      inThread: message.threadTs !== undefined,
      edit: index > 0,
      text: version.text,
      requestId: /request ([0-9a-z]{10})\b/i.exec(version.text)?.[1] ?? null,
    })),
  )
  return said.toSorted((a, b) => a.at - b.at)
}

/** What has just become due is being done. */
const leewayMs = 5_000

/** Gathers it from Azure, Slack and the database, which is read through the bot unless it was read before. */
export async function gather(scene: Scene, ledger?: Ledger): Promise<Evidence> {
  const { next } = ledger ?? (await scene.look())
  return {
    versions: scene.azure.history(),
    calls: scene.azure.calls(),
    others: { before: withoutOurs(scene.before), after: withoutOurs(scene.azure.world()) },
    starts: scene.starts,
    rests: scene.rests,
    gestures: scene.gestures,
    audit: ledger?.audit ?? scene.audit,
    cases: ledger?.cases ?? [...scene.cases.values()],
    said: saidBy(scene),
    undone: waiting(next, scene.now() - leewayMs),
  }
}
