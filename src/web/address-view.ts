import { html } from 'hono/html'
import type { AddressLink } from '../core/address-link.ts'
import { type Html, layout } from './layout.ts'
import { familyOf, type Seen } from './seen.ts'

export interface Shown {
  readonly link: AddressLink
  /** The one who asked: signed in here, or somebody whose name Slack says, where it does. */
  readonly asker: 'you' | { readonly name: string | null }
}

type Fit = Extract<Seen, { kind: 'fit' }>
type Unfit = Exclude<Seen, { kind: 'fit' }>

/** Whole minutes, so that the link works at least until then. */
const endOf = ({ link }: Shown) => `${new Date(link.expiresAt).toISOString().slice(11, 16)} UTC`

const who = ({ asker }: Shown): Html | string => {
  if (asker === 'you') return 'You'
  return asker.name === null ? 'Somebody' : html`<bdi>${asker.name}</bdi>`
}

/** What the link is for, in one sentence. */
function purpose(shown: Shown): Html {
  const { about, requestId } = shown.link
  const they = shown.asker === 'you' ? 'you connect' : 'they connect'
  if (!about) return html`${who(shown)} asked in Slack to confirm the address that ${they} from.`
  const what = html`<strong><bdi>${about.label}</bdi></strong> on <strong><bdi>${about.vm}</bdi></strong>, for <strong>${about.howLong}</strong>`
  return requestId === null
    ? html`${who(shown)} asked in Slack for ${what}.`
    : html`${who(shown)} asked in Slack for ${what} (request <bdi>${requestId}</bdi>), and now for another address there.`
}

const addressBox = (address: string) => html`<dl class="address">
<dt>The address that you come from, as we see it (${familyOf(address)})</dt>
<dd>${address}</dd>
</dl>`

const warning = html`<div class="note">
<p><strong>Is it the one that your connection will come from?</strong> A VPN, a proxy, iCloud Private Relay or a phone on its own network shows another address here than the one that will connect. Open this page on the computer, and by the network, that you are going to connect from.</p>
</div>`

const shared = html`<p>Others come from this address too, by what your policy says. For the network, everybody behind it is let in together with you.</p>`

const oldStays =
  'Access that is open from your old address stays until the new one is open, or until its end.'

/** What the yes leads to. How things stand with the request by then, Slack says. */
function next({ link: { about, requestId } }: Shown): string {
  if (!about) return 'Nothing opens by this. The policy says how long it may be used again; Slack tells you.'
  if (about.emergency) {
    const first =
      'You are breaking the glass: your yes opens this at once, and those who would have been asked are told. If the policy refuses it, Slack says so.'
    return requestId === null ? first : `${first} ${oldStays}`
  }
  return requestId === null
    ? 'Then your request goes on in Slack, with this address and no other.'
    : `Then Slack says how it goes on. If approvers had agreed already, they are asked again. ${oldStays}`
}

const lasts = (shown: Shown) =>
  html`<p class="soft">This link works until ${endOf(shown)}. Opening the page changes nothing.</p>`

export const beforeSignIn = (shown: Shown, seen: Fit, signIn: string): Html =>
  layout(
    'Is this your address?',
    html`<p>${purpose(shown)}</p>
${addressBox(seen.address)}
${seen.shared ? shared : ''}
${warning}
<p>Sign in with Slack, so that nobody but ${shown.asker === 'you' || shown.asker.name === null ? 'the one who asked' : who(shown)} can confirm it. Signing in lets nothing in yet.</p>
<a class="key" href="${signIn}">Sign in with Slack</a>
${lasts(shown)}`,
  )

export interface Button {
  readonly action: string
  readonly form: string
  /** The name that Slack gave at the sign-in. */
  readonly name: string | null
}

export function askForYes(shown: Shown, seen: Fit, button: Button, before: string | null): Html {
  // What nobody else stands before is said before the button, and not under it.
  const glass = shown.link.about?.emergency === true
  return layout(
    before === null ? 'Is this your address?' : 'Your address is another one now',
    html`${
      before === null
        ? ''
        : html`<div class="note" role="alert"><p>When this page was shown you came from <strong>${before}</strong>, and the button was pressed from <strong>${seen.address}</strong>. Nothing has been confirmed. Look at the new address and say yes again if it is the right one.</p></div>`
    }
<p>${purpose(shown)}</p>
${addressBox(seen.address)}
${seen.shared ? shared : ''}
${warning}
${glass ? html`<div class="note"><p>${next(shown)}</p></div>` : ''}
<form method="post" action="${button.action}">
<input type="hidden" name="form" value="${button.form}">
<button class="key" type="submit">Yes, this is my address</button>
</form>
${glass ? '' : html`<p class="soft">${next(shown)}</p>`}
<p class="soft">${button.name === null ? 'You are signed in with Slack.' : html`You are signed in as <bdi>${button.name}</bdi>.`} This link works until ${endOf(shown)}, once.</p>`,
  )
}

function unfitTitle(seen: Unfit): string {
  if (seen.kind === 'hidden') return 'Your address cannot be seen'
  return seen.kind === 'refused' ? 'This address cannot be let in' : `This VM needs an ${seen.needs} address`
}

/** An address that cannot be confirmed: why, and what to do. */
export function unfit(shown: Shown, seen: Unfit, elsewhere: string | null): Html {
  const body = {
    hidden: () =>
      html`<div class="note"><p>A proxy stands between you and this page and does not say, in a way that can be believed, where you come from. Nothing has been confirmed.</p></div>
<p>Ask the people who run Jitney: TRUSTED_PROXIES must name that proxy, and the proxy must write X-Forwarded-For.</p>`,
    refused: ({ address, why }: Extract<Seen, { kind: 'refused' }>) => html`${addressBox(address)}
<div class="note"><p>${why}</p><p>Nothing has been confirmed, and the link still works.</p></div>
<p>Turn off what stands between you and the internet, or go to another network, and load this page again.</p>`,
    'other family': ({
      address,
      needs,
    }: Extract<Seen, { kind: 'other family' }>) => html`${addressBox(address)}
<div class="note"><p>You come by ${familyOf(address)}, and this VM can be reached by ${needs} only: a rule for this address would let nobody in. Nothing has been confirmed, and the link still works.</p></div>
${
  elsewhere === null
    ? html`<p>Turn ${familyOf(address)} off on this computer for a moment, or go to a network with ${needs}, and load this page again.</p>`
    : html`<p>The same page is there under a name that is reached by ${needs} only. It shows you the other address.</p>
<a class="key" href="${elsewhere}">Go on by ${needs}</a>`
}`,
  }
  const said =
    seen.kind === 'hidden'
      ? body.hidden()
      : seen.kind === 'refused'
        ? body.refused(seen)
        : body['other family'](seen)
  return layout(
    unfitTitle(seen),
    html`<p>${purpose(shown)}</p>
${said}
${lasts(shown)}`,
  )
}

export function confirmed({ link }: Shown, address: string): Html {
  const what = link.about
    ? html` for <strong><bdi>${link.about.label}</bdi></strong> on <strong><bdi>${link.about.vm}</bdi></strong>`
    : ''
  return layout(
    'Your address is confirmed',
    html`<div class="good"><p><strong>${address}</strong> is confirmed${what}.</p></div>
<p>Go back to Slack: the message there says ${link.about ? 'how things go on' : 'what it may be used for'}. You can close this page.</p>
<p class="soft">${link.about ? 'If your address changes, press “My address changed” on the message of your request. ' : ''}This link cannot be used again.</p>`,
  )
}
