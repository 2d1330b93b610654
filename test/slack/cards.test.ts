import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { minute } from '../../src/core/duration.ts'
import type { Lookup } from '../../src/core/policy.ts'
import { mirrorCard, requestCard } from '../../src/slack/cards.ts'
import { base, cases, grantBase, noon, terms } from './a-case.ts'
import { heard, seen } from './read.ts'

const now = noon + 5 * minute
const card = (name: keyof typeof cases, at = now) =>
  seen(requestCard(cases[name], at, { showTags: ['ENV', 'owner', 'missing'] }))
const mirror = (name: keyof typeof cases, at = now) => seen(mirrorCard(cases[name], at))
/** Header, status and buttons: what changes from state to state. */
const moving = (text: string) =>
  text
    .split('\n')
    .filter((line, at, all) => at < all.indexOf('VM') || line.startsWith('['))
    .join('\n')
    .replace('\nRequester\n@alice', '')

const found = (but: Partial<Lookup>): Lookup => ({
  kind: 'on call',
  name: 'Nights <!here>',
  users: [],
  groups: [],
  until: null,
  problems: [],
  unsure: false,
  ...but,
})

describe('the card of a request that waits', () => {
  it('shows everything that an approver needs to decide', () => {
    expect(card('pending')).toMatchInlineSnapshot(`
      "
      Approval needed: rdp to vm-jump01 for 30 min
      Nobody has approved yet, and 2 approvals are needed. Decide by 2026-11-22 13:00 UTC.
      Approvers: @bob, @carol and @ops.
      Requester
      @alice
      VM
      vm-jump01
      Where
      Production / rg-jump
      Ports
      rdp (3389/tcp)
      Address
      81.2.69.142 (typed, not confirmed)
      How long
      30 min from the approval
      Tags
      env=prod, owner=ops
      Reason: Patch the print spooler
      [Approve] [Deny] [Approve less] [Why]
      Request r7k3m9x2 · Rule “an on-call engineer needs a jump host”
      "
    `)
  })

  it('says all of it in the text that a screen reader reads', () => {
    expect(heard(requestCard(cases.pending, now, { showTags: [] }))).toMatchInlineSnapshot(
      `"Approval needed: rdp to vm-jump01 for 30 min. Nobody has approved yet, and 2 approvals are needed. Decide by 2026-11-22 13:00 UTC. Approvers: @bob, @carol and @ops. @alice asked for rdp (3389/tcp) to vm-jump01 (Production / rg-jump) from 81.2.69.142 (typed, not confirmed), 30 min from the approval. Reason: Patch the print spooler. Request r7k3m9x2."`,
    )
  })

  it('counts approvals and names who gave them', () => {
    expect(moving(card('oneOfTwo'))).toMatchInlineSnapshot(`
      "
      Approval needed: rdp to vm-jump01 for 30 min
      1 of 2 approvals, by @bob. Decide by 2026-11-22 13:00 UTC.
      Approvers: @carol and @ops.
      [Approve] [Deny] [Approve less] [Why]"
    `)
  })

  it('says whom the owner tag and the schedule mean, until when, and who could not be found', () => {
    const named = { users: ['U0BOB'], groups: [] }
    const fact = (...up: readonly Lookup[]) => {
      const users = [...named.users, ...up.flatMap((lookup) => lookup.users)]
      const approvers = { users, groups: [], looked: { up, named } }
      const stages = [{ approvers, approvals: 1, fromDifferentGroups: false }]
      const request: Case['request'] = { ...cases.pending.request, terms: { ...terms, stages } }
      return moving(seen(requestCard({ request, grant: null }, now, { showTags: [] }))).split('\n')[3]
    }
    expect(fact(found({ kind: 'owner tag', name: 'owner', users: ['U0CAROL'], groups: ['S0OPS'] }))).toBe(
      'Approvers: @bob; owners (tag owner): @carol and @ops.',
    )
    expect(fact(found({ users: ['U0CAROL'], until: noon + 60 * minute }))).toBe(
      'Approvers: @bob; on call (Nights <!here>) until 2026-11-22 13:00 UTC: @carol.',
    )
    expect(fact(found({ problems: ['PagerDuty could not be reached'], unsure: true }))).toBe(
      'Approvers: @bob; on call (Nights <!here>): nobody (PagerDuty could not be reached).',
    )
    expect(fact(found({ users: ['U0ALICE'] }))).toBe(
      'Approvers: @bob; on call (Nights <!here>): nobody else.',
    )
  })

  it('tells yeses that no longer count apart from those that do', () => {
    const { request } = cases.oneOfTwo
    const left: Case['request'] = { ...request, progress: { stage: 0, approvals: 0 } }
    expect(moving(seen(requestCard({ request: left, grant: null }, now, { showTags: [] })))).toContain(
      '0 of 2 approvals; @bob said yes, and not every yes counts.',
    )
  })

  it('offers no Approve once the time to decide is over', () => {
    expect(moving(card('oneOfTwo', noon + 60 * minute))).toMatchInlineSnapshot(`
      "
      Time to approve is over: rdp to vm-jump01
      1 of 2 approvals, by @bob. The time to decide ended 2026-11-22 13:00 UTC. Nothing was opened.
      [Why]"
    `)
  })

  it('tells an address that was not typed this time from one that was', () => {
    const source = { ...base.source, learnt: 'remembered' as const, learntAt: noon - 60 * minute }
    const request = { ...cases.pending.request, source, until: noon + 90 * minute, reason: null }
    expect(seen(requestCard({ request, grant: null }, now, { showTags: [] }))).toMatchInlineSnapshot(`
      "
      Approval needed: rdp to vm-jump01
      Nobody has approved yet, and 2 approvals are needed. Decide by 2026-11-22 13:00 UTC.
      Approvers: @bob, @carol and @ops.
      Requester
      @alice
      VM
      vm-jump01
      Where
      Production / rg-jump
      Ports
      rdp (3389/tcp)
      Address
      81.2.69.142 (typed earlier, 2026-11-22 11:00 UTC, not confirmed)
      How long
      until 2026-11-22 13:30 UTC
      [Approve] [Deny] [Approve less] [Why]
      Request r7k3m9x2 · Rule “an on-call engineer needs a jump host”
      "
    `)
  })
})

