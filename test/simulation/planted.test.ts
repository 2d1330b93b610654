import { describe, expect, test } from 'vitest'
import type { Note } from '../../src/core/effect.ts'
import type { PolicyRule } from '../../src/core/policy.ts'
import type { Request } from '../../src/core/request.ts'
import type { EngineParts } from '../../src/engine/engine.ts'
import type { Tx } from '../../src/ports.ts'
import { everybody, leads } from './office.ts'
import type { Spoil } from './process.ts'
import { run } from './simulation.ts'
import type { Invariant } from './witness.ts'

/** As many as the gate runs with nothing broken. */
const seeds = Array.from({ length: 100 }, (_, index) => index + 1)

/** Whether one of a few runs shows that this promise is broken, in these words. */
async function isSeen(invariant: Invariant, spoil: Spoil, words = /./): Promise<boolean> {
  for (const seed of seeds) {
    const { violations } = await run(seed, { spoil })
    if (violations.some((line) => line.startsWith(`${invariant}:`) && words.test(line))) return true
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

const withStore = (change: (store: EngineParts['store']) => Partial<EngineParts['store']>): Spoil => {
  return (parts) => ({ ...parts, store: { ...parts.store, ...change(parts.store) } })
}

const withRules = (change: (rule: PolicyRule) => Partial<PolicyRule>): Spoil => {
  return (parts) => ({
    ...parts,
    policy: () => {
      const policy = parts.policy()
      return { ...policy, rules: policy.rules.map((rule) => ({ ...rule, ...change(rule) })) }
    },
  })
}

const withRequests = (change: (request: Request) => Request): Spoil =>
  insideTx((tx) => ({
    save: (cases, now) =>
      tx.save(
        cases.map(({ request, grant }) => ({ request: change(request), grant })),
        now,
      ),
  }))

const withoutNote = (type: Note['type']): Spoil =>
  insideTx((tx) => ({ queueNotes: (notes) => tx.queueNotes(notes.filter(({ note }) => note.type !== type)) }))

const exceptions: readonly (readonly [Invariant, string, RegExp, Spoil])[] = [
  [
    'I6',
    'nobody asks what is stopped',
    /access during the stop/,
    insideTx(() => ({ panics: async () => [] })),
  ],
  ['I1', 'a stop ends nothing', /long after the stop/, withStore(() => ({ panic: async () => null }))],
  [
    'I1',
    'what a stop ends keeps its rules',
    /stands long after the stop/,
    (parts, { database }) => ({
      ...parts,
      firewall: {
        ...parts.firewall,
        close: async (rule, signal) => {
          const owner = database.tables.cases
            .all()
            .find(({ grant }) => grant?.rules.some(({ name }) => name === rule.name))?.grant
          const isStopped = owner?.state === 'closing' && owner.reason === 'panic'
          return isStopped
            ? { kind: 'try again' as const, why: 'it is broken', afterMs: null }
            : parts.firewall.close(rule, signal)
        },
      },
    }),
  ],
  [
    'I6',
    'everybody is an operator',
    /panic.begun by somebody who never could/,
    (parts) => ({
      ...parts,
      policy: () => ({ ...parts.policy(), operators: { users: [...everybody], groups: [] } }),
    }),
  ],
  [
    'I2',
    'access may follow on for ever',
    /longer than any policy/,
    withRules(({ terms }) => ({ terms: { ...terms, maxDurationMs: terms.maxDurationMs * 10 } })),
  ],
  [
    'I2',
    'an emergency may last as long as anything',
    /longer than any policy/,
    withRules(({ breakGlass }) =>
      breakGlass ? { breakGlass: { ...breakGlass, maxDurationMs: 20 * 60_000 } } : {},
    ),
  ],
  [
    'I6',
    'whoever is in stays without asking',
    /every policy since would have asked/,
    withRules(() => ({ extension: { kind: 'none' } })),
  ],
  [
    'I6',
    'every rule lets people break the glass',
    /every policy since would have asked/,
    withRules(() => ({ breakGlass: { maxDurationMs: 5 * 60_000, reviewers: { users: [], groups: [] } } })),
  ],
  [
    'I6',
    'nobody has to look at an emergency',
    /has no review/,
    withRequests((request) => {
      const { oversight, ...rest } = request
      return oversight ? rest : request
    }),
  ],
  [
    'I6',
    'whoever was in a hurry signs for it',
    /was signed by who asked for it/,
    withRequests((request) =>
      request.oversight?.state === 'signed'
        ? { ...request, oversight: { ...request.oversight, by: request.requester } }
        : request,
    ),
  ],
  [
    'I7',
    'nobody is reminded of an emergency',
    /no reminder waits/,
    insideTx((tx) => ({
      putJobs: (jobs, now) =>
        tx.putJobs(
          jobs.filter(({ kind }) => kind !== 'unsigned'),
          now,
        ),
    })),
  ],
  ['I7', 'nobody hears of an emergency', /nobody is told/, withoutNote('glass broken')],
  [
    'I1',
    'what follows on stays when the access before it is closed',
    /what it follows on from was closed/,
    insideTx((tx) => ({
      putJobs: (jobs, now) =>
        tx.putJobs(
          jobs.filter(({ kind }) => kind !== 'predecessor closed'),
          now,
        ),
    })),
  ],
]

describe('each promise, when it is broken on purpose', () => {
  test.each(planted)('%s is seen to break: %s', async (invariant, _, spoil) => {
    expect(await isSeen(invariant, spoil)).toBe(true)
  })

  test.each(exceptions)('%s is seen to break: %s', async (invariant, _, words, spoil) => {
    expect(await isSeen(invariant, spoil, words)).toBe(true)
  })
})
