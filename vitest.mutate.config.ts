import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The tests that speak of what is mutated, quick ones first: the first that fails ends the run. */
const about = [
  'authorise',
  'approval',
  'less',
  'approver-lists',
  'who-is-called',
  'panic',
  'owner-tag',
  'check-words',
  'exceptions',
  'policy-matchers',
  'source',
  'source-range',
  'address-limit',
  'yeses-now',
  'rule-index',
  'quorum',
  'glob',
  'wants-less',
  'hours',
  'wall-clock',
  'time-window',
  'duration',
  'start',
  'can-suffice',
  'enough-approvers',
  'policy',
].map((name) => `test/core/${name}.test.ts`)

const placeOf = ({ moduleId }: TestSpecification) => about.findIndex((file) => moduleId.endsWith(file))

class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    return files.toSorted((a, b) => placeOf(a) - placeOf(b))
  }
}

export default defineConfig({
  test: {
    include: about,
    testTimeout: 300_000,
    isolate: false,
    sequence: { sequencer: QuickFirst },
  },
})
