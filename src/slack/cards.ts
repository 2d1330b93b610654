import type { Button, KnownBlock } from '@slack/types'
import type { Case } from '../core/case.ts'
import { addressesOf } from '../core/change-address.ts'
import { id as againId } from './actions/again.ts'
import { id as approveId } from './actions/approve.ts'
import { id as cancelId } from './actions/cancel.ts'
import { id as closeId } from './actions/close.ts'
import { id as denyId } from './actions/deny.ts'

import { id as lessId } from './actions/less.ts'
import { id as signId } from './actions/sign.ts'
import { id as unjustifiedId } from './actions/unjustified.ts'

import { id as whyId } from './actions/why.ts'

import { changedId } from './address-link.ts'
import { actions, button, context, fields, header, quoted, type Shown, section, versioned } from './blocks.ts'
import { contextLines } from './context-lines.ts'
import { wayFact } from './defender.ts'
import {
  addressFact,
  groupsFact,
  hasTags,
  lengthFact,
  placeFact,
  plannedFact,
  portsFact,
  rawSubject,
  tagsFact,
  warningLines,
} from './facts.ts'
import { type Phase, phaseOf, title } from './phase.ts'
import { cardStatus, mirrorStatus } from './status.ts'
import { cut, person, plain, time, words } from './words.ts'

export interface CardOptions {
  /** Names of the tags that the policy wants approvers to see. */
  readonly showTags: readonly string[]
}

type Pair = readonly [string, string]

const tagsPair = (kase: Case, { showTags }: CardOptions): Pair[] =>
  hasTags(kase.request, showTags) ? [['Tags', tagsFact(kase.request, showTags)]] : []

/** What the approver lets in, and where: the rule is written in each of these. */
const groupsPair = ({ request }: Case): Pair[] =>
  request.preFlight && request.preFlight.rules.length > 0 && request.state === 'pending'
    ? [[`Rules, as planned ${time(request.preFlight.at)}`, plannedFact(request)]]
    : request.hops.length > 0
      ? [['Security groups', groupsFact(request)]]
      : []

/** Access that follows on from other access, which ends at its own time. */
const followsPair = ({ request }: Case): Pair[] =>
  request.extends
    ? [
        [
          'Follows',
          `request ${words(request.extends.requestId, 40)}, which ends ${time(request.extends.endsAt)}`,
        ],
      ]
    : []

const replacedText = ({ ended }: NonNullable<Case['request']['moves']>): string => {
  if (ended === undefined) return 'which is closed once this is open'
  return ended === 'closing' ? 'which is closing' : `which closed ${time(ended.at)}`
}

/** Access from an address that its person does not come from any more. */
const replacesPair = ({ request }: Case): Pair[] =>
  request.moves
    ? [
        [
          'Takes the place of',
          `request ${words(request.moves.requestId, 40)}, ${request.moves.ended ? '' : 'open '}from ${words(request.moves.address, 60)}, ${replacedText(request.moves)}`,
        ],
      ]
    : []

/** Who is to open it, where that is not Jitney. */
function wayPair(kase: Case): Pair[] {
  const way = wayFact(kase)
  return way === null ? [] : [['Way', way]]
}

const whatPairs = (kase: Case): Pair[] => [
  ['VM', words(kase.request.vm.name, 100)],
  ['Where', placeFact(kase.request)],
  ['Ports', portsFact(kase.request)],
  ['Address', addressFact(kase.request)],
  ['How long', lengthFact(kase)],
  ...followsPair(kase),
  ...replacesPair(kase),
]

const footer = ({ request }: Case): string => {
  const rule = (request.terms ?? request.verdict.terms)?.rule
  const id = `Request ${words(request.id, 80)}`
  return rule === undefined ? id : `${id} · Rule “${words(rule, 200)}”`
}

const reason = ({ request }: Case): KnownBlock[] =>
  request.reason === null ? [] : [quoted('Reason', request.reason)]

/** Button labels repeat on every card, so a screen reader hears which card each one is on. */
export const labeled = (id: string, text: string, kase: Case, style?: 'primary'): Button =>
  button(id, text, kase.request.id, {
    accessibility_label: plain(`${text}: ${rawSubject(kase.request)}`, 75),
    ...(style ? { style } : {}),
  })

const closable = (phase: Phase): boolean => ['scheduled', 'opening', 'open', 'over'].includes(phase.name)

/** Before it has begun there is nothing to close, and the same click keeps it from being opened. */
const closeButton = (kase: Case, phase: Phase) =>
  labeled(closeId, phase.name === 'scheduled' ? 'Call it off' : 'Close now', kase)

/** An emergency is looked at by somebody else, while it is open or afterwards. */
const signButtons = (kase: Case): Button[] =>
  kase.request.oversight?.state === 'open'
    ? [labeled(signId, 'Sign', kase), labeled(unjustifiedId, 'Not justified', kase)]
    : []

/** The policy’s reasons stay of interest when everything is over. */
const whyButton = (kase: Case): Button => labeled(whyId, 'Why', kase)

