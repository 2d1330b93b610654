import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { clientAddress } from '../core/forwarded.ts'
import { askForYes, beforeSignIn, confirmed, type Shown, unfit } from './address-view.ts'
import {
  type AddressPageParts,
  type Ctx,
  createDesk,
  type Desk,
  type Env,
  type Opened,
  pathOf,
} from './desk.ts'
import { isOwnForm } from './hardening.ts'
import type { Html } from './layout.ts'
import { leadsNowhere, notices } from './notices.ts'
import { callerKey, createRate } from './rate.ts'
import { lookAt } from './seen.ts'
import { createSignIn, type SignedIn, type SignIn } from './sign-in.ts'

type Status = 200 | 400 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 502 | 503

const mostBytes = 16 * 1024
const perMinute = 120
const mostCallers = 10_000

const answer = (context: Ctx, page: Html, status: Status = 200) => context.html(page, status)
const nowhere = (context: Ctx) => answer(context, leadsNowhere, 404)

const shownOf = async ({ parts }: Desk, { link, session }: Opened): Promise<Shown> => ({
  link,
  asker: session ? 'you' : { name: (await parts.nameOf?.(link.person)) ?? null },
})

/** Who calls and by which of our names, or why nobody is served now. */
function arrive(desk: Desk): MiddlewareHandler<Env> {
  const { parts, homes } = desk
  const callers = createRate(perMinute, mostCallers, parts.now)
  return async (context, next) => {
    const { incoming } = context.env
    const peer = incoming.socket.remoteAddress ?? ''
    const forwarded = incoming.headersDistinct['x-forwarded-for'] ?? []
    const { address, ignored } = clientAddress(peer, forwarded, parts.trustedProxies)
    if (ignored) parts.onIgnoredHeader()
    if (!callers(callerKey(address ?? peer))) return answer(context, notices.busy, 429)
    const links = parts.links()
    if (!links) return answer(context, notices.notReady, 503)
    const host = context.req.header('host')
    context.set('address', address)
    context.set('links', links)
    context.set('home', homes.find((home) => new URL(home).host === host) ?? homes[0] ?? '')
    return await next()
  }
}

/** Opens the link of this request and goes on with it, or answers for one that leads nowhere. */
async function withLink(
  desk: Desk,
  context: Ctx,
  then: (opened: Opened) => Response | Promise<Response>,
): Promise<Response> {
  const opened = await desk.open(context)
  if (opened === 'busy') return await answer(context, notices.busy, 429)
  return opened ? await then(opened) : await nowhere(context)
}

/** The page for this link as things stand; `before` is the address that it showed last, where that was another. */
async function show(desk: Desk, context: Ctx, opened: Opened, before: string | null = null) {
  const { token, link, session } = opened
  const shown = await shownOf(desk, opened)
  const seen = lookAt(context.get('address'), link, context.get('links'))
  const status = before === null ? 200 : 409
  if (seen.kind !== 'fit') {
    const v4 = desk.homes[1]
    const helps = seen.kind === 'other family' && seen.needs === 'IPv4' && v4 !== context.get('home')
    return answer(context, unfit(shown, seen, helps && v4 ? `${v4}/ip/${token}` : null), status)
  }
  const path = pathOf(context, token)
  if (!session) return answer(context, beforeSignIn(shown, seen, `${path}/sign-in`))
  const form = desk.seals.seal('form', { session: session.id, address: seen.address })
  return answer(context, askForYes(shown, seen, { action: path, form, name: session.name }, before), status)
}

async function beginSignIn(desk: Desk, signIn: SignIn, context: Ctx, { token, link }: Opened) {
  try {
    const { url, start } = await signIn.begin(`${context.get('home')}/ip/signed-in`, link.person.teamId)
    desk.keepStart(context, { ...start, token })
    return context.redirect(url.href, 303)
  } catch (error) {
    desk.parts.onTrouble('a sign-in with Slack could not begin', error)
    return answer(context, notices.slackAway(pathOf(context, token)), 502)
  }
}

