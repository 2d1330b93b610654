import type { Result } from './simulation.ts'

/** One line that says what broke and how to see it again. */
export const replayOf = ({ seed, violations }: Pick<Result, 'seed' | 'violations'>): string =>
  `npm run soak -- --seed ${seed}  # ${violations[0] ?? 'nothing broke'}`