describe('the card of a request that was decided', () => {
  it.each(['opening', 'open', 'closing', 'closed', 'closedEarly', 'couldNotOpen', 'changedOutside'] as const)(
    'is complete when %s',
    (name) => {
      expect(card(name)).toContain('Where\nProduction / rg-jump')
      expect(card(name)).toContain('Request r7k3m9x2 · Rule “an on-call engineer needs a jump host”')
    },
  )

  it('does not claim that it is open while it opens', () => {
    expect(moving(card('opening'))).toMatchInlineSnapshot(`
      "
      Approved, opening: rdp to vm-jump01
      Approved by @bob 2026-11-22 12:01 UTC and @carol 2026-11-22 12:02 UTC. Azure has not confirmed the network rule yet. It ends 2026-11-22 12:32 UTC, however long the opening takes.
      [Close now] [Why]"
    `)
  })

  it('says until when it is open, and who confirmed it', () => {
    expect(moving(card('open'))).toMatchInlineSnapshot(`
      "
      Open: rdp to vm-jump01
      Open until 2026-11-22 12:32 UTC. Azure confirmed the network rule 2026-11-22 12:03 UTC.
      Approved by @bob 2026-11-22 12:01 UTC and @carol 2026-11-22 12:02 UTC.
      [Close now] [Why]"
    `)
  })

  it('does not show as open what is past its end', () => {
    expect(moving(card('open', grantBase.expiresAt))).toMatchInlineSnapshot(`
      "
      Time is over, closing: rdp to vm-jump01
      Its time ended 2026-11-22 12:32 UTC. It is being closed. Until Azure confirms that, 81.2.69.142 may still get in.
      Approved by @bob 2026-11-22 12:01 UTC and @carol 2026-11-22 12:02 UTC.
      [Close now] [Why]"
    `)
    expect(card('opening', grantBase.expiresAt)).toContain('Time is over, closing')
  })

  it('says that closing is not closed', () => {
    expect(moving(card('closing', grantBase.expiresAt + minute))).toMatchInlineSnapshot(`
      "
      Closing: rdp to vm-jump01
      Its time is over.
      Removing the network rule since 2026-11-22 12:32 UTC. Azure has not confirmed yet that it is gone.
      [Why]"
    `)
  })

  it('warns when closing takes long', () => {
    expect(moving(card('closing', grantBase.expiresAt + 3 * minute))).toMatchInlineSnapshot(`
      "
      Closing: rdp to vm-jump01
      Its time is over.
      Removing the network rule since 2026-11-22 12:32 UTC. Azure has not confirmed yet that it is gone.
      Overdue by 3 min: 81.2.69.142 may still get in. I keep trying until it is closed.
      [Why]"
    `)
  })

  it('says how late it closed, and that sessions go on', () => {
    expect(moving(card('closed'))).toMatchInlineSnapshot(`
      "
      Closed: rdp to vm-jump01
      Its time is over.
      It closed 2026-11-22 12:32 UTC, 0.5 s after its end. Azure confirms that no network rule of this request is left.
      Sessions that are already open stay open until they disconnect: sign out.
      Approved by @bob 2026-11-22 12:01 UTC and @carol 2026-11-22 12:02 UTC.
      [Why]"
    `)
  })

  it('says who closed it early, and how early', () => {
    expect(moving(card('closedEarly'))).toMatchInlineSnapshot(`
      "
      Closed: rdp to vm-jump01
      @alice closed it early.
      It closed 2026-11-22 12:20 UTC, 12 min before its end. Azure confirms that no network rule of this request is left.
      Sessions that are already open stay open until they disconnect: sign out.
      Approved by @bob 2026-11-22 12:01 UTC and @carol 2026-11-22 12:02 UTC.
      [Why]"
    `)
  })

  it('says why it could not be opened', () => {
    expect(moving(card('couldNotOpen'))).toMatchInlineSnapshot(`
      "
      Could not open: rdp to vm-jump01
      It could not be opened: Azure has no free priority in nsg-jump.
      Azure never confirmed that it was open, and confirms now that no network rule of this request is left.
      Approved by @bob 2026-11-22 12:01 UTC and @carol 2026-11-22 12:02 UTC.
      [Why]"
    `)
  })

  it('does not speak for Azure when no rule was ever written', () => {
    const text = card('neverWritten')
    expect(text).toContain('No network rule was written for it.')
    expect(text).not.toContain('Azure confirms')
  })

  it('says that somebody else changed the rule', () => {
    expect(moving(card('changedOutside'))).toMatchInlineSnapshot(`
      "
      Closing: rdp to vm-jump01
      Its network rule was changed outside Jitney: the rule in nsg-jump has another source.
      Removing the network rule since 2026-11-22 12:04 UTC. Azure has not confirmed yet that it is gone.
      [Why]"
    `)
  })

  it('names who denied it', () => {
    expect(moving(card('denied'))).toMatchInlineSnapshot(`
      "
      Denied: rdp to vm-jump01 for 30 min
      Denied by @bob 2026-11-22 12:01 UTC. Nothing was opened.
      [Why]"
    `)
  })

  it('explains a denial by the policy', () => {
    expect(moving(card('deniedByPolicy'))).toMatchInlineSnapshot(`
      "
      Denied by the policy: rdp to vm-jump01 for 30 min
      The policy says no: no rule of the policy matches.
      • The rule “an admin needs a database” does not fit:
       – the VM’s name: vm-jump01 is not among vm-db*
      Nothing was opened.
      [Why]"
    `)
  })

  it('says that it was canceled', () => {
    expect(moving(card('canceled'))).toMatchInlineSnapshot(`
      "
      Canceled: rdp to vm-jump01
      @alice canceled it 2026-11-22 12:01 UTC. Nothing was opened.
      [Why]"
    `)
  })

  it('says that nobody decided in time', () => {
    expect(moving(card('lapsed'))).toMatchInlineSnapshot(`
      "
      Not approved in time: rdp to vm-jump01
      1 of 2 approvals, by @bob, when the time to decide ended 2026-11-22 13:00 UTC. Nothing was opened.
      [Why]"
    `)
  })

  it('says when the policy needed nobody', () => {
    const request = { ...cases.open.request, reviews: [] }
    expect(seen(requestCard({ ...cases.open, request }, now, { showTags: [] }))).toContain(
      'Approved by the policy 2026-11-22 12:02 UTC; nobody had to be asked.',
    )
  })
})

