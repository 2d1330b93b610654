import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type DenyAssignment,
  overlap,
  type Permission,
  type RoleAssignment,
  type RoleDefinition,
  type RoleFacts,
  roleAnswer,
} from '../../src/core/azure-role.ts'
import { globMatches } from '../../src/core/glob.ts'

const group = '/subscriptions/s1/resourceGroups/rg-shop'
const vmId = `${group}/providers/Microsoft.Compute/virtualMachines/vm-jump01`.toLowerCase()

const permission = (actions: readonly string[], but: Partial<Permission> = {}): Permission => ({
  actions,
  notActions: [],
  dataActions: [],
  notDataActions: [],
  ...but,
})
const role = (id: string, ...permissions: readonly Permission[]): RoleDefinition => ({ id, permissions })

const owner = role('owner', permission(['*']))
const contributor = role(
  'contributor',
  permission(['*'], {
    notActions: ['Microsoft.Authorization/*/Delete', 'Microsoft.Authorization/*/Write'],
  }),
)
const reader = role('reader', permission(['*/read']))
const vmContributor = role(
  'vm contributor',
  permission(['Microsoft.Authorization/*/read', 'Microsoft.Compute/virtualMachines/*']),
)
const login = role(
  'login',
  permission(['Microsoft.Compute/virtualMachines/*/read'], {
    dataActions: ['Microsoft.Compute/virtualMachines/login/action'],
  }),
)
const nothing = role('nothing')
const all = [owner, contributor, reader, vmContributor, login, nothing]

const assigned = (id: string, scope = group, conditional = false): RoleAssignment => ({
  scope,
  role: id,
  conditional,
})
const deny = (permissions: readonly Permission[], but: Partial<DenyAssignment> = {}): DenyAssignment => ({
  scope: group,
  notBelow: false,
  permissions,
  everyone: true,
  assigned: false,
  principals: [],
  excluded: [],
  ...but,
})
const facts = (but: Partial<RoleFacts> = {}): RoleFacts => ({
  vmId,
  entraId: 'E-Robin',
  groups: [],
  role: vmContributor,
  assignments: [assigned('vm contributor')],
  definitions: all,
  denies: [],
  ...but,
})

describe('who holds a role on a VM', () => {
  it.each<[string, string, 'held' | 'not held']>([
    ['on the VM itself', vmId.toUpperCase(), 'held'],
    ['on its resource group', group, 'held'],
    ['on its subscription', '/subscriptions/s1', 'held'],
    ['on a management group', '/providers/Microsoft.Management/managementGroups/mg1', 'held'],
    ['on everything', '/', 'held'],
    ['on another resource group', `${group}2`, 'not held'],
    ['on a group whose name only begins alike', group.slice(0, -1), 'not held'],
    ['on another subscription', '/subscriptions/s10', 'not held'],
    ['on a part of the VM only', `${vmId}/extensions/e1`, 'not held'],
  ])('to whom it is assigned %s', (_, scope, answer) => {
    expect(roleAnswer(facts({ assignments: [assigned('vm contributor', scope)] }))).toBe(answer)
  })

  it.each<[string, RoleDefinition, readonly RoleDefinition[], 'held' | 'not held']>([
    ['nobody without an assignment', vmContributor, [], 'not held'],
    ['an owner holds a narrower role', vmContributor, [owner], 'held'],
    ['so does a contributor, whose exceptions the role does not need', vmContributor, [contributor], 'held'],
    ['a reader does not', vmContributor, [reader], 'not held'],
    ['a contributor is no owner', owner, [contributor], 'not held'],
    ['an owner is a contributor', contributor, [owner], 'held'],
    ['an owner may do nothing inside the VM', login, [owner], 'not held'],
    ['who may log in is not a contributor', vmContributor, [login], 'not held'],
    [
      'several roles count together',
      vmContributor,
      [reader, role('more', permission(['microsoft.compute/VIRTUALMACHINES/*']))],
      'held',
    ],
    [
      'an exception that the wanted role has too takes nothing',
      contributor,
      [role('narrow', permission(['*'], { notActions: ['Microsoft.Authorization/*/Write'] }))],
      'held',
    ],
    [
      'an exception inside the wanted role takes it',
      vmContributor,
      [role('most', permission(['*'], { notActions: ['*/virtualMachines/delete'] }))],
      'not held',
    ],
    [
      'what the wanted role excepts is not needed',
      role('wanted', permission(['a/b', 'c/d'], { notActions: ['a/*'] })),
      [role('has', permission(['c/*']))],
      'held',
    ],
    ['a role that allows nothing is held only by assignment', nothing, [owner], 'not held'],
    ['a role that allows nothing, assigned', nothing, [nothing], 'held'],
  ])('%s', (_, wanted, held, answer) => {
    const given = facts({
      role: wanted,
      assignments: held.map(({ id }) => assigned(id)),
      definitions: held,
    })
    expect(roleAnswer(given)).toBe(answer)
  })

  it('nobody under a condition, which cannot be judged here', () => {
    expect(roleAnswer(facts({ assignments: [assigned('vm contributor', group, true)] }))).toBe('not held')
    expect(roleAnswer(facts({ assignments: [assigned('owner', group, true)] }))).toBe('not held')
  })

  it('nobody by a role whose definition is gone', () => {
    expect(roleAnswer(facts({ assignments: [assigned('owner')], definitions: [] }))).toBe('not held')
  })
})

