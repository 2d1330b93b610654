import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'

export type Html = ReturnType<typeof html>

const css = `
:root {
  color-scheme: light dark;
  --paper: #f3f5f8; --sheet: #ffffff; --ink: #16202c; --soft: #4d5b6a; --line: #d3dae2;
  --key: #1f5fae; --key-over: #174a89; --key-ink: #ffffff; --note: #fff6df; --note-line: #b7791f;
  --good: #e7f5ec; --good-line: #2c7a4b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #10161d; --sheet: #19222c; --ink: #e8edf3; --soft: #a9b6c4; --line: #33404e;
    --key: #8cbcf5; --key-over: #b3d3fa; --key-ink: #0d1a29; --note: #2d2614; --note-line: #d9a441;
    --good: #142b1e; --good-line: #58b57e;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif; }
header, main, footer { width: calc(100% - 1.5rem); max-width: 40rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.5rem; color: var(--soft); font-weight: 600; }
main { margin-top: .75rem; padding: 1.5rem 1.1875rem 1.75rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem; }
footer { padding-top: 1rem; padding-bottom: 2rem; color: var(--soft); font-size: .9375rem; }
h1, footer { text-wrap: balance; }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: .75rem 0 0; overflow-wrap: anywhere; text-wrap: pretty; }
strong { font-weight: 650; }
strong bdi { display: inline-block; }
.address { margin: 1.25rem 0; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--paper); }
.address dt { color: var(--soft); font-size: .9375rem; }
.address dd { margin: 0; font: 600 1.375rem/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.note, .good { margin: 1.25rem 0 0; padding: .75rem 1rem; border-left: .25rem solid var(--note-line); border-radius: .25rem; background: var(--note); }
.good { border-color: var(--good-line); background: var(--good); }
.note p:first-child, .good p:first-child { margin-top: 0; }
.note + p, .good + p { margin-top: 1.25rem; }
.soft { color: var(--soft); font-size: .9375rem; }
.key { display: inline-block; margin-top: 1.25rem; padding: .7rem 1.25rem; border: 0; border-radius: .5rem; background: var(--key); color: var(--key-ink); font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; }
.key:hover { background: var(--key-over); }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
@media (min-width: 48rem) { header, footer { padding-left: 2.25rem; padding-right: 2.25rem; } header { padding-top: 4rem; } main { padding: 2rem 2.1875rem 2.25rem; } h1 { font-size: 1.75rem; } .address dd { font-size: 1.75rem; } }
@media (max-width: 30rem) { .key { display: block; width: 100%; } }
@media (forced-colors: active) { .key { border: 2px solid; } }
`

const style = createHash('sha256').update(css).digest('base64')

/** No script, picture, frame or font at all; the one style is the one whose hash is named. */
export const contentPolicy = `default-src 'none'; style-src 'sha256-${style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`

export const layout = (title: string, body: Html): Html =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · Jitney</title>
<style>${raw(css)}</style>
</head>
<body>
<header>Jitney</header>
<main>
<h1>${title}</h1>
${body}
</main>
<footer>Access to Azure VMs, for a limited time. Jitney sent you here from Slack.</footer>
</body>
</html>
`
