import type { Shown } from '../../src/slack/blocks.ts'
import { isJson } from '../support/fake-slack/json.ts'
import { readable, visibleBlocks } from '../support/fake-slack/visible-text.ts'

const names = {
  user: (id: string) => ({ U0ALICE: 'alice', U0BOB: 'bob', U0CAROL: 'carol' })[id],
  channel: () => undefined,
  group: (id: string) => (id === 'S0OPS' ? 'ops' : undefined),
}

/** What a person sees of a message. */
export const seen = (shown: Shown): string =>
  `\n${visibleBlocks(shown.blocks.map((block) => ({ ...block })).filter(isJson), names)}\n`

/** What a person hears of it. */
export const heard = (shown: Shown): string => readable(shown.text, names)
