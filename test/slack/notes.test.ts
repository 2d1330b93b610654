import { describe, expect, it } from 'vitest'
import { minute } from '../../src/core/duration.ts'
import type { Note } from '../../src/core/effect.ts'
import { noteMessage, type Reader } from '../../src/slack/notes.ts'
import { alice, bob, cases, grantBase, noon } from './a-case.ts'
import { seen } from './read.ts'

const end = grantBase.expiresAt
const said = (name: keyof typeof cases, note: Note, now: number, to: Reader = 'thread', repeat = false) => {
  const shown = noteMessage(cases[name], note, now, to, repeat)
  return shown === null ? null : seen(shown)
}
const opened: Note = { type: 'opened', at: noon + 3 * minute, expiresAt: end }
const ending: Note = { type: 'ending', expiresAt: end }
const closing: Note = { type: 'closing', at: end, reason: 'expired', by: null, detail: null }
const closed: Note = {
  type: 'closed',
  at: end + 1230,
  expiresAt: end,
  reason: 'expired',
  by: null,
  detail: null,
  opened: true,
}

describe('opened', () => {
  it('tells the thread what is open, and the requester how to connect', () => {
    expect(said('open', opened, noon + 4 * minute)).toMatchInlineSnapshot(`
      "
      Open until 2026-11-22 12:32 UTC: rdp to vm-jump01 from 81.2.69.142. Azure confirmed the network rule 2026-11-22 12:03 UTC.
      "
    `)
    expect(said('open', opened, noon + 4 * minute, 'requester')).toMatchInlineSnapshot(`
      "
      Open until 2026-11-22 12:32 UTC: rdp to vm-jump01 from 81.2.69.142. Azure confirmed the network rule 2026-11-22 12:03 UTC.
      I have not tried to connect myself.
      Connect with mstsc /v:20.1.2.3
      "
    `)
  })

  it.each([
    ['closing', noon + 4 * minute],
    ['closed', noon + 40 * minute],
    ['open', end],
  ] as const)('does not say “open” when it comes late: %s', (name, now) => {
    expect(said(name, opened, now, 'requester')).toBe(
      '\nOpened 2026-11-22 12:03 UTC: rdp to vm-jump01 from 81.2.69.142.\n',
    )
  })
})

describe('five minutes left', () => {
  it('counts from the moment of sending', () => {
    expect(said('open', ending, end - 5 * minute)).toMatchInlineSnapshot(`
      "
      About 5 minutes left: rdp to vm-jump01 closes 2026-11-22 12:32 UTC.
      [Close now]
      "
    `)
    expect(said('open', ending, end - 5 * minute, 'requester')).toMatchInlineSnapshot(`
      "
      About 5 minutes left: rdp to vm-jump01 closes 2026-11-22 12:32 UTC. Save your work.
      [Close now]
      "
    `)
    expect(said('open', ending, end - 3 * minute - 1)).toContain('About 3 minutes left')
    expect(said('open', ending, end - 61_000)).toContain('About 1 minute left')
    expect(said('open', ending, end - 59_000)).toContain('Less than a minute left')
  })

  it.each([
    ['open', end],
    ['open', end + 1],
    ['opening', end - 5 * minute],
    ['closing', end - 5 * minute],
    ['closed', end - 5 * minute],
    ['canceled', end - 5 * minute],
  ] as const)('is not posted when it is no longer so: %s at %i', (name, now) => {
    expect(said(name, ending, now)).toBeNull()
    expect(said(name, ending, now, 'requester')).toBeNull()
  })
})

describe('closing and closed', () => {
  it('says that closing is not closed', () => {
    expect(said('closing', closing, end + 1)).toMatchInlineSnapshot(`
      "
      Closing: rdp to vm-jump01. Its time is over. Azure has not confirmed yet that the network rule is gone.
      "
    `)
  })

  it('tells a closing that is past as past', () => {
    expect(said('closed', closing, end + 9000)).toMatchInlineSnapshot(`
      "
      Started to close 2026-11-22 12:32 UTC: rdp to vm-jump01. Its time is over.
      "
    `)
    expect(said('closed', { ...closing, reason: 'closed early', by: bob }, end, 'thread')).toContain(
      '@bob closed it early.',
    )
  })

  it('gives the lateness in seconds, and never says that a session was ended', () => {
    expect(said('closed', closed, end + 2000)).toMatchInlineSnapshot(`
      "
      Closed: rdp to vm-jump01. Its time is over.
      It closed 2026-11-22 12:32 UTC, 1.3 s after its end. Azure confirms that no network rule of this request is left.
      Sessions that are already open stay open until they disconnect: sign out.
      "
    `)
    expect(said('closed', closed, end + 2000, 'requester')).toContain(
      'Sessions that are already open stay open until they disconnect: sign out.',
    )
  })

  it('speaks to the person who closed it', () => {
    const early: Note = { ...closed, at: end - 30_000, reason: 'closed early', by: alice }
    expect(said('closedEarly', early, end, 'requester')).toMatchInlineSnapshot(`
      "
      Closed: rdp to vm-jump01. You closed it early.
      It closed 2026-11-22 12:31 UTC, 30 s before its end. Azure confirms that no network rule of this request is left.
      Sessions that are already open stay open until they disconnect: sign out.
      "
    `)
    expect(said('closedEarly', early, end, 'thread')).toContain('@alice closed it early.')
  })

  it('says so when it never opened', () => {
    const failed: Note = {
      ...closed,
      at: noon + 5 * minute,
      reason: 'could not open',
      detail: 'Azure has no free priority in nsg-jump',
      opened: false,
    }
    expect(said('couldNotOpen', failed, noon + 6 * minute)).toMatchInlineSnapshot(`
      "
      Ended without opening: rdp to vm-jump01. It could not be opened: Azure has no free priority in nsg-jump.
      Azure never confirmed that it was open, and confirms now that no network rule of this request is left.
      "
    `)
    expect(said('neverWritten', failed, noon + 6 * minute)).toContain('No network rule was written for it.')
  })
})

describe('decided', () => {
  const at = noon + minute
  it('is told in the thread and to the requester', () => {
    expect(said('denied', { type: 'decided', state: 'denied', at, by: bob }, at)).toMatchInlineSnapshot(`
      "
      Denied by @bob 2026-11-22 12:01 UTC: rdp to vm-jump01. Nothing was opened.
      "
    `)
    expect(
      said('canceled', { type: 'decided', state: 'canceled', at, by: alice }, at),
    ).toMatchInlineSnapshot(`
      "
      Canceled by @alice 2026-11-22 12:01 UTC: rdp to vm-jump01. Nothing was opened.
      "
    `)
    expect(
      said('canceled', { type: 'decided', state: 'canceled', at, by: alice }, at, 'requester'),
    ).toMatchInlineSnapshot(`
      "
      Canceled by you 2026-11-22 12:01 UTC: rdp to vm-jump01. Nothing was opened.
      "
    `)
    expect(
      said('lapsed', { type: 'decided', state: 'lapsed', at, by: null }, at, 'requester'),
    ).toMatchInlineSnapshot(`
      "
      Not approved in time 2026-11-22 12:01 UTC: rdp to vm-jump01. Nothing was opened. You can ask again.
      "
    `)
  })
})

it('marks a note that may stand there twice', () => {
  expect(said('closed', closed, end + 2000, 'thread', true)).toContain('(may repeat)')
  expect(said('closed', closed, end + 2000, 'thread', false)).not.toContain('(may repeat)')
})