const connecting = (label: string, number: number, connectTo: string | null) => {
  const request = { ...cases.open.request, label, ports: [{ number, protocol: 'tcp' as const }], connectTo }
  return moving(seen(mirrorCard({ ...cases.open, request }, now))).split('\n')[3]
}

describe('the requester’s own message', () => {
  it('waits', () => {
    expect(mirror('oneOfTwo')).toMatchInlineSnapshot(`
      "
      Approval needed: rdp to vm-jump01 for 30 min
      Your request waits for approval. 1 of 2 approvals, by @bob. Nothing is open yet.
      Approvers can decide until 2026-11-22 13:00 UTC. Approvers: @carol and @ops.
      VM
      vm-jump01
      Where
      Production / rg-jump
      Ports
      rdp (3389/tcp)
      Address
      81.2.69.142 (typed, not confirmed)
      How long
      30 min from the approval
      Reason: Patch the print spooler
      [Cancel] [Why]
      Request r7k3m9x2 · Rule “an on-call engineer needs a jump host”
      "
    `)
  })

  it.each(Object.entries(cases))('never shows the approvers’ buttons: %s', (_, kase) => {
    expect(seen(mirrorCard(kase, now))).not.toMatch(/\[(Approve|Deny)\]/)
  })

  it('shows how to connect with Remote Desktop', () => {
    expect(moving(mirror('open'))).toMatchInlineSnapshot(`
      "
      Open: rdp to vm-jump01
      Open for 81.2.69.142 until 2026-11-22 12:32 UTC. Azure confirmed the network rule 2026-11-22 12:03 UTC.
      Connect with mstsc /v:20.1.2.3
      [Close now] [Why]"
    `)
  })

  it('shows how to connect in other ways', () => {
    expect(connecting('ssh', 22, 'vm.example.com')).toMatchInlineSnapshot(
      `"Connect with ssh <user>@vm.example.com"`,
    )
    expect(connecting('rdp', 3389, '2603:1020::5')).toMatchInlineSnapshot(
      `"Connect with mstsc /v:[2603:1020::5]"`,
    )
    expect(connecting('postgres', 5432, '20.1.2.3')).toMatchInlineSnapshot(
      `"Connect to 20.1.2.3 on postgres (5432/tcp)"`,
    )
    expect(connecting('rdp', 3389, null)).toMatchInlineSnapshot(
      `"Azure shows no public address for this VM, so I cannot say where to connect to."`,
    )
  })

  it('tells the end', () => {
    expect(moving(mirror('closed'))).toMatchInlineSnapshot(`
      "
      Closed: rdp to vm-jump01
      Its time is over.
      It closed 2026-11-22 12:32 UTC, 0.5 s after its end. Azure confirms that no network rule of this request is left.
      Sessions that are already open stay open until they disconnect: sign out.
      [Ask again] [Why]"
    `)
    expect(moving(mirror('closedEarly'))).toMatchInlineSnapshot(`
      "
      Closed: rdp to vm-jump01
      You closed it early.
      It closed 2026-11-22 12:20 UTC, 12 min before its end. Azure confirms that no network rule of this request is left.
      Sessions that are already open stay open until they disconnect: sign out.
      [Ask again] [Why]"
    `)
    expect(moving(mirror('couldNotOpen'))).toMatchInlineSnapshot(`
      "
      Could not open: rdp to vm-jump01
      It could not be opened: Azure has no free priority in nsg-jump.
      Azure never confirmed that it was open, and confirms now that no network rule of this request is left.
      [Ask again] [Why]"
    `)
    expect(moving(mirror('denied'))).toMatchInlineSnapshot(`
      "
      Denied: rdp to vm-jump01 for 30 min
      Denied by @bob 2026-11-22 12:01 UTC. Nothing was opened. Talk to them before you ask again.
      [Ask again] [Why]"
    `)
    expect(moving(mirror('deniedByPolicy'))).toMatchInlineSnapshot(`
      "
      Denied by the policy: rdp to vm-jump01 for 30 min
      The policy says no: no rule of the policy matches.
      • The rule “an admin needs a database” does not fit:
       – the VM’s name: vm-jump01 is not among vm-db*
      Nothing was opened.
      [Ask again] [Why]"
    `)
    expect(moving(mirror('canceled'))).toMatchInlineSnapshot(`
      "
      Canceled: rdp to vm-jump01
      You canceled this request 2026-11-22 12:01 UTC. Nothing was opened.
      [Ask again] [Why]"
    `)
    expect(moving(mirror('lapsed'))).toMatchInlineSnapshot(`
      "
      Not approved in time: rdp to vm-jump01
      Your request had 1 of 2 approvals, by @bob, when the time to decide ended 2026-11-22 13:00 UTC. Nothing was opened. You can ask again.
      [Ask again] [Why]"
    `)
    expect(moving(mirror('opening'))).toMatchInlineSnapshot(`
      "
      Approved, opening: rdp to vm-jump01
      Approved by @bob 2026-11-22 12:01 UTC and @carol 2026-11-22 12:02 UTC. Azure has not confirmed the network rule yet. It ends 2026-11-22 12:32 UTC, however long the opening takes.
      You get a message as soon as it is open.
      [Close now] [Why]"
    `)
    expect(moving(mirror('closing', grantBase.expiresAt))).toMatchInlineSnapshot(`
      "
      Closing: rdp to vm-jump01
      Its time is over.
      Removing the network rule since 2026-11-22 12:32 UTC. Azure has not confirmed yet that it is gone.
      [Why]"
    `)
    expect(moving(mirror('open', grantBase.expiresAt))).toMatchInlineSnapshot(`
      "
      Time is over, closing: rdp to vm-jump01
      Its time ended 2026-11-22 12:32 UTC. It is being closed. Until Azure confirms that, 81.2.69.142 may still get in.
      [Close now] [Why]"
    `)
    expect(moving(mirror('pending', noon + 60 * minute))).toMatchInlineSnapshot(`
      "
      Time to approve is over: rdp to vm-jump01
      Your request had 0 of 2 approvals, when the time to decide ended 2026-11-22 13:00 UTC. Nothing was opened.
      [Why]"
    `)
  })
})
