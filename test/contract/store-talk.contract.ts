import { describe, expect, test } from 'vitest'
import type { Note } from '../../src/core/effect.ts'
import type { Subject } from './store.contract.ts'
import { minute, noon, pendingCase } from './store-cases.ts'

const ending = (expiresAt: number): Note => ({ type: 'ending', expiresAt })

export function talkContract(subject: Subject): void {
  const queue = (...notes: readonly { requestId: string; note: Note; to: 'thread' | 'requester' }[]) =>
    subject.store.transact((tx) => tx.queueNotes(notes))
  const begin = () => subject.store.transact((tx) => tx.save([pendingCase('r1'), pendingCase('r2')], noon))

  describe('what is to be said', () => {
    test('holds the case, where its messages stand, and the notes in their order', async () => {
      const { store } = subject
      await begin()
      expect(await store.talk('nobody')).toBeNull()
      expect(await store.talk('r1')).toEqual({ case: pendingCase('r1'), card: null, mirror: null, notes: [] })
      await store.place('r1', 'card', { channel: 'C1', ts: '2.0' }, null)
      await store.place('r1', 'mirror', { channel: 'D1', ts: '3.0' }, null)
      await queue(
        { requestId: 'r1', note: ending(3), to: 'thread' },
        { requestId: 'r1', note: ending(1), to: 'requester' },
        { requestId: 'r2', note: ending(9), to: 'thread' },
      )
      await queue({ requestId: 'r1', note: ending(2), to: 'thread' })
      const talk = await store.talk('r1')
      expect(talk).toMatchObject({
        card: { channel: 'C1', ts: '2.0' },
        mirror: { channel: 'D1', ts: '3.0' },
        notes: [
          { note: ending(3), to: 'thread', tried: false },
          { note: ending(1), to: 'requester', tried: false },
          { note: ending(2), to: 'thread', tried: false },
        ],
      })
    })

    test('a message moves only from the place that whoever moves it knows', async () => {
      const { store } = subject
      await begin()
      const [first, second, third] = ['1.0', '2.0', '3.0'].map((ts) => ({ channel: 'C1', ts }))
      if (!first || !second || !third) throw new Error('There are three places.')
      expect(await store.place('r1', 'card', first, null)).toBe(true)
      expect(await store.place('r1', 'card', second, null)).toBe(false)
      expect((await store.talk('r1'))?.card).toEqual(first)
      expect(await store.place('r1', 'card', second, first)).toBe(true)
      expect(await store.place('r1', 'card', third, first)).toBe(false)
      expect(await store.place('r1', 'card', third, { ...second, channel: 'C2' })).toBe(false)
      expect((await store.talk('r1'))?.card).toEqual(second)
      expect((await store.talk('r1'))?.mirror).toBeNull()
    })

    test('a note remembers that it was tried, can be untried, and goes when it was sent', async () => {
      const { store } = subject
      await begin()
      await queue(
        { requestId: 'r1', note: ending(1), to: 'thread' },
        { requestId: 'r1', note: ending(2), to: 'thread' },
      )
      const [first] = (await store.talk('r1'))?.notes ?? []
      const tried = async () => (await store.talk('r1'))?.notes.map((note) => note.tried)
      await store.noteTried(first?.id ?? '', true)
      expect(await tried()).toEqual([true, false])
      await store.noteTried(first?.id ?? '', false)
      expect(await tried()).toEqual([false, false])
      await store.noteSent(first?.id ?? '', noon)
      expect((await store.talk('r1'))?.notes.map((note) => note.note)).toEqual([ending(2)])
    })

    test('notes that were sent are forgotten after a day, waiting ones never', async () => {
      const { store, database } = subject
      await begin()
      await queue(
        { requestId: 'r1', note: ending(1), to: 'thread' },
        { requestId: 'r1', note: ending(2), to: 'thread' },
      )
      const [first] = (await store.talk('r1'))?.notes ?? []
      await store.noteSent(first?.id ?? '', noon)
      await store.maintain(noon + 24 * 60 * minute + 1)
      expect((await store.talk('r1'))?.notes).toHaveLength(1)
      const left = await database.kysely.selectFrom('notes').select('id').execute()
      expect(left).toHaveLength(1)
    })
  })

  describe('a channel’s copy of the audit trail', () => {
    test('is followed by position, which never goes back', async () => {
      const { store } = subject
      expect(await store.feed('audit')).toEqual({ seq: 0, tried: false })
      await store.moveFeed('audit', { seq: 4, tried: false })
      await store.moveFeed('audit', { seq: 4, tried: true })
      expect(await store.feed('audit')).toEqual({ seq: 4, tried: true })
      await store.moveFeed('audit', { seq: 5, tried: false })
      await store.moveFeed('audit', { seq: 4, tried: true })
      expect(await store.feed('audit')).toEqual({ seq: 5, tried: false })
      expect(await store.feed('other')).toEqual({ seq: 0, tried: false })
    })

    test('are found together by what their names begin with', async () => {
      const { store } = subject
      const names = ['reconciled:s1', 'reconciled:s_2', 'audit', 'reconciled', 'xreconciled:s3']
      for (const [seq, name] of names.entries()) await store.moveFeed(name, { seq: seq + 1, tried: false })
      expect([...(await store.feedsOf('reconciled:'))]).toEqual([
        ['s1', 1],
        ['s_2', 2],
      ])
      expect([...(await store.feedsOf('reconciled%'))]).toEqual([])
    })
  })
}