/** Whoever says yes says it to the address that this card shows. */
const approving = (kase: Case): Button => {
  const changes = addressesOf(kase.request)
  const approve = labeled(approveId, 'Approve', kase, 'primary')
  return changes === 0 ? approve : { ...approve, value: `${kase.request.id} ${changes}` }
}

function cardButtons(kase: Case, phase: Phase): KnownBlock[] {
  if (phase.name === 'pending') {
    return [
      actions([
        approving(kase),
        labeled(denyId, 'Deny', kase),
        labeled(lessId, 'Approve less', kase),
        whyButton(kase),
      ]),
    ]
  }
  const buttons = [...(closable(phase) ? [closeButton(kase, phase)] : []), ...signButtons(kase)]
  return [actions([...buttons, whyButton(kase)])]
}

const over = new Set<Phase['name']>(['closed', 'denied', 'canceled', 'lapsed'])

const againButton = (kase: Case, phase: Phase): Button | null =>
  over.has(phase.name) ? labeled(againId, 'Ask again', kase) : null

function mirrorButtons(kase: Case, phase: Phase, page: boolean): KnownBlock[] {
  const moving = page && (phase.name === 'pending' || phase.name === 'open')
  const changed = moving ? [labeled(changedId, 'My address changed', kase)] : []
  if (phase.name === 'pending')
    return [actions([labeled(cancelId, 'Cancel', kase), ...changed, whyButton(kase)])]
  const act = closable(phase) ? closeButton(kase, phase) : againButton(kase, phase)
  return [actions([...(act ? [act] : []), ...changed, whyButton(kase)])]
}

/** Only who still decides needs them; they tell of the moment when it was asked for. */
const warned = ({ request }: Case): string[] => (request.state === 'pending' ? warningLines(request) : [])

const warnings = (kase: Case): KnownBlock[] => {
  const lines = warned(kase)
  return lines.length > 0 ? [section(lines.join('\n'))] : []
}

/** Changes whenever anything that is shown changes. */
function versionOf(kase: Case, content: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < content.length; at += 1) hash = Math.imul(hash ^ content.charCodeAt(at), 0x01000193)
  return `${plain(kase.request.id, 80)}.${(hash >>> 0).toString(36)}`
}

export function shown(kase: Case, text: string, blocks: readonly KnownBlock[]): Shown {
  return { text: cut(text, 3900), blocks: versioned(blocks, versionOf(kase, JSON.stringify(blocks))) }
}

/** Lines that are seen under one another, as sentences that are heard one after another. */
const spoken = (lines: readonly string[]): string =>
  lines
    .map((line) => line.replace(/^[\s•–]+/, '').replace(/:$/, ''))
    .map((line) => (/[.!?*]$/.test(line) ? line : `${line}.`))
    .join(' ')

/** Everything in sentences, for those who hear the message instead of seeing it. */
function told(kase: Case, phase: Phase, who: string, status: readonly string[]): string {
  const { request } = kase
  const place = `${words(request.vm.name, 80)} (${placeFact(request)})`
  const why = request.reason === null ? '' : ` Reason: ${words(request.reason, 300)}.`
  const asked = `${who} for ${portsFact(request)} to ${place} from ${addressFact(request)}, ${lengthFact(kase)}.`
  const also = warned(kase)
  const warnedOf = also.length > 0 ? ` ${spoken(also)}` : ''
  return `${words(title(phase), 300)}. ${spoken(status)}${warnedOf} ${asked}${why} Request ${words(request.id, 80)}.`
}

/** The card that approvers see, in whatever state the case is at this moment. */
export function requestCard(kase: Case, now: number, options: CardOptions): Shown {
  const phase = phaseOf(kase, now)
  const status = cardStatus(phase, now)
  // Once it is decided, what was known before is no help any more.
  const known = phase.name === 'pending' ? contextLines(kase.request) : []
  const blocks: KnownBlock[] = [
    header(title(phase)),
    section(status.join('\n')),
    ...warnings(kase),
    ...(known.length > 0 ? [section(known.join('\n'))] : []),
    ...fields([
      ['Requester', person(kase.request.requester)],
      ...whatPairs(kase),
      ...groupsPair(kase),
      ...wayPair(kase),
      ...tagsPair(kase, options),
    ]),
    ...reason(kase),
    ...cardButtons(kase, phase),
    context([footer(kase)]),
  ]
  return shown(
    kase,
    told(kase, phase, `${person(kase.request.requester)} asked`, [...status, ...known]),
    blocks,
  )
}

/** The requester's own message about the same case; `page` is whether they can confirm another address. */
export function mirrorCard(kase: Case, now: number, { page = false } = {}): Shown {
  const phase = phaseOf(kase, now)
  const status = mirrorStatus(phase, now)
  const blocks: KnownBlock[] = [
    header(title(phase)),
    section(status.join('\n')),
    ...warnings(kase),
    ...fields(whatPairs(kase)),
    ...reason(kase),
    ...mirrorButtons(kase, phase, page),
    context([footer(kase)]),
  ]
  return shown(kase, told(kase, phase, 'You asked', status), blocks)
}
