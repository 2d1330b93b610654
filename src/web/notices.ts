import { html } from 'hono/html'
import { type Html, layout } from './layout.ts'

interface Way {
  readonly href: string
  readonly label: string
}

const notice = (title: string, said: string, then: string, way?: Way): Html =>
  layout(
    title,
    html`<p>${said}</p>
<p>${then}</p>
${way ? html`<a class="key" href="${way.href}">${way.label}</a>` : ''}`,
  )

const retry = (href: string): Way => ({ href, label: 'Load the page again' })

/** For a link that is unknown, used, too old or somebody else's: nobody learns which. */
export const leadsNowhere = layout(
  'This link cannot be used',
  html`<p>If you have just confirmed your address, you are done here: look in Slack, where it says how things go on.</p>
<p>Otherwise the link has been used, is older than ten minutes or was replaced by a newer one, or you signed in as somebody whom it was not made for. Nothing has been confirmed by this visit.</p>
<p><strong>What to do:</strong> if you took the wrong account, open the link again and sign in with the right one. If not, start again in Slack; you get a new link there, in a message that only you see.</p>`,
)

export const notices = {
  busy: notice(
    'Too many visits',
    'This page has been opened too often within a minute, by you or by others on your network. Nothing has been changed by this visit.',
    'Wait a minute, then load the page again.',
  ),
  tooLarge: notice(
    'That was too much',
    'More was sent than this page ever asks for, so it was not read. Nothing has been changed.',
    'Open the link in Slack again.',
  ),
  notAForm: notice(
    'That was not the button of this page',
    'What was sent is not what the button sends, so it was not read. Nothing has been changed.',
    'Open the link in Slack again and press the button there.',
  ),
  crossSite: notice(
    'That came from somewhere else',
    'The button was not pressed on this page, or the browser did not say where it was pressed. Nothing has been changed.',
    'Open the link in Slack again and press the button there. If this is what you did, use a newer browser.',
  ),
  method: notice(
    'That cannot be done here',
    'This page can be read, and its button can be pressed; nothing else. Nothing has been changed.',
    'Open the link in Slack again.',
  ),
  notReady: notice(
    'Not ready yet',
    'Jitney is starting and cannot look up your link yet. Nothing has been changed, and the link still works.',
    'Load the page again in a few seconds.',
  ),
  broken: notice(
    'Something went wrong here',
    'What you did may or may not have been done.',
    'Look in Slack: if it does not say that your address is confirmed, open the link again.',
  ),
  lostSignIn: notice(
    'This sign-in cannot be finished',
    'It was begun in another browser, more than ten minutes ago, or more than once at the same time. Nothing has been changed.',
    'Open the link in Slack again and sign in from there.',
  ),
  signedOut: (href: string) =>
    notice(
      'You are no longer signed in',
      'Ten minutes have passed since you signed in, or this browser keeps no cookies. Nothing has been confirmed.',
      'Load the page again, sign in, and press the button within ten minutes.',
      retry(href),
    ),
  oldForm: (href: string) =>
    notice(
      'That button was too old',
      'The page that you pressed it on belongs to another sign-in or was shown more than ten minutes ago. Nothing has been confirmed.',
      'Load the page again and press the button there.',
      retry(href),
    ),
  noSignIn: (href: string) =>
    notice(
      'You were not signed in',
      'Slack did not say who you are: the sign-in was called off, or it failed. Nothing has been changed, and the link still works.',
      'Try again. If it fails once more, ask the people who run Jitney; the log says why.',
      { href, label: 'Back to the page' },
    ),
  slackAway: (href: string) =>
    notice(
      'Slack does not answer',
      'Signing in is not possible just now. Nothing has been changed, and the link still works.',
      'Try again in a moment.',
      { href, label: 'Back to the page' },
    ),
}
