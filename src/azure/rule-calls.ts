import type { Rule } from '../core/grant.ts'
import type { LiveRule } from '../ports.ts'
import { azureError, shapeOf, textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { type Answer, missingAsNull } from './faults.ts'
import { expectType, nsgType } from './resource-id.ts'
import { toLiveRule, toSecurityRule } from './security-rule.ts'

type Operation =
  | { readonly kind: 'running' }
  | { readonly kind: 'succeeded' }
  /** Azure gave up on it; the answer holds the reason, when it told one. */
  | { readonly kind: 'failed'; readonly answer: Answer }

/** The calls that there are for one security rule. Each is one request, and throws an `ArmFault`. */
export interface RuleCalls {
  /** Both answer where the operation can be asked after, or null when Azure was done at once. */
  put(rule: Rule, access: LiveRule['access'], signal: AbortSignal): Promise<string | null>
  /** `check` is asked when the turn has come, right before the delete is sent, and says which etag must still stand. */
  remove(signal: AbortSignal, check?: () => Promise<string | null>): Promise<string | null>
  /** Null when Azure says that there is no such rule, or no such group. */
  read(signal: AbortSignal): Promise<LiveRule | null>
  operation(url: string, signal: AbortSignal): Promise<Operation>
}

/** Only path and query are kept: the token must not follow a header to another host. */
export function pathOf(url: string): string {
  const { pathname, search } = new URL(url, 'https://management.azure.com')
  return pathname + search
}

async function readOperation(arm: Arm, url: string, signal: AbortSignal): Promise<Operation> {
  const { value, answer } = await arm.get(pathOf(url), signal)
  const status = textOf(shapeOf(value)['status'])
  if (status === 'Succeeded') return { kind: 'succeeded' }
  if (status !== 'Failed' && status !== 'Canceled') return { kind: 'running' }
  const { codes, message } = azureError(value)
  return {
    kind: 'failed',
    answer: {
      status: 200,
      codes: codes.length > 0 ? codes : [status],
      message,
      afterMs: null,
      operationUrl: null,
      requestId: answer?.requestId ?? null,
    },
  }
}

export interface Tagged {
  readonly live: LiveRule
  /** Null where Azure shows none. */
  readonly etag: string | null
}

/** Null when Azure says that there is no such rule, or no such group. */
export function readTagged(
  arm: Arm,
  nsgId: string,
  ruleName: string,
  signal: AbortSignal,
): Promise<Tagged | null> {
  const { subscriptionId, resourceGroup, name } = expectType(nsgId, nsgType)
  const rules = arm.network(subscriptionId).securityRules
  const reading = arm.pace.read(subscriptionId, signal, () =>
    arm.call(signal, (options) => rules.get(resourceGroup, name, ruleName, options)),
  )
  return missingAsNull(reading.then(({ value }) => ({ live: toLiveRule(value), etag: value.etag || null })))
}

export function ruleCalls(arm: Arm, nsgId: string, ruleName: string): RuleCalls {
  const { subscriptionId, resourceGroup, name } = expectType(nsgId, nsgType)
  const rules = arm.network(subscriptionId).securityRules
  return {
    async put(rule, access, signal) {
      // The poller sends at once and is asked for nothing else: its own polling obeys any Retry-After.
      const reply = await arm.call(signal, (options) =>
        rules
          .createOrUpdate(resourceGroup, name, ruleName, toSecurityRule(rule, access), options)
          .submitted(),
      )
      return reply.answer?.operationUrl ?? null
    },
    async remove(signal, check) {
      const reply = await arm.pace.remove(subscriptionId, `${nsgId}/${ruleName}`, signal, async () => {
        const etag = check ? await check() : null
        const only = etag === null ? {} : { requestOptions: { headers: { 'If-Match': etag } } }
        return arm.call(signal, (options) =>
          rules.delete(resourceGroup, name, ruleName, { ...options, ...only }).submitted(),
        )
      })
      return reply.answer?.operationUrl ?? null
    },
    read: async (signal) => (await readTagged(arm, nsgId, ruleName, signal))?.live ?? null,
    operation: (url, signal) => readOperation(arm, url, signal),
  }
}
