import type { DefenderState } from './defender.ts'

/** Whose a rule of Defender's is that looks as ours would and appeared after we asked. */
export type Owner = 'ours' | 'another' | 'unknowable'

interface Evidence {
  readonly state: DefenderState
  /** Whether a request of ours may have reached Defender. */
  readonly asked: boolean
  /** How many such rules are known to be of other requests. */
  readonly known: number
}

/** A rule does not say whose it is, so only the record of who asked can tell. */
export function ownerOf({ state, asked, known }: Evidence): Owner {
  if (!asked) return 'another'
  const { rivals } = state
  if (rivals === null) return 'unknowable'
  const superseded = state.kind === 'revoked' && state.why === 'newer request'
  const { earlier, later } = rivals ?? { earlier: 0, later: 0 }
  if (later > 0) return superseded ? 'another' : 'unknowable'
  // What has replaced ours may be on another record than the one that was read.
  if (superseded || earlier > known) return 'unknowable'
  return 'ours'
}
