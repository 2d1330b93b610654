import * as fc from 'fast-check'
import type { DenyRule, Match, PolicyRule, Subject } from '../../src/core/policy.ts'
import type { Port } from '../../src/core/service.ts'
import { waysLearnt } from '../../src/core/source.ts'
import { clock, person, subject, terms, vm } from './cases.ts'

const hour = 3_600_000

export const tcp = (number: number): Port => ({ number, protocol: 'tcp' })

export const rule = (
  name: string,
  match: Partial<Match> = {},
  but: Parameters<typeof terms>[0] = {},
): PolicyRule => ({
  name,
  match: { vm: {}, requester: {}, ...match },
  reason: { kind: 'optional' },
  quota: {},
  extension: { kind: 'same' },
  maxAddresses: 65_536,
  terms: terms({ rule: name, maxDurationMs: 48 * hour, ...but }),
})

export const refusal = (name: string, match: Partial<Match> = {}): DenyRule => ({
  name,
  match: { vm: {}, requester: {}, ...match },
})

type Part = { readonly [Key in keyof Match]?: Match[Key] }

const some = <T>(values: readonly T[], minLength = 1) => fc.subarray([...values], { minLength })
const names = some(['*', 'vm-*', 'vm-prod-*', 'vm-?', 'VM-1', '*-1', 'db-1'])
const vmPart = fc.oneof(
  names.map((name) => ({ name })),
  some(['rg-*', 'rg-a', 'rg-b', '*']).map((resourceGroup) => ({ resourceGroup })),
  some(['prod', 'p*', 's1', '*']).map((subscription) => ({ subscription })),
  some(['t1', 't*', '*']).map((tenant) => ({ tenant })),
  some(['westeurope', 'west*']).map((region) => ({ region })),
  some(['windows', 'linux'] as const).map((os) => ({ os })),
  some(['prod', 'p*', '*']).map((env) => ({ tags: { env } })),
  some(['prod', '']).map((tier) => ({ tags: { Tier: tier } })),
)
const requesterPart = fc.record(
  {
    users: some(['UALICE', 'UBOB'], 0),
    groups: some(['SDEV', 'SOPS'], 0),
    entraGroups: some(['e1', 'e2'], 0),
  },
  { requiredKeys: [] },
)
const sourcePart = fc.oneof(
  some(waysLearnt).map((kind) => ({ kind })),
  some(['81.2.69.0/24', '81.2.0.0/16', '81.2.69.142/32', '2a00::/16', '0.0.0.0/0']).map((within) => ({
    within,
  })),
)
const timePart = fc
  .record(
    {
      days: some([1, 2, 6, 7]),
      hours: fc.constantFrom({ from: 480, to: 1080 }, { from: 1320, to: 360 }, { from: 0, to: 1440 }),
    },
    { requiredKeys: [] },
  )
  .chain((given) =>
    fc.constantFrom('Europe/Berlin', 'UTC', 'America/Sao_Paulo').map((zone) => ({ ...given, zone })),
  )
const durationPart = fc.record(
  { atLeastMs: fc.constantFrom(hour, 2 * hour), atMostMs: fc.constantFrom(hour, 8 * hour) },
  { requiredKeys: [] },
)
const ports = fc.array(fc.constantFrom<Port>(tcp(22), tcp(3389), { number: 53, protocol: 'udp' }), {
  minLength: 1,
  maxLength: 2,
})

const partOf: fc.Arbitrary<Part> = fc.oneof<fc.Arbitrary<Part>[]>(
  vmPart.map((given) => ({ vm: given })),
  requesterPart.map((requester) => ({ requester })),
  ports.map((given) => ({ ports: given })),
  sourcePart.map((source) => ({ source })),
  timePart.map((time) => ({ time })),
  durationPart.map((duration) => ({ duration })),
  vmPart.map((given) => ({ not: { vm: given } })),
  requesterPart.map((requester) => ({ not: { requester } })),
  sourcePart.map((source) => ({ not: { source } })),
  timePart.map((time) => ({ not: { time } })),
)

/** What any rule may ask, in at most so many parts. */
export const parts = (maxLength = 3) => fc.array(partOf, { maxLength })

/** One match that asks all of it; of two parts about the same thing the later one counts. */
export const together = (all: readonly Part[]): Match =>
  all.reduce<Match>(
    (match, { vm: of = {}, requester = {}, source, not, ...rest }) => ({
      ...match,
      ...rest,
      vm: { ...match.vm, ...of, ...('tags' in of && { tags: { ...match.vm.tags, ...of.tags } }) },
      requester: { ...match.requester, ...requester },
      ...(source && { source: { ...match.source, ...source } }),
      ...(not && { not: { ...match.not, ...not } }),
    }),
    { vm: {}, requester: {} },
  )

export const anyMatch = parts().map(together)

export const anySubject: fc.Arbitrary<Subject> = fc
  .record({
    requester: fc.constantFrom('UALICE', 'UBOB', 'UCAROL').map(person),
    groups: some(['SDEV', 'SOPS'], 0),
    entraGroups: fc.option(some(['e1', 'e2'], 0)),
    vm: fc
      .record({
        name: fc.constantFrom('vm-1', 'vm-prod-1', 'db-1', 'vm-x'),
        resourceGroup: fc.constantFrom('rg-a', 'rg-b', 'other'),
        subscriptionName: fc.constantFrom('prod', 'play', 'dev'),
        location: fc.constantFrom('westeurope', 'westus', 'eastus'),
        os: fc.constantFrom('windows', 'linux', null),
        tags: fc.dictionary(fc.constantFrom('ENV', 'tier', 'x'), fc.constantFrom('prod', 'play', '')),
        tenant: fc.constantFrom('t1', 'other', null),
      })
      .map(({ tenant, ...given }) => vm({ ...given, ...(tenant !== null && { tenantId: tenant }) })),
    ports,
    source: fc.record({
      address: fc.constantFrom('81.2.69.142', '81.2.70.1', '81.2.0.0/16', '9.9.9.9', '2a00:1450::1', ''),
      learnt: fc.constantFrom(...waysLearnt),
    }),
    startsAt: fc.constantFrom(
      clock('09:00'),
      clock('17:30'),
      clock('23:50'),
      Date.UTC(2026, 9, 25, 0, 30),
      Date.UTC(2018, 10, 3, 20),
    ),
    durationMs: fc.constantFrom(0, 1, hour / 2, hour, 2 * hour, 8 * hour, 31 * hour),
  })
  .map(subject)
