import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openPolicy, type PolicySource } from '../../src/policy-source.ts'
import { type PolicyWatch, watchPolicy } from '../../src/policy-watch.ts'
import type { Store } from '../../src/ports.ts'
import { memoryStore } from '../support/stores.ts'

const before = `version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 1h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees }
`
const rules = before.replace('a colleague agrees', 'nobody has to agree, approvals: 0')
const whole = `${rules}deny:
  - { name: the jump host is closed, vm: { name: vm-jump* } }
`

let folder: string
let file: string
let store: Store
let policy: PolicySource
let watching: PolicyWatch
/** What is written while the watcher waits, and how many milliseconds after its first look. */
let writes: (readonly [after: number, text: string])[]
let waited: number
let sleeps: () => void

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jitney-policy-'))
  file = join(folder, 'policy.yml')
  await writeFile(file, before)
  store = (await memoryStore()).store
  policy = await openPolicy(file, (problems) => new Error(problems.join()))
  writes = []
  waited = 0
  sleeps = () => {}
  const sleep = async (ms: number, signal?: AbortSignal) => {
    sleeps()
    if (!signal?.aborted) waited += ms
    const due = writes.filter(([after]) => after <= waited)
    writes = writes.slice(due.length)
    for (const [, text] of due) await writeFile(file, text)
  }
  const clock = { now: () => Date.UTC(2026, 10, 23, 9) + waited, sleep }
  watching = watchPolicy({ file, policy, store, clock, log: { info() {}, warn() {}, error() {} } })
})
afterEach(async () => {
  watching.stop()
  await store.close()
  await rm(folder, { recursive: true })
})

const loaded = async () =>
  (await store.auditAfter(0, 100)).filter(({ type }) => type === 'policy.loaded').length

test('a policy of which half is written comes into force when it is whole, and never before', async () => {
  await writeFile(file, rules)
  writes = [
    [100, `${rules}deny:\n`],
    [1_900, whole],
  ]
  expect(await watching.changed()).toBeNull()
  expect(policy.text()).toBe(whole)
  expect(await loaded()).toBe(1)
  expect(waited).toBe(4_000)
})

test('a writer who rests again and again brings nothing into force before the end', async () => {
  await writeFile(file, rules)
  writes = [
    [1_500, `${rules}# more follows\n`],
    [3_500, whole],
  ]
  expect(await watching.changed()).toBeNull()
  expect(policy.text()).toBe(whole)
  expect(await loaded()).toBe(1)
})

test('a half that turns out to be bad leaves the old policy in force', async () => {
  await writeFile(file, rules)
  writes = [[1_900, `${rules}denny: []\n`]]
  expect(await watching.changed()).toMatch(/denny: unknown key/)
  expect(policy.text()).toBe(before)
})

test('whoever asks for it to be read gets a good policy at once', async () => {
  await writeFile(file, whole)
  expect(await watching.reload()).toBeNull()
  expect(policy.text()).toBe(whole)
  expect(waited).toBe(0)
})

test('whoever asks need not wait until a change has settled', async () => {
  await writeFile(file, rules)
  const asked: Promise<string | null>[] = []
  sleeps = () => void asked.push(watching.reload())
  writes = [[0, whole]]
  expect(await watching.changed()).toBeNull()
  expect(await Promise.all(asked)).toEqual([null])
  expect(policy.text()).toBe(whole)
  expect(waited).toBe(0)
})
