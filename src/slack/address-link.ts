import type { Button, KnownBlock } from '@slack/types'
import type { LinkAbout } from '../core/address-link.ts'
import { type AddressView, type KeptLink, type KnownAddress, nothingAhead } from '../core/kept-link.ts'
import type { Leads } from '../ports.ts'
import { actions, button, context, type Shown, section } from './blocks.ts'
import { cut, onlyOurTokens, plain, time, words } from './words.ts'

/** The button opens the browser by itself; Slack tells of the click all the same. */
export const openId = 'open_address_page'
export const confirmId = 'confirm_address'
export const changedId = 'address_changed'
export const forgetId = 'forget_address'

const aboutText = ({ label, vm, howLong, until }: LinkAbout): string =>
  `${words(label, 80)} to ${words(vm, 80)} ${until === undefined ? `for ${words(howLong, 60)}` : `until ${time(until)}`}`

const glassText =
  '*You are breaking the glass:* once you have confirmed, access opens at once and those passed over are told.'

const forWhat = ({ about, requestId }: KeptLink): string => {
  if (about === null) return 'This is for the address that I remember of you; nothing else waits for it.'
  return requestId === null
    ? `You asked for ${aboutText(about)}. That goes on by itself once you have confirmed which address you will connect from.`
    : `Your address changed for ${aboutText(about)}, request ${words(requestId, 80)}. The request stays as it is until you have confirmed the new one.`
}

function untilThen({ requestId, about }: KeptLink): string {
  if (requestId !== null) return 'nothing changes'
  return about?.emergency
    ? 'nobody is told, nothing is opened and no address is stored'
    : 'nobody is asked, nothing is opened and no address is stored'
}

const waitingLines = (link: KeptLink, { repeat }: Leads): string[] => [
  '*Confirm your address.*',
  forWhat(link),
  ...(link.about?.emergency ? [glassText] : []),
  `The button opens a page in your browser that shows the address you come from and asks you to sign in with Slack. Use the computer and the network that you will connect with: a phone or a VPN may show another address.`,
  `It works until ${time(link.expiresAt)}, once, and for you alone. Until then ${untilThen(link)}.`,
  ...(repeat ? ['If you have two of these messages, only the newer button works.'] : []),
]

const againText = ({ about, requestId }: KeptLink, isOver: boolean): string => {
  if (about === null && requestId === null) return 'No address was stored. `/jit ip` makes a new link.'
  if (isOver) return 'Nothing changed by this, and the request is over.'
  return requestId === null
    ? 'Nobody was asked, nothing was opened, and no address was stored. Type the command again when you are ready.'
    : 'Nothing changed by this. “My address changed” on the message of the request makes a new link.'
}

function endedLines(link: KeptLink, isOver: boolean): string[] {
  const { state, confirmed, outcome, about, expiresAt } = link
  if (state === 'replaced') {
    const first = `*This link no longer works*${about === null ? '' : ` (${aboutText(about)})`}.`
    // Slack may still refuse the message of the newer one, so nothing is said of it but that it was made.
    return outcome === null
      ? [first, 'A newer one was made for the same thing.']
      : [first, onlyOurTokens(outcome), againText(link, isOver)]
  }
  if (state === 'lapsed' || confirmed === null) {
    const what = about === null ? 'The link' : link.requestId === null ? 'The request' : 'The change'
    const which = about === null ? '' : ` (${aboutText(about)})`
    return [
      `*${what} lapsed ${time(expiresAt)}*${which}: no address was confirmed in time.`,
      againText(link, isOver),
    ]
  }
  const first =
    confirmed.address === ''
      ? `*An address was confirmed ${time(confirmed.at)},* and forgotten since.`
      : `*Address confirmed:* ${words(confirmed.address, 60)}, ${time(confirmed.at)}.`
  const next = about === null ? 'It is being put on record.' : `${aboutText(about)}: this goes on now.`
  // What Azure says may stand in it, and is not ours.
  return [first, outcome === null ? next : onlyOurTokens(outcome)]
}

const openButton = (url: string, link: KeptLink): Button => {
  const { value: _, ...rest } = button(openId, 'Confirm my address', link.id, {
    style: 'primary',
    accessibility_label: plain(
      `Confirm my address in the browser${link.about ? `, for ${link.about.label} to ${link.about.vm}` : ''}`,
      75,
    ),
  })
  return { ...rest, url }
}

/** The private message about a link, as it stands; `isOver` is the request whose address was to change. */
export function linkMessage(link: KeptLink, leads: Leads | null, isOver = false): Shown {
  const waits = link.state === 'waiting' && leads !== null
  const lines = waits ? waitingLines(link, leads) : endedLines(link, isOver)
  const blocks: KnownBlock[] = lines.map((line) => section(line))
  return {
    text: cut(lines.join(' '), 3900),
    blocks: waits ? [...blocks, actions([openButton(leads.url, link)])] : blocks,
  }
}

const howText = ({ learnt, at }: KnownAddress): string =>
  learnt === 'typed' ? `typed ${time(at)} and not confirmed` : `confirmed in the browser ${time(at)}`

function useText({ usedUntil, refused }: KnownAddress): string {
  if (refused) return 'The policy does not let it in any more.'
  return usedUntil === null
    ? 'It is kept for the record; each request asks again.'
    : `Used until ${time(usedUntil)} for what you ask for without an address.`
}

const knownText = (known: KnownAddress): string =>
  `• *${words(known.address, 60)}*, ${howText(known)}. ${useText(known)}`

/** What is remembered of somebody's address. */
export function addressesMessage({ addresses, page, ways, confirmAhead = true }: AddressView): Shown {
  const lines =
    addresses.length === 0
      ? ['*No address of yours is remembered.*']
      : ['*Your address, as I remember it:*', ...addresses.map(knownText)]
  if (page && !confirmAhead) lines.push(nothingAhead)
  const how = `To say where you connect from: ${words(ways, 1500)}`
  const buttons = [
    ...(page && confirmAhead ? [button(confirmId, 'Confirm my address', 'anew')] : []),
    ...(addresses.length > 0
      ? [button(forgetId, addresses.length === 1 ? 'Forget it' : 'Forget them', 'all')]
      : []),
  ]
  return {
    text: cut([...lines, how].join('\n'), 3900),
    blocks: [section(lines.join('\n')), ...(buttons.length > 0 ? [actions(buttons)] : []), context([how])],
  }
}
