import { describe, expect, it } from 'vitest'
import { lossesOf, settledIn } from '../../src/core/compare-protections.ts'
import { decideProtection, type ProtectionEvent, wantOf } from '../../src/core/decide-protection.ts'
import type { Protection } from '../../src/core/protection.ts'
import { bob, clock } from '../support/cases.ts'
import { live, nsgOf, protection, removal, shieldRule } from '../support/protections.ts'

const now = clock('10:00')
const [one, two] = [shieldRule(), shieldRule({ name: 'jitney-protect-p1-udp' })]
const at = (rule: typeof one) => ({ nsgId: rule.nsgId, name: rule.name })
const decided = (before: Protection, event: ProtectionEvent) => {
  const made = decideProtection(before, event, now)
  return made && { ...made, audit: made.audit.map(({ type }) => type) }
}

describe('a protection', () => {
  it('holds when every rule of it was seen, and not before', () => {
    const first = decided(protection({ rules: [one, two] }), { type: 'rule present', ...at(one) })
    expect(first).toMatchObject({ next: { state: 'protecting' }, audit: [], effects: [] })
    expect(decided(first?.next ?? protection(), { type: 'rule present', ...at(two) })).toMatchObject({
      next: { state: 'protected', protectedAt: now },
      audit: ['protection.holds'],
      effects: [{ kind: 'tell' }],
    })
  })

  it('is undone whole when Azure refuses a part of it', () => {
    const written = protection({ rules: [{ ...one, state: 'present' }, two] })
    const made = decided(written, { type: 'could not protect', detail: 'no' })
    expect(made).toMatchObject({
      next: { state: 'unprotecting', ending: { by: 'jitney', detail: 'no' } },
      audit: ['protection.ending'],
      effects: [{ kind: 'write', nsgId: one.nsgId }],
    })
    expect(made?.next.rules.map((rule) => wantOf(made.next, rule))).toEqual(['absent', 'absent'])
  })

  it('is over when every rule of it was seen gone', () => {
    const ending = protection({ state: 'unprotecting', rules: [{ ...one, state: 'absent' }, two] })
    expect(decided(ending, { type: 'rule absent', ...at(two) })).toMatchObject({
      next: { state: 'unprotected', endedAt: now },
      audit: ['protection.ended'],
    })
  })

  it.each<[Protection['state'], ProtectionEvent]>([
    ['unprotecting', { type: 'rule present', ...at(one) }],
    ['protected', { type: 'rule absent', ...at(one) }],
    ['unprotecting', { type: 'rule repriced', ...at(one), priority: 1 }],
    ['unprotecting', { type: 'unprotect', by: bob }],
    ['unprotected', { type: 'unprotect', by: bob }],
    ['protected', { type: 'could not protect', detail: 'late' }],
    ['protected', { type: 'entry written' }],
    ['protected', { type: 'entry undone', left: false }],
    ['protecting', { type: 'compared', lost: [] }],
  ])('that is %s takes no note of %j', (state, event) => {
    expect(decideProtection(protection({ state }), event, now)).toBeNull()
  })

  it('tells a loss once, and again when it is lost anew', () => {
    const loss = { place: one.nsgId, name: one.name, changes: null }
    const held = protection({ state: 'protected' })
    const lost = decided(held, { type: 'compared', lost: [loss] })
    expect(lost).toMatchObject({ audit: ['protection.lost'], effects: [{ kind: 'alarm', loss }] })
    expect(decided(lost?.next ?? held, { type: 'compared', lost: [loss] })).toBeNull()
    const back = decided(lost?.next ?? held, { type: 'compared', lost: [] })
    expect(back).toMatchObject({ audit: ['protection.holds'], effects: [{ kind: 'end alarm' }] })
    expect(back?.next).toEqual(held)
  })
})

describe('a rule of somebody else’s', () => {
  const held = protection({ state: 'protected', removals: [removal()] })
  const decide = { type: 'removal decided', id: 'm1', by: bob } as const

  it('goes by a yes, and is done when it was seen gone', () => {
    const agreed = decided(held, { ...decide, agrees: true })
    expect(agreed).toMatchObject({
      next: { removals: [{ state: 'agreed', decidedBy: bob }] },
      audit: ['removal.agreed'],
      effects: [{ kind: 'write', nsgId: nsgOf('nic') }],
    })
    expect(decided(agreed?.next ?? held, { type: 'removal done', id: 'm1' })).toMatchObject({
      next: { removals: [{ state: 'done' }] },
      audit: ['removal.done'],
      effects: [{ kind: 'tell' }],
    })
  })

  it('is decided once, and no more when the protection is ended', () => {
    const kept = decided(held, { ...decide, agrees: false })
    expect(kept).toMatchObject({
      next: { removals: [{ state: 'kept' }] },
      audit: ['removal.kept'],
      effects: [],
    })
    expect(decided(kept?.next ?? held, { ...decide, agrees: true })).toBeNull()
    const ended = decided(held, { type: 'unprotect', by: bob })
    expect(ended?.next.removals).toMatchObject([{ state: 'void' }])
    expect(decided(ended?.next ?? held, { ...decide, agrees: true })).toBeNull()
    expect(decided(held, { type: 'removal done', id: 'm1' })).toBeNull()
    expect(decided(held, { type: 'removal proposed', removal: removal({ id: 'm2' }) })).toBeNull()
    expect(
      decided(protection({ state: 'protected' }), { type: 'removal proposed', removal: removal() }),
    ).toMatchObject({
      audit: ['removal.proposed'],
      effects: [{ kind: 'ask about removal' }],
    })
  })
})

describe('the comparison with Azure', () => {
  it('looks only at what has held for a while, in this subscription', () => {
    const held = protection({ state: 'protected', protectedAt: now - 60_000 })
    const all = [held, { ...held, id: 'fresh', protectedAt: now - 10_000 }, protection({ id: 'not yet' })]
    expect(settledIn(all, held.vm.subscriptionId.toUpperCase(), now).map(({ id }) => id)).toEqual(['p1'])
    expect(settledIn(all, 'another', now)).toEqual([])
  })

  it('finds what is gone and what is changed', () => {
    const stands = live({
      name: one.name,
      description: one.description,
      priority: 3500,
      access: 'Deny',
      destinations: ['10.0.0.4'],
      ports: ['22'],
      protocol: 'Tcp',
    })
    const held = protection({ state: 'protected' })
    expect(lossesOf(held, [{ nsgId: one.nsgId, rules: [stands] }])).toEqual([])
    expect(lossesOf(held, [{ nsgId: one.nsgId, rules: [{ ...stands, access: 'Allow' }] }])).toMatchObject([
      { name: one.name, changes: 'access was Deny and is now Allow' },
    ])
    expect(lossesOf(held, [])).toMatchObject([{ name: one.name, changes: null }])
  })
})
