import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { createDispatcher } from '../../src/engine/dispatch.ts'
import { closeForGoneVms, type LookedThrough } from '../../src/engine/gone-vms.ts'
import type { Inventory, Survey } from '../../src/ports.ts'
import { clock, granted, rule, vm } from '../support/cases.ts'
import { empty, memoryStore, type TestStore } from '../support/stores.ts'
import { TestClock } from '../support/test-clock.ts'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }
const time = new TestClock(clock('09:10'))
let subject: TestStore

beforeAll(async () => {
  subject = await memoryStore()
})
afterAll(() => subject.store.close())
beforeEach(() => empty(subject.database))

/** The id of the nth VM; VMs are looked at in this order. */
const vmId = (index: number) =>
  `/subscriptions/s1/resourcegroups/rg/providers/microsoft.compute/virtualmachines/vm-${index}`

/** Open access to the nth VM, of which the inventory knows nothing any more. */
function open(index: number): Case {
  const requestId = `r${index}`
  const { request, grant } = granted('open', [rule('A', 'present')], { id: `g${index}`, requestId })
  return { request: { ...request, id: requestId, vm: vm({ id: vmId(index) }) }, grant }
}

const inventory: Inventory = {
  find: () => [],
  nearest: () => [],
  details: () => null,
  all: () => [],
  subscription: () => null,
  has: () => false,
  refresh: async () => {},
  readAt: () => clock('09:09'),
}

/** What Azure answers when it is asked for the nth VM the nth time. */
type Answer = (index: number, reads: number) => boolean | 'forbidden'

function azure(answer: Answer) {
  const asked: number[] = []
  const survey: Survey = {
    subscriptions: async () => ['s1'],
    groups: async () => [],
    hasVm: async (id) => {
      const index = Number(id.split('-').at(-1))
      asked.push(index)
      const told = answer(index, asked.filter((one) => one === index).length)
      if (told === 'forbidden') throw new Error('the identity may not read this VM')
      return told
    },
  }
  return { asked, survey }
}

async function look(survey: Survey, looked: LookedThrough = new Map()) {
  const { store } = subject
  const dispatcher = createDispatcher({ store, clock: time, observe: () => {} })
  const parts = { store, clock: time, dispatcher, survey, inventory, log: quiet }
  await closeForGoneVms(parts, 's1', looked, new AbortController().signal)
}

async function given(count: number) {
  const cases = Array.from({ length: count }, (_, index) => open(index + 1))
  await subject.store.transact((tx) => tx.save(cases, time.now()))
}

/** Whose access is being closed. */
const closing = async () => (await subject.store.grants(['closing'])).map(({ request }) => request.id)

describe('a VM that the inventory no longer shows', () => {
  test('ends the access to it once Azure has said twice that it is gone', async () => {
    await given(1)
    const { asked, survey } = azure(() => false)
    await look(survey)
    expect(asked).toEqual([1, 1])
    expect(await closing()).toEqual(['r1'])
  })

  test('ends nothing when Azure says it once and shows the VM the next time', async () => {
    await given(1)
    const { asked, survey } = azure((_, reads) => reads === 2)
    await look(survey)
    expect(asked).toEqual([1, 1])
    expect(await closing()).toEqual([])
  })
})

describe('a VM that may not be read', () => {
  test('keeps its own access and no other from being looked at', async () => {
    await given(3)
    const { survey } = azure((index) => (index === 1 ? 'forbidden' : false))
    await look(survey)
    expect(await closing()).toEqual(['r2', 'r3'])
  })

  test('is asked for again at the next look, although the inventory is still the same', async () => {
    await given(1)
    const looked: LookedThrough = new Map()
    let allowed = false
    const { survey } = azure(() => (allowed ? false : 'forbidden'))
    await look(survey, looked)
    allowed = true
    await look(survey, looked)
    expect(await closing()).toEqual(['r1'])
  })

  test('ends the look when it is one of several, so that not each of a thousand is waited for', async () => {
    await given(7)
    const { asked, survey } = azure((index) => (index <= 5 ? 'forbidden' : false))
    await look(survey)
    expect(asked).toEqual([1, 2, 3, 4, 5])
    expect(await closing()).toEqual([])
  })
})

test('what was looked through is not asked for again until the inventory was read again', async () => {
  await given(1)
  const looked: LookedThrough = new Map()
  const { asked, survey } = azure(() => true)
  await look(survey, looked)
  await look(survey, looked)
  expect(asked).toEqual([1])
})