async function finishSignIn(desk: Desk, signIn: SignIn, context: Ctx) {
  const start = desk.begun(context)
  const url = new URL(`${context.get('home')}/ip/signed-in`)
  url.search = new URL(context.req.url).search
  if (!start || url.searchParams.get('state') !== start.state) return answer(context, notices.lostSignIn, 400)
  desk.forget(context, 'start')
  let person: SignedIn
  try {
    person = await signIn.finish(url, start)
  } catch (error) {
    desk.parts.onTrouble('a sign-in with Slack failed', error)
    return answer(context, notices.noSignIn(pathOf(context, start.token)), 403)
  }
  const isTheirs = await desk.keepSession(context, start.token, person)
  return isTheirs ? context.redirect(pathOf(context, start.token), 303) : nowhere(context)
}

/** The one thing that changes anything: the button, pressed by the person of the link, from the address that was shown. */
async function confirm(desk: Desk, context: Ctx, opened: Opened, sealedForm: string | undefined) {
  const { tokenHash, session, link, token } = opened
  if (!session) return answer(context, notices.signedOut(pathOf(context, token)), 403)
  const form = desk.seals.open('form', sealedForm)
  if (form?.session !== session.id) return answer(context, notices.oldForm(pathOf(context, token)), 403)
  const links = context.get('links')
  const seen = lookAt(context.get('address'), link, links)
  if (seen.kind !== 'fit' || seen.address !== form.address)
    return await show(desk, context, opened, form.address)
  const { userId, teamId } = session
  const bound = await links.confirm(tokenHash, { userId, teamId }, seen.address)
  if (bound === 'gone') return nowhere(context)
  const shown = await shownOf(desk, opened)
  if (bound !== null)
    return answer(
      context,
      unfit(shown, { kind: 'refused', address: seen.address, why: bound.why }, null),
      422,
    )
  desk.forget(context, 'session')
  return answer(context, confirmed(shown, seen.address))
}

function isForm(context: Ctx): boolean {
  const type = context.req.header('content-type')?.split(';', 1)[0]
  return type?.trim().toLowerCase() === 'application/x-www-form-urlencoded'
}

/** The page where a person confirms the address that they come from. Reading it changes nothing here. */
export function addressPage(parts: AddressPageParts): Hono<Env> {
  const app = new Hono<Env>()
  const desk = createDesk(parts)
  const signIn = createSignIn(parts.signIn)
  const origins = desk.homes.map((home) => new URL(home).origin)
  app.onError((error, context) => {
    parts.onTrouble('the address page failed', error)
    return answer(context, notices.broken, 500)
  })
  app.use(arrive(desk))
  app.use(bodyLimit({ maxSize: mostBytes, onError: (context) => context.html(notices.tooLarge, 413) }))
  app.get('/signed-in', (context) => finishSignIn(desk, signIn, context))
  app.get('/:token/sign-in', (context) =>
    withLink(desk, context, (opened) => beginSignIn(desk, signIn, context, opened)),
  )
  app.get('/:token', (context) => withLink(desk, context, (opened) => show(desk, context, opened)))
  app.post('/:token', async (context) => {
    const sent = { origin: context.req.header('origin'), fetchSite: context.req.header('sec-fetch-site') }
    if (!isOwnForm(sent, origins)) return answer(context, notices.crossSite, 403)
    if (!isForm(context)) return answer(context, notices.notAForm, 415)
    const form = new URLSearchParams(await context.req.text()).get('form') ?? undefined
    return withLink(desk, context, (opened) => confirm(desk, context, opened, form))
  })
  app.get('*', nowhere)
  app.all('*', (context) => {
    context.header('allow', 'GET, HEAD, POST')
    return answer(context, notices.method, 405)
  })
  return app
}
