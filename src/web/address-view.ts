import { html } from 'hono/html'
import type { AddressLink } from '../core/address-link.ts'
import { type Html, layout } from './layout.ts'
import { familyOf, type Seen } from './seen.ts'

export interface Shown {
  readonly link: AddressLink
  /** The name of the one who asked, where it is known. */
  readonly asker: string | null
  readonly minutesLeft: number
}

type Fit = Extract<Seen, { kind: 'fit' }>
type Unfit = Exclude<Seen, { kind: 'fit' }>

const minutes = (count: number) => (count <= 1 ? 'one more minute' : `${count} more minutes`)

/** What the link is for, in one sentence. */
function purpose({ link, asker }: Shown): Html {
  const who = asker === null ? 'You' : html`<bdi>${asker}</bdi>`
  const { about } = link
  if (!about)
    return html`${who} asked in Slack to confirm the address that ${asker === null ? 'you connect' : 'they connect'} from.`
  const what = html`<strong><bdi>${about.label}</bdi></strong> on <strong><bdi>${about.vm}</bdi></strong>, for <strong>${about.howLong}</strong>`
  return link.requestId === null
    ? html`${who} asked in Slack for ${what}.`
    : html`${who} asked in Slack for ${what}, and now for another address on that request.`
}

const addressBox = (address: string) => html`<dl class="address">
<dt>The address that you come from, as we see it (${familyOf(address)})</dt>
<dd>${address}</dd>
</dl>`

const warning = html`<div class="note">
<p><strong>Is it the one that your connection will come from?</strong> A VPN, a proxy, iCloud Private Relay or a phone on its own network shows another address here than the one that will connect. Open this page on the computer, and by the network, that you are going to connect from.</p>
</div>`

const shared = html`<p>Others come from this address too, by what your policy says. For the network, everybody behind it is let in together with you.</p>`

/** What happens next to the thing that waits. */
const next = ({ link }: Shown) => {
  if (!link.about) return 'Nothing opens by this: the address is kept for your next request.'
  return link.requestId === null
    ? 'Your request then goes on in Slack, with this address and no other.'
    : 'Your request then goes on in Slack, with this address in place of the one before.'
}

const lasts = ({ minutesLeft }: Shown) =>
  html`<p class="soft">This link works for ${minutes(minutesLeft)}. Opening the page changes nothing.</p>`

export const beforeSignIn = (shown: Shown, seen: Fit, signIn: string): Html =>
  layout(
    'Is this your address?',
    html`<p>${purpose(shown)}</p>
${addressBox(seen.address)}
${seen.shared ? shared : ''}
${warning}
<p>Sign in with Slack, so that nobody but ${shown.asker === null ? 'you' : html`<bdi>${shown.asker}</bdi>`} can confirm it. Signing in lets nothing in yet.</p>
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
  const label = shown.link.about ? 'Yes, let this address in' : 'Yes, this is my address'
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
<form method="post" action="${button.action}">
<input type="hidden" name="form" value="${button.form}">
<button class="key" type="submit">${label}</button>
</form>
<p class="soft">${next(shown)}</p>
<p class="soft">${button.name === null ? 'You are signed in with Slack.' : html`You are signed in as <bdi>${button.name}</bdi>.`} This link works for ${minutes(shown.minutesLeft)}, once.</p>`,
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
<p>Tell whoever runs Jitney: TRUSTED_PROXIES must name that proxy, and the proxy must write X-Forwarded-For.</p>`,
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
    ? html`for <strong><bdi>${link.about.label}</bdi></strong> on <strong><bdi>${link.about.vm}</bdi></strong>`
    : html`for your next request`
  return layout(
    'Your address is confirmed',
    html`<div class="good"><p><strong>${address}</strong> is confirmed ${what}.</p></div>
<p>Go back to Slack: ${link.about ? 'the request goes on there, and its message says how' : 'the message there says so too'}. You can close this page.</p>
<p class="soft">If your address changes, say so in Slack. This link has done its work and does not work again.</p>`,
  )
}
