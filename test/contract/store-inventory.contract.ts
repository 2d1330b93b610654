import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Reading, VmEntry } from '../../src/core/inventory.ts'
import type { Subject } from './store.contract.ts'

const noon = Date.UTC(2026, 10, 23, 12)

const entryOf = (index: number, power = 'running'): VmEntry => ({
  vm: {
    id: `/subscriptions/s1/resourcegroups/rg/providers/microsoft.compute/virtualmachines/vm-${index}`,
    name: `VM-${index}`,
    resourceGroup: 'rg',
    subscriptionId: 's1',
    subscriptionName: 'Bräu & \u0000 \ud83d',
    location: 'westeurope',
    tenantId: 't1',
    os: index % 2 === 0 ? 'linux' : null,
    tags: { env: 'prod', '': 'a "tag"' },
  },
  interfaces: [
    {
      id: `/nic-${index}`,
      nsgId: null,
      subnetNsgIds: [null, '/nsg'],
      privateAddresses: [`10.0.0.${index}`],
      publicAddresses: [],
      whole: true,
    },
  ],
  power,
  jit:
    index % 3 === 0
      ? 'not known'
      : index % 3 === 1
        ? null
        : {
            id: '/policy',
            ports: [{ number: 22, protocol: 'any', sources: ['*'], mostMs: 1 }],
            lastAccess: { by: 'x', at: 5 },
          },
})

const reading = (
  count: number,
  readAt = noon,
  change: (entry: VmEntry) => VmEntry = (one) => one,
): Reading => ({
  readAt,
  entries: Array.from({ length: count }, (_, index) => change(entryOf(index))),
})

const stopped = (entry: VmEntry): VmEntry =>
  entry.vm.name === 'VM-7' ? { ...entry, power: 'deallocated' } : entry

const sorted = ({ readAt, entries }: Reading): Reading => ({
  readAt,
  entries: entries.toSorted((a, b) => (a.vm.id < b.vm.id ? -1 : 1)),
})

/** Of the port `KeptInventory`. */
export function inventoryContract(subject: Subject): void {
  const kept = () => subject.store.inventory
  const loaded = async () => {
    const found = await kept().load()
    return found && sorted(found)
  }
  const pieces = async () => {
    const found = await sql<{ hash: string }>`select hash from inventory_pieces`.execute(
      subject.database.kysely,
    )
    return new Set(found.rows.map(({ hash }) => hash))
  }

  describe('the inventory that is kept', () => {
    test('is nothing before the first reading', async () => {
      expect(await kept().readAt()).toBeNull()
      expect(await kept().load()).toBeNull()
    })

    test('comes back as it was read, of any size', async () => {
      for (const [at, count] of [0, 1, 5, 2_345].entries()) {
        const one = reading(count, noon + at)
        expect(await kept().keep(one)).toBe(true)
        expect(await loaded()).toEqual(sorted(one))
        expect(await kept().readAt()).toBe(noon + at)
      }
    })

    test('is replaced whole: what is gone is gone, and nothing of it is left behind', async () => {
      await kept().keep(reading(3_000))
      await kept().keep(reading(10, noon + 1))
      expect((await kept().load())?.entries).toHaveLength(10)
      expect((await pieces()).size).toBe(1)
    })

    test('is written only where something changed', async () => {
      await kept().keep(reading(4_000))
      const before = await pieces()
      // In another order, and with one VM that was stopped meanwhile.
      const next = reading(4_000, noon + 1, stopped)
      await kept().keep({ ...next, entries: next.entries.toReversed() })
      const after = await pieces()
      expect(after.size).toBe(before.size)
      expect([...after].filter((hash) => !before.has(hash))).toHaveLength(1)
      expect(await loaded()).toEqual(sorted(next))
    })

    test('never gives way to an older reading', async () => {
      await kept().keep(reading(5))
      expect(await kept().keep(reading(9, noon - 1))).toBe(false)
      expect(await kept().keep(reading(9, noon))).toBe(false)
      expect(await loaded()).toEqual(sorted(reading(5)))
    })

    test('stays as it was when a new one is written only in part', async () => {
      await kept().keep(reading(2_000))
      // A process that died in the middle leaves pieces that nothing names.
      await sql`insert into inventory_pieces (hash, body) values ('half', ${Buffer.from('x')})`.execute(
        subject.database.kysely,
      )
      expect(await loaded()).toEqual(sorted(reading(2_000)))
      await kept().keep(reading(2_000, noon + 1))
      expect(await pieces()).not.toContain('half')
    })

    test('is always whole while several replicas keep theirs and others load', async () => {
      const sizes = [1_100, 1_300, 2_600, 700]
      const keeping = sizes.map((size, index) => kept().keep(reading(size, noon + index)))
      const loading = Array.from({ length: 8 }, async () => {
        const found = await kept().load()
        expect([null, ...sizes]).toContain(found === null ? null : found.entries.length)
      })
      await Promise.all([...keeping, ...loading])
      expect(await loaded()).toEqual(sorted(reading(700, noon + 3)))
    })

    test('of another form is none at all, and is replaced', async () => {
      await kept().keep(reading(5, noon + 9))
      await sql`update inventory_head set form = 999`.execute(subject.database.kysely)
      expect([await kept().readAt(), await kept().load()]).toEqual([null, null])
      expect(await kept().keep(reading(5))).toBe(true)
    })

    test('cannot be touched from inside a transaction', async () => {
      const inside = subject.store.transact(async () => kept().keep(reading(1)))
      await expect(inside).rejects.toThrow(/Inside transact/)
    })
  })

  describe('the turn to read it', () => {
    test('is one replica’s, until it ends or is given back', async () => {
      expect(await kept().claim('a', noon + 100, noon)).toBe(true)
      expect(await kept().claim('b', noon + 100, noon)).toBe(false)
      expect(await kept().claim('a', noon + 200, noon)).toBe(true)
      expect(await kept().claim('b', noon + 300, noon + 199)).toBe(false)
      expect(await kept().claim('b', noon + 300, noon + 200)).toBe(true)
      await kept().release('a')
      expect(await kept().claim('a', noon + 400, noon + 200)).toBe(false)
      await kept().release('b')
      expect(await kept().claim('a', noon + 400, noon + 200)).toBe(true)
    })

    test('goes to one of many that ask at once', async () => {
      const asked = await Promise.all(['a', 'b', 'c', 'd'].map((one) => kept().claim(one, noon + 100, noon)))
      expect(asked.filter(Boolean)).toHaveLength(1)
    })
  })
}
