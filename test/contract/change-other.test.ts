import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Arm, connectArm } from '../../src/azure/arm.ts'
import { nsgFirewall } from '../../src/azure/nsg-firewall.ts'
import { nsgShield } from '../../src/azure/shield.ts'
import type { RuleChange } from '../../src/core/convert.ts'
import type { Shield } from '../../src/ports.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import type { RuleProperties } from '../../src/simulator/world.ts'
import { simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { never, nsgId, readyClock } from './firewall.contract.ts'

let azure: Simulator
let arm: Arm
let shield: Shield
beforeAll(async () => {
  azure = await startTestSimulator({ tokenLifetimeSeconds: 10_000_000 })
  arm = connectArm({
    clock: readyClock(),
    endpoint: azure.url,
    credential: simulatorCredential(azure, 10_000_000),
    callTimeoutMs: 2_000,
  })
  shield = nsgShield({ arm, patienceMs: 5_000 })
  return () => azure.close()
})

const group = 'nsg-jump01-nic'
const name = 'theirs'
const open: RuleProperties = {
  access: 'Allow',
  direction: 'Inbound',
  protocol: 'Tcp',
  priority: 700,
  description: 'By hand, Ümläut & “quotes”.',
  sourceAddressPrefix: '*',
  sourcePortRange: '*',
  destinationAddressPrefix: '*',
  destinationPortRange: '3389',
}
const without = (properties: RuleProperties, ...fields: (keyof RuleProperties)[]): RuleProperties => {
  const rest = { ...properties }
  for (const field of fields) delete rest[field]
  return rest
}
const put = (properties: RuleProperties, as = name) =>
  azure.mutate({ do: 'put-rule', nsg: group, name: as, properties })
const live = (as = name) => azure.rules(group)[as]
const writes = () => azure.calls().filter(({ method }) => method === 'PUT' || method === 'DELETE').length

type To = { readonly kind: 'sources' | 'ports'; readonly to: readonly string[] } | { readonly kind: 'delete' }
const inside: To = { kind: 'sources', to: ['VirtualNetwork'] }
/** The change of the rule as it stands now, as it comes back from the database. */
async function changeOf(to: To, as = name): Promise<RuleChange> {
  const rule = await nsgFirewall({ arm }).read(nsgId, as)
  if (!rule) throw new Error('There is no such rule.')
  return JSON.parse(JSON.stringify({ nsgId, rule, vms: 1, ...to }))
}
const make = (change: RuleChange, by = shield) => by.changeOther(change, never())

/** Something happens around the calls of one change. */
const around = (changes: Partial<Pick<Arm, 'get' | 'put'>>): Shield =>
  nsgShield({ arm: { ...arm, ...changes }, patienceMs: 5_000 })

beforeEach(() => put(open))
afterEach(() => {
  azure.clearFaults()
  azure.mutate({ do: 'delete-rule', nsg: group, name })
})

const asg = (id: string) => ({
  id: `/subscriptions/s1/resourceGroups/RG/providers/Microsoft.Network/applicationSecurityGroups/${id}`,
})

/** Both ways in which such a rule is deleted. */
const agreed = async () => {
  const change = await changeOf({ kind: 'delete' })
  return {
    'a change of others': (by: Shield) => make(change, by),
    'a removal for a protection': (by: Shield) => by.removeOther(nsgId, change.rule, never()),
  }
}

describe('a change of somebody else’s rule', () => {
  const cases: readonly [string, RuleProperties, To, Partial<RuleProperties>, (keyof RuleProperties)[]][] = [
    ['any source becomes a tag', open, inside, { sourceAddressPrefix: 'VirtualNetwork' }, []],
    [
      'of several sources one stays',
      { ...without(open, 'sourceAddressPrefix'), sourceAddressPrefixes: ['81.2.0.0/16', '10.0.0.0/8'] },
      { kind: 'sources', to: ['10.0.0.0/8'] },
      { sourceAddressPrefix: '10.0.0.0/8' },
      ['sourceAddressPrefixes'],
    ],
    [
      'of several sources several stay',
      {
        ...without(open, 'sourceAddressPrefix'),
        sourceAddressPrefixes: ['81.2.0.0/16', '10.0.0.0/8', '172.16.0.0/12'],
      },
      { kind: 'sources', to: ['10.0.0.0/8', '172.16.0.0/12'] },
      { sourceAddressPrefixes: ['10.0.0.0/8', '172.16.0.0/12'] },
      [],
    ],
    [
      'of several sources one tag is left',
      { ...without(open, 'sourceAddressPrefix'), sourceAddressPrefixes: ['81.2.0.0/16', '0.0.0.0/0'] },
      inside,
      { sourceAddressPrefix: 'VirtualNetwork' },
      ['sourceAddressPrefixes'],
    ],
    [
      'a range of ports becomes several',
      { ...open, destinationPortRange: '20-4000' },
      { kind: 'ports', to: ['20-21', '23-4000'] },
      { destinationPortRanges: ['20-21', '23-4000'] },
      ['destinationPortRange'],
    ],
    [
      'of several ports one stays',
      { ...without(open, 'destinationPortRange'), destinationPortRanges: ['22', '443'] },
      { kind: 'ports', to: ['443'] },
      { destinationPortRange: '443' },
      ['destinationPortRanges'],
    ],
    [
      'application security groups stay with their spelling',
      {
        ...without(open, 'sourceAddressPrefix', 'destinationAddressPrefix', 'destinationPortRange'),
        destinationPortRanges: ['22', '443'],
        sourceApplicationSecurityGroups: [asg('Web')],
        destinationApplicationSecurityGroups: [asg('Db')],
        sourcePortRange: '1024-65535',
      },
      { kind: 'ports', to: ['443'] },
      { destinationPortRange: '443' },
      ['destinationPortRanges'],
    ],
    [
      'of several application security groups one stays',
      {
        ...without(open, 'sourceAddressPrefix'),
        sourceApplicationSecurityGroups: [asg('Web'), asg('Old')],
      },
      { kind: 'sources', to: [`asg:${asg('Web').id.toLowerCase()}`] },
      { sourceApplicationSecurityGroups: [asg('Web')] },
      [],
    ],
  ]
  it.each(cases)('%s, and nothing else is lost', async (_, before, to, after, gone) => {
    put(before)
    const change = await changeOf(to)
    expect(await make(change)).toEqual({ kind: 'present' })
    expect(live()).toEqual({ ...without(before, ...gone), ...after })
    const sent = writes()
    expect(await make(change)).toEqual({ kind: 'present', already: true })
    expect(writes()).toBe(sent)
  })

  it('a rule goes, once, and only while it is exactly as it was shown', async () => {
    const change = await changeOf({ kind: 'delete' })
    put({ ...open, destinationPortRange: '22' })
    expect(await make(change)).toMatchObject({ kind: 'refused', code: 'not as agreed' })
    expect(live()).toBeDefined()
    put(open)
    expect(await make(change)).toEqual({ kind: 'absent' })
    expect(live()).toBeUndefined()
    const sent = writes()
    expect(await make(change)).toEqual({ kind: 'absent', already: true })
    expect(writes()).toBe(sent)
  })

  const otherwise: readonly Partial<RuleProperties>[] = [
    { description: 'Ours now.' },
    { priority: 701 },
    { access: 'Deny' },
    { protocol: '*' },
    { sourceAddressPrefix: 'Internet' },
    { sourcePortRange: '1024-65535' },
    { destinationAddressPrefix: '10.20.1.10' },
    { destinationPortRange: '22' },
  ]
  it.each(otherwise)('is not made when it says %j by now', async (by) => {
    const change = await changeOf(inside)
    put({ ...open, ...by })
    expect(await make(change)).toMatchObject({
      kind: 'refused',
      code: 'not as agreed',
      why: 'The rule theirs is not as it was shown any more, so it is left alone.',
    })
    expect(live()).toEqual({ ...open, ...by })
  })

  it('is not made of a rule that is gone', async () => {
    const change = await changeOf(inside)
    azure.mutate({ do: 'delete-rule', nsg: group, name })
    expect(await make(change)).toMatchObject({ kind: 'refused', code: 'gone' })
    expect(live()).toBeUndefined()
  })

  it('is not made over what somebody wrote between the reading and the writing', async () => {
    const change = await changeOf(inside)
    const meanwhile = around({
      put: (...sent) => {
        put({ ...open, sourceAddressPrefix: '81.2.69.0/24' })
        return arm.put(...sent)
      },
    })
    expect(await make(change, meanwhile)).toMatchObject({ kind: 'try again' })
    expect(live()).toMatchObject({ sourceAddressPrefix: '81.2.69.0/24' })
    expect(await make(change)).toMatchObject({ kind: 'refused', code: 'not as agreed' })
  })

  it('is not made where Azure shows no etag of the rule', async () => {
    const change = await changeOf(inside)
    const bare = around({
      async get(path, signal) {
        const reply = await arm.get(path, signal)
        const { etag: _, ...value } = JSON.parse(JSON.stringify(reply.value))
        return { ...reply, value }
      },
    })
    const sent = writes()
    expect(await make(change, bare)).toMatchObject({
      kind: 'refused',
      code: 'no etag',
      why: expect.stringMatching(/shows no etag of the rule theirs, .* so it is left alone/),
    })
    expect(writes()).toBe(sent)
    expect(live()).toEqual(open)
  })

  const theirs = { ...open, description: 'Now for the auditors', sourceAddressPrefix: '10.0.0.0/8' }
  /** Somebody changes the rule while its delete waits for its turn, or after the last look at it. */
  const waiting = (when: 'turn' | 'sent'): Shield => {
    const pace: typeof arm.pace = Object.create(arm.pace)
    pace.read = (...call) => arm.pace.read(...call)
    pace.remove = (subscription, key, signal, run) =>
      arm.pace.remove(subscription, key, signal, () => {
        if (when === 'turn') put(theirs)
        return run()
      })
    const call: Arm['call'] = (signal, run) =>
      arm.call(signal, (options) => {
        if (when === 'sent' && String(run).includes('rules.delete')) put(theirs)
        return run(options)
      })
    return nsgShield({ arm: { ...arm, pace, call }, patienceMs: 5_000 })
  }
  it.each(['a change of others', 'a removal for a protection'] as const)(
    '%s: a rule that somebody changes while its delete waits is not deleted',
    async (which) => {
      const remove = (await agreed())[which]
      expect(await remove(waiting('turn'))).toMatchObject({ kind: 'refused', code: 'not as agreed' })
      expect(live()).toEqual(theirs)
      put(open)
      expect(await remove(waiting('sent'))).toMatchObject({ kind: 'try again' })
      expect(live()).toEqual(theirs)
      put(open)
      expect(await remove(shield)).toEqual({ kind: 'absent' })
    },
  )

  it('keeps what no model knows, and says when Azure lost it', async () => {
    const change = await changeOf(inside)
    const sent: unknown[] = []
    const unknown = (lost: boolean) => {
      let reads = 0
      return around({
        async get(path, signal) {
          const reply = await arm.get(path, signal)
          reads += 1
          if (!path.includes('/securityRules/') || (lost && reads > 1)) return reply
          const body = JSON.parse(JSON.stringify(reply.value))
          return { ...reply, value: { ...body, properties: { ...body.properties, newerField: [1] } } }
        },
        put(path, body, ...more) {
          sent.push(body)
          return arm.put(path, body, ...more)
        },
      })
    }
    expect(await make(change, unknown(false))).toEqual({ kind: 'present' })
    expect(sent).toMatchObject([{ properties: { newerField: [1], description: open.description } }])
    put(open)
    expect(await make(change, unknown(true))).toMatchObject({
      kind: 'refused',
      code: 'not as wanted',
      why: expect.stringMatching(/more of it changed than that: newerField/),
    })
  })

  it.each([
    ['jit-01kb3x9y7z-1795447000', 'jitney request 01kb3x9y7z for U0ALICE'],
    ['jitney-protect-p1-tcp', 'jitney protection p1 of vm1 by U0ALICE'],
    ['MicrosoftDefenderForCloud-JITRule_100_9F1C2B7A5D1E4B0CA6F3D8E2B4C6A801', ''],
  ])('never touches %s', async (own, description) => {
    put({ ...open, priority: 710, description }, own)
    const before = live(own)
    for (const to of [inside, { kind: 'delete' } as const])
      expect(await make(await changeOf(to, own))).toMatchObject({ kind: 'refused', code: 'not theirs' })
    expect(live(own)).toEqual(before)
    azure.mutate({ do: 'delete-rule', nsg: group, name: own })
  })
})

describe('while Azure is not well', () => {
  const narrow = { ...open, sourceAddressPrefix: 'VirtualNetwork' }
  it.each([
    ['an error', { kind: 'server-error', method: 'PUT' }],
    ['a busy group', { kind: 'busy', method: 'PUT' }],
    ['another writer', { kind: 'precondition-failed', method: 'PUT' }],
    ['a lost connection', { kind: 'drop', method: 'PUT', when: 'before' }],
    ['an operation that fails', { kind: 'operation-failed', method: 'PUT', code: 'InternalServerError' }],
    ['no reading', { kind: 'server-error', method: 'GET', path: '/securityRules/theirs$' }],
  ] as const)('%s leaves the rule as it is, to be tried again', async (_, fault) => {
    const change = await changeOf(inside)
    azure.fault(fault)
    expect(await make(change)).toMatchObject({ kind: 'try again' })
    expect(live()).toEqual(open)
    azure.clearFaults()
    expect(await make(change)).toEqual({ kind: 'present' })
    expect(live()).toEqual(narrow)
  })

  it('what it did although the answer was lost counts', async () => {
    const change = await changeOf(inside)
    azure.fault({ kind: 'drop', method: 'PUT', when: 'after' })
    expect(await make(change)).toEqual({ kind: 'present' })
    expect(live()).toEqual(narrow)
  })

  it('a reading that lags behind is not believed for long', async () => {
    const change = await changeOf(inside)
    azure.fault({ kind: 'stale-reads', method: 'PUT', reads: 1 })
    expect(await make(change)).toEqual({ kind: 'present' })
    expect(live()).toEqual(narrow)
  })

  it('a refusal is told with Azure’s reason', async () => {
    const change = await changeOf(inside)
    azure.fault({ kind: 'forbidden', method: 'PUT' })
    expect(await make(change)).toMatchObject({ kind: 'refused', code: 'AuthorizationFailed' })
    expect(live()).toEqual(open)
  })
})
