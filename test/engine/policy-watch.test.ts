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
/** What is written while the watcher waits, one text for each wait; after that the file stands still. */
let writes: string[]
let waits: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jitney-policy-'))
  file = join(folder, 'policy.yml')
  await writeFile(file, before)
  store = (await memoryStore()).store
  policy = await openPolicy(file, (problems) => new Error(problems.join()))
  writes = []
  waits = 0
  const sleep = async () => {
    waits += 1
    const next = writes.shift()
    if (next !== undefined) await writeFile(file, next)
  }
  const clock = { now: () => Date.UTC(2026, 10, 23, 9), sleep }
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
  writes = [`${rules}deny:\n`, whole]
  expect(await watching.changed()).toBeNull()
  expect(policy.text()).toBe(whole)
  expect(await loaded()).toBe(1)
  expect(waits).toBe(3)
})

test('a half that turns out to be bad leaves the old policy in force', async () => {
  await writeFile(file, rules)
  writes = [`${rules}denny: []\n`]
  expect(await watching.changed()).toMatch(/denny: unknown key/)
  expect(policy.text()).toBe(before)
})

test('whoever asks for it to be read gets a good policy at once', async () => {
  await writeFile(file, whole)
  expect(await watching.reload()).toBeNull()
  expect(policy.text()).toBe(whole)
  expect(waits).toBe(0)
})
