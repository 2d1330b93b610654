import { defineConfig } from 'vitest/config'

/** The tests that speak of what is mutated; the others would only make each mutant slower. */
const about = [
  'approval',
  'authorise',
  'can-suffice',
  'duration',
  'enough-approvers',
  'less',
  'policy',
  'policy-matchers',
  'policy-properties',
  'source',
  'time-window',
]

export default defineConfig({
  test: {
    include: about.map((name) => `test/core/${name}.test.ts`),
    testTimeout: 30_000,
    isolate: false,
  },
})