describe('a deny assignment', () => {
  const writes = permission(['*/write', '*/delete'])

  it.each<[string, DenyAssignment, 'held' | 'denied']>([
    ['for everybody, of a part of the role', deny([writes]), 'denied'],
    ['of what the role does not allow', deny([permission(['Microsoft.Storage/*/write'])]), 'held'],
    ['of data only', deny([permission([], { dataActions: ['*'] })]), 'held'],
    [
      'that spares all that it would take',
      deny([permission(['*/virtualMachines/delete'], { notActions: ['*/delete'] })]),
      'held',
    ],
    [
      'that spares what the role allows',
      deny([permission(['*'], { notActions: ['*/read', 'Microsoft.Compute/*'] })]),
      'held',
    ],
    [
      'that spares a part of what the role allows',
      deny([permission(['*'], { notActions: ['*/read', 'Microsoft.Compute/virtualMachines/start/action'] })]),
      'denied',
    ],
    ['that spares this person', deny([writes], { excluded: ['e-robin'] }), 'held'],
    ['that spares a group of theirs', deny([writes], { excluded: ['g-theirs'] }), 'held'],
    ['that spares another group', deny([writes], { excluded: ['g-other'] }), 'denied'],
    ['for somebody else', deny([writes], { everyone: false, principals: ['e-kim'] }), 'held'],
    ['for this person', deny([writes], { everyone: false, principals: ['e-robin'] }), 'denied'],
    ['for a group of theirs', deny([writes], { everyone: false, principals: ['g-theirs'] }), 'denied'],
    ['that Azure itself finds for them', deny([writes], { everyone: false, assigned: true }), 'denied'],
    ['on another resource group', deny([writes], { scope: `${group}2` }), 'held'],
    ['that does not reach below its place', deny([writes], { notBelow: true }), 'held'],
    ['that does not reach below the VM', deny([writes], { notBelow: true, scope: vmId }), 'denied'],
    ['whose place is not said', deny([writes], { scope: '' }), 'denied'],
  ])('%s', (_, one, answer) => {
    expect(roleAnswer(facts({ groups: ['G-Theirs'], denies: [one] }))).toBe(answer)
  })

  it('beats a role that only covers the wanted one, too', () => {
    expect(roleAnswer(facts({ assignments: [assigned('owner')], denies: [deny([writes])] }))).toBe('denied')
  })

  it('of what the role itself excepts takes nothing', () => {
    const denies = [deny([permission(['Microsoft.Authorization/*/write'])])]
    const given = facts({ role: contributor, assignments: [assigned('contributor')], denies })
    expect(roleAnswer(given)).toBe('held')
    expect(roleAnswer({ ...given, role: owner, assignments: [assigned('owner')] })).toBe('denied')
  })
})

