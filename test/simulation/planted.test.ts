import { describe, expect, test } from 'vitest'
import type { EngineParts } from '../../src/engine/engine.ts'
import type { Tx } from '../../src/ports.ts'
import { leads } from './office.ts'
import type { Spoil } from './process.ts'
import { run } from './simulation.ts'
import type { Invariant } from './witness.ts'

const seeds = Array.from({ length: 40 }, (_, index) => index + 1)

/** Whether one of a few runs shows that this promise is broken. */
async function isSeen(invariant: Invariant, spoil: Spoil): Promise<boolean> {
  for (const seed of seeds) {
    const { violations } = await run(seed, { spoil })
    if (violations.some((line) => line.startsWith(`${invariant}:`))) return true
  }
  return false
}

const insideTx =
  (change: (tx: Tx) => Partial<Tx>): Spoil =>
  (parts) => ({
    ...parts,
    store: {
      ...parts.store,
      transact: (work) => parts.store.transact((tx) => work({ ...tx, ...change(tx) })),
    },
  })

const withFirewall = (
  change: (firewall: EngineParts['firewall']) => Partial<EngineParts['firewall']>,
): Spoil => {
  return (parts) => ({ ...parts, firewall: { ...parts.firewall, ...change(parts.firewall) } })
}

const forgetsTheEnd: Spoil = (parts, world) => {
  const deaf = insideTx((tx) => ({
    putJobs: (jobs, now) =>
      tx.putJobs(
        jobs.filter(({ kind }) => kind !== 'expiry' && kind !== 'survey'),
        now,
      ),
  }))
  return deaf(parts, world)
}

const planted: readonly (readonly [Invariant, string, Spoil])[] = [
  ['I1', 'nothing closes in the end', forgetsTheEnd],
  [
    'I2',
    'rules are written otherwise than recorded',
    withFirewall((firewall) => ({
      open: (rule, signal) => firewall.open({ ...rule, priority: rule.priority + 7 }, signal),
    })),
  ],
  [
    'I3',
    'one gesture counts twice',
    (parts) => ({
      ...parts,
      store: {
        ...parts.store,
        receive: async (intake) => {
          await parts.store.receive({ ...intake, key: `${intake.key} again` })
          return parts.store.receive(intake)
        },
      },
    }),
  ],
  [
    'I4',
    'somebody’s own rule is removed as well',
    withFirewall((firewall) => ({
      close: async (rule, signal) => {
        await firewall.close({ ...rule, name: 'allow-office' }, signal)
        return firewall.close(rule, signal)
      },
    })),
  ],
  ['I5', 'an audit event is left out', insideTx((tx) => ({ audit: (events) => tx.audit(events.slice(1)) }))],
  [
    'I6',
    'everybody counts as a lead',
    (parts) => ({
      ...parts,
      directory: {
        ...parts.directory,
        member: async (person, groups) => ({
          ...(await parts.directory.member(person, groups)),
          known: true,
          bot: false,
          groups: [leads],
        }),
      },
    }),
  ],
  [
    'I7',
    'gestures are acknowledged and not kept',
    (parts) => ({ ...parts, store: { ...parts.store, receive: async () => true } }),
  ],
  [
    'I8',
    'notes are never posted',
    (parts) => ({ ...parts, chat: { ...parts.chat, note: async () => {}, tell: async () => {} } }),
  ],
  [
    'I9',
    'a rule counts as there before it is',
    withFirewall(() => ({ open: async () => ({ kind: 'present' as const }) })),
  ],
]

describe('each promise, when it is broken on purpose', () => {
  test.each(planted)('%s is seen to break: %s', async (invariant, _, spoil) => {
    expect(await isSeen(invariant, spoil)).toBe(true)
  })
})
