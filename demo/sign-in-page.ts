import { html, raw } from 'hono/html'
import type { SlackUser } from './open-id.ts'
import { pretendedAddress } from './pretended.ts'

type Html = ReturnType<typeof html>

const css = `
:root { color-scheme: light dark; --paper: #f6f2f7; --sheet: #fff; --ink: #1d1c1d; --soft: #5a565c; --line: #d9d2db; --key: #611f69; --key-ink: #fff; --key-over: #4a154b; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171318; --sheet: #221d24; --ink: #ece8ee; --soft: #b5adb8; --line: #433b46; --key: #d9a9df; --key-ink: #2a0f2d; --key-over: #e6c4ea; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif; }
header, main, footer { width: calc(100% - 1.5rem); max-width: 30rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.5rem; color: var(--soft); font-weight: 600; }
main { margin-top: .75rem; padding: 1.5rem 1.25rem 1.75rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem; }
footer { padding-top: 1rem; padding-bottom: 2rem; color: var(--soft); font-size: .9375rem; }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: .75rem 0 0; text-wrap: pretty; }
form { display: grid; gap: .75rem; margin-top: 1.5rem; }
button { padding: .7rem 1.25rem; border: 0; border-radius: .5rem; background: var(--key); color: var(--key-ink); font: inherit; font-weight: 600; cursor: pointer; }
button:hover { background: var(--key-over); }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
@media (min-width: 48rem) { header { padding-top: 4rem; } }
@media (forced-colors: active) { button { border: 2px solid; } }
`

const layout = async (title: string, body: Html): Promise<string> =>
  (
    await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${title} · Jitney demo</title>
<style>${raw(css)}</style>
</head>
<body>
<header>Jitney demo</header>
<main>
<h1>${title}</h1>
${body}
</main>
<footer>The demo pretends that you come from ${pretendedAddress}: everything here runs on your own computer, and no address of its own could be let in.</footer>
</body>
</html>
`
  ).toString()

/** The page of the demo where its people sign in, each with one button. */
export const signInPage = (users: readonly SlackUser[]): Promise<string> =>
  layout(
    'Who are you?',
    html`<p>This page stands in for “Sign in with Slack”. In the demo nobody has a password: choose who you are. Only the one who asked can confirm the address.</p>
<form method="post">
${users.map(({ userId, name }) => html`<button name="user" value="${userId}">Sign in as ${name}</button>\n`)}</form>`,
  )

export const signInOver = layout(
  'This sign-in is over',
  html`<p>It was begun too long ago, or in another browser. Press “Confirm my address” in the message from jitney once more.</p>`,
)
