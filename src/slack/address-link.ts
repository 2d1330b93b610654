import type { Button, KnownBlock } from '@slack/types'
import type { LinkAbout } from '../core/address-link.ts'
import type { AddressView, KeptLink, KnownAddress } from '../core/kept-link.ts'
import type { Leads } from '../ports.ts'
import { actions, button, context, type Shown, section } from './blocks.ts'
import { cut, plain, time, words } from './words.ts'

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

const againText = ({ about, requestId }: KeptLink): string => {
  if (about === null) return 'No address was stored. `/jit ip` makes a new link.'
  return requestId === null
    ? 'Nobody was asked, nothing was opened, and no address was stored. Type the command again when you are ready.'
    : 'The request stays as it was, with the address that it had. “My address changed” on its message makes a new link.'
}

function endedLines(link: KeptLink): string[] {
  const { state, confirmed, outcome, about, expiresAt } = link
  if (state === 'replaced')
    return ['*A newer message has the button for this.* The link that was here leads nowhere any more.']
  if (state === 'lapsed' || confirmed === null) {
    const what = about === null ? 'The link' : link.requestId === null ? 'The request' : 'The change'
    const which = about === null ? '' : ` (${aboutText(about)})`
    return [`*${what} lapsed ${time(expiresAt)}*${which}: no address was confirmed in time.`, againText(link)]
  }
  const first = `*Address confirmed:* ${words(confirmed.address, 60)}, ${time(confirmed.at)}.`
  const next = about === null ? 'It is being put on record.' : `${aboutText(about)}: this goes on now.`
  return [first, outcome ?? next]
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

/** The private message about a link, as it stands. */
export function linkMessage(link: KeptLink, leads: Leads | null): Shown {
  const waits = link.state === 'waiting' && leads !== null
  const lines = waits ? waitingLines(link, leads) : endedLines(link)
  const blocks: KnownBlock[] = lines.map((line) => section(line))
  return {
    text: cut(lines.join(' '), 3900),
    blocks: waits ? [...blocks, actions([openButton(leads.url, link)])] : blocks,
  }
}

const howText = { typed: 'typed, not confirmed', confirmed: 'confirmed in the browser' } as const

const knownText = ({ address, learnt, at, usedUntil }: KnownAddress): string =>
  `• *${words(address, 60)}*, ${howText[learnt]} ${time(at)}. ${usedUntil === null ? 'It is not used again without being given anew.' : `Used until ${time(usedUntil)} for what you ask for without an address.`}`

/** What is remembered of somebody's address. */
export function addressesMessage({ addresses, page, ways }: AddressView): Shown {
  const lines =
    addresses.length === 0
      ? ['*No address of yours is remembered.*']
      : ['*Your address, as I remember it:*', ...addresses.map(knownText)]
  const how = `To say where you connect from: ${words(ways, 1500)}`
  const buttons = [
    ...(page ? [button(confirmId, 'Confirm my address', 'anew')] : []),
    ...(addresses.length > 0 ? [button(forgetId, 'Forget it', 'all')] : []),
  ]
  return {
    text: cut([...lines, how].join('\n'), 3900),
    blocks: [section(lines.join('\n')), ...(buttons.length > 0 ? [actions(buttons)] : []), context([how])],
  }
}