const words = fc.array(fc.constantFrom('a', 'b', '/', '*'), { maxLength: 6 }).map((parts) => parts.join(''))
const patterns = fc.array(words, { maxLength: 3 })
const permissions = fc.record({
  actions: patterns,
  notActions: patterns,
  dataActions: patterns,
  notDataActions: patterns,
})
const roles = fc.record({
  id: fc.constantFrom('r1', 'r2', 'r3'),
  permissions: fc.array(permissions, { maxLength: 2 }),
})
const denies = fc.record({
  scope: fc.constantFrom(group, vmId, '/subscriptions/s2'),
  notBelow: fc.boolean(),
  permissions: fc.array(permissions, { maxLength: 2 }),
  everyone: fc.boolean(),
  assigned: fc.boolean(),
  principals: fc.subarray(['e-robin', 'g1']),
  excluded: fc.subarray(['e-robin', 'g1']),
})
const anyFacts = fc.record({
  vmId: fc.constant(vmId),
  entraId: fc.constant('E-Robin'),
  groups: fc.subarray(['g1', 'g2']),
  role: roles,
  assignments: fc.array(
    fc.record({
      scope: fc.constantFrom(group, vmId, '/subscriptions/s2'),
      role: fc.constantFrom('r1', 'r2', 'r3'),
      conditional: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  definitions: fc.array(roles, { maxLength: 3 }),
  denies: fc.array(denies, { maxLength: 2 }),
})

/** Whether somebody who is granted something by the second answer was granted it by the first. */
const noMore = (before: RoleFacts, after: RoleFacts): boolean =>
  roleAnswer(after) !== 'held' || roleAnswer(before) === 'held'

describe('whatever Azure says', () => {
  it('another deny assignment never grants more', () => {
    fc.assert(
      fc.property(anyFacts, denies, (given, more) =>
        noMore(given, { ...given, denies: [...given.denies, more] }),
      ),
    )
  })

  it('another exception of a role that somebody has never grants more', () => {
    fc.assert(
      fc.property(anyFacts, words, fc.boolean(), (given, more, data) => {
        const except = (one: Permission): Permission =>
          data
            ? { ...one, notDataActions: [...one.notDataActions, more] }
            : { ...one, notActions: [...one.notActions, more] }
        const definitions = given.definitions.map((one) => ({
          ...one,
          permissions: one.permissions.map(except),
        }))
        return noMore(given, { ...given, definitions })
      }),
    )
  })

  it('one assignment less never grants more', () => {
    fc.assert(
      fc.property(anyFacts, (given) => noMore(given, { ...given, assignments: given.assignments.slice(1) })),
    )
  })

  it('a narrower deny assignment is felt by nobody whom the wider one spared', () => {
    fc.assert(
      fc.property(anyFacts, words, (given, spared) => {
        const spare = (one: DenyAssignment): DenyAssignment => ({
          ...one,
          permissions: one.permissions.map((part) => ({ ...part, notActions: [...part.notActions, spared] })),
        })
        return noMore({ ...given, denies: given.denies.map(spare) }, given)
      }),
    )
  })

  it('upper and lower case are alike', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const loud = JSON.parse(
          JSON.stringify(given, (key, value: unknown) =>
            typeof value === 'string' && !['id', 'role'].includes(key) && !/^[eg]/.test(value)
              ? value.toUpperCase()
              : value,
          ),
        )
        return roleAnswer(loud) === roleAnswer(given)
      }),
    )
  })
})

/** Texts that a pattern fits, each star standing for nothing or for one letter. */
const short = (pattern: string): string[] => {
  const [head, ...rest] = pattern.split('*')
  return rest.reduce<string[]>(
    (texts, part) => texts.flatMap((text) => ['', 'a', 'b', '/'].map((star) => text + star + part)),
    [head ?? ''],
  )
}

describe('two patterns', () => {
  it.each([
    ['*', 'anything/at/all', true],
    ['Microsoft.Compute/*/read', 'microsoft.compute/virtualMachines/*', true],
    ['*/read', '*/write', false],
    ['a/*/write', 'a/b/read', false],
    ['a*c', 'ab*', true],
    ['a*', 'b*', false],
    ['', '*', true],
    ['', 'a', false],
  ])('%s and %s', (one, other, common) => {
    expect(overlap(one, other)).toBe(common)
    expect(overlap(other, one)).toBe(common)
  })

  it('have something in common whenever some text fits both', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(words, words, texts, (one, other, text) => {
        if (globMatches(one, text) && globMatches(other, text)) expect(overlap(one, other)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('have a text that fits both whenever they have something in common', () => {
    const simple = fc
      .array(fc.constantFrom('a', 'b', '/', '*'), { maxLength: 3 })
      .map((parts) => parts.join(''))
    // Without a star the other pattern is the only text that can fit, which makes this direction exact.
    const plain = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 4 }).map((parts) => parts.join(''))
    fc.assert(fc.property(simple, plain, (one, text) => overlap(one, text) === globMatches(one, text)))
    fc.assert(fc.property(simple, (one) => short(one).every((text) => overlap(one, text))))
  })
})
