import type { WebClient } from '@slack/web-api'
import type { Case } from '../core/case.ts'
import { Fault } from '../core/fault.ts'
import type { Pages } from '../core/policy.ts'
import type { Chat, Place } from '../ports.ts'
import { addressesMessage, linkMessage } from './address-link.ts'
import { answerPrivately, answerShown, replaceOriginal } from './answer.ts'
import { auditLine } from './audit-line.ts'
import { type Shown, section } from './blocks.ts'
import { mirrorCard, requestCard } from './cards.ts'
import { conversionMessage } from './conversion.ts'
import { conversionCard, conversionNews } from './conversion-card.ts'
import { digestMessage } from './digest.ts'
import { reasonForm } from './forms/reason.ts'
import { closedHome, homeView } from './home.ts'
import type { Log } from './log.ts'
import { noteMessage } from './notes.ts'
import { alarmMessage, stuckPage } from './pages.ts'
import { panicNews } from './panic-news.ts'
import { vmsAnswer } from './vms.ts'
import { calling, callTimeout, webClient } from './web-api.ts'
import { whyText } from './why.ts'
import { onlyOurTokens } from './words.ts'

export interface ChatSettings {
  readonly token: string
  readonly slackApiUrl: string
  /** Names of the tags that the card shows; the policy may change while the bot runs. */
  readonly showTags: () => readonly string[]
  readonly log: Log
  /** Whether there is a page to confirm another address on. */
  readonly addressPage?: boolean
  /** The most that one call may take. */
  readonly callTimeoutMs?: number
}

/** Nothing that people wrote may turn into links, mentions or previews. */
const asWritten = { unfurl_links: false, unfurl_media: false, parse: 'none', link_names: false } as const

async function post(client: WebClient, channel: string, shown: Shown, thread?: string): Promise<Place> {
  const { text, blocks } = shown
  const message = {
    channel,
    text,
    blocks,
    ...asWritten,
    ...(thread === undefined ? {} : { thread_ts: thread }),
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that rule is about browser windows
  const answer = await calling('chat.postMessage', 'post', () => client.chat.postMessage(message))
  if (typeof answer.ts !== 'string' || typeof answer.channel !== 'string') {
    throw new Fault('garbled_reply', 'Slack took a message and did not say where it stands', {
      kind: 'uncertain',
    })
  }
  // For a direct message this is the conversation's id; the user's id would do for posting, not for editing.
  return { channel: answer.channel, ts: answer.ts }
}

async function edit(client: WebClient, at: Place, shown: Shown): Promise<Place> {
  await calling('chat.update', 'edit', () =>
    client.chat.update({
      channel: at.channel,
      ts: at.ts,
      text: shown.text,
      blocks: shown.blocks,
      parse: 'none',
      link_names: false,
    }),
  )
  return at
}

function channelOf({ request }: Case): string {
  const terms = request.terms ?? request.verdict.terms
  if (terms) return terms.channel
  throw new Fault('no_channel', 'The policy names no channel for this request', { kind: 'permanent' })
}

/** A mention may reach nobody, and who was passed over must know. One who cannot be told keeps no other from it. */
async function tellSkipped(people: WebClient, log: Log, users: readonly string[], shown: Shown) {
  const told = await Promise.allSettled(users.map((user) => post(people, user, shown)))
  for (const one of told)
    if (one.status === 'rejected')
      log.error({ error: String(one.reason) }, 'somebody who was not asked could not be told')
}

/** How VMs are guarded, and what stands open. */
const overview = (
  people: WebClient,
  slackApiUrl: string,
  timeout: number,
): Pick<Chat, 'vms' | 'home' | 'digest' | 'conversion' | 'conversionCard' | 'conversionNews'> => ({
  vms: (responseUrl, view) => answerShown(responseUrl, vmsAnswer(view), slackApiUrl, timeout),
  async home(userId, home) {
    const view = 'why' in home ? closedHome(home.why) : homeView(home)
    await calling('views.publish', 'edit', () => people.views.publish({ user_id: userId, view }))
  },
  async digest(channel, digest, repeat) {
    await post(people, channel, digestMessage(digest, repeat))
  },
  async conversion({ userId, responseUrl }, conversion, asking) {
    const shown = conversionMessage(conversion, asking)
    if (responseUrl === null) await post(people, userId, shown)
    else await answerShown(responseUrl, shown, slackApiUrl, timeout)
  },
  async conversionCard({ channel }, conversion, at) {
    const shown = conversionCard(conversion)
    return at === null ? post(people, channel, shown) : edit(people, at, shown)
  },
  async conversionNews(conversion) {
    await post(people, conversion.by.userId, conversionNews(conversion))
  },
})

/** What is said of somebody's address, to nobody but them. */
const addresses = (
  people: WebClient,
  slackApiUrl: string,
  timeout: number,
): Pick<Chat, 'addressLink' | 'addresses'> => ({
  addressLink(link, leads, at, isOver) {
    const shown = linkMessage(link, leads, isOver)
    return at === null ? post(people, link.person.userId, shown) : edit(people, at, shown)
  },
  addresses: (responseUrl, view) => answerShown(responseUrl, addressesMessage(view), slackApiUrl, timeout),
})

/** What is said to one person, or asks one for something. */
const personally = (people: WebClient, log: Log): Pick<Chat, 'panicNews' | 'say' | 'askWhy'> => ({
  async panicNews(pages, panic, news) {
    const shown = panicNews(panic, news)
    const told = await Promise.allSettled(
      [pages.channel, panic.by.userId].map((place) => post(people, place, shown)),
    )
    const [first, ...more] = told.filter((one) => one.status === 'rejected')
    // Whoever was reached must not hear it again every few seconds because the other was not.
    if (first && more.length > 0) throw first.reason
    if (first) log.error({ error: String(first.reason) }, 'the news of a stop did not reach its place')
  },
  async say(userId, text) {
    const safe = onlyOurTokens(text)
    await post(people, userId, { text: safe, blocks: [section(safe)] })
  },
  async askWhy(trigger, kase) {
    const view = reasonForm(kase)
    await calling('views.open', 'post', () => people.views.open({ trigger_id: trigger, view }))
  },
})

/**
 * The port `Chat` over Slack's Web API. Audit lines have a client of their own, with one call in flight: they keep
 * their order, and nothing that they meet slows the rest.
 */
export function createChat(settings: ChatSettings): Chat {
  const { token, slackApiUrl, showTags, log, addressPage = false, ...limits } = settings
  const timeout = limits.callTimeoutMs ?? callTimeout
  const people = webClient(token, slackApiUrl, log, { timeout })
  const audit = webClient(token, slackApiUrl, log, { timeout, maxRequestConcurrency: 1 })

  /** A mention reaches nobody who is not in the channel, so each person gets a message of their own too. */
  const callPeople = async (pages: Pages, draw: (whom: Pages) => Shown) => {
    const own = draw({ ...pages, users: [], groups: [] })
    const whole = draw(pages)
    const [channel, ...called] = await Promise.allSettled([
      post(people, pages.channel, whole),
      ...pages.users.map((user) => post(people, user, own)),
    ])
    for (const one of [channel, ...called]) {
      if (one.status === 'rejected')
        log.error({ error: String(one.reason) }, 'a call for help did not reach its place')
    }
    // Whoever was reached must not hear it again every few seconds because somebody else was not.
    if (channel.status === 'rejected' && called.every(({ status }) => status === 'rejected'))
      throw channel.reason
  }

  return {
    async card(kase, at, now) {
      const shown = requestCard(kase, now, { showTags: showTags() })
      return at === null ? post(people, channelOf(kase), shown) : edit(people, at, shown)
    },
    async mirror(kase, at, now) {
      const shown = mirrorCard(kase, now, { page: addressPage })
      return at === null ? post(people, kase.request.requester.userId, shown) : edit(people, at, shown)
    },
    async note(kase, note, card, now, repeat) {
      const shown = noteMessage(kase, note, now, 'thread', repeat)
      if (shown !== null) await post(people, card.channel, shown, card.ts)
      if (shown !== null && note.type === 'glass broken') await tellSkipped(people, log, note.users, shown)
    },
    async tell(kase, note, now, repeat) {
      const shown = noteMessage(kase, note, now, 'requester', repeat)
      if (shown !== null) await post(people, kase.request.requester.userId, shown)
    },
    async announce(channel, record, repeat) {
      const line = auditLine(record, repeat)
      await post(audit, channel, { text: line, blocks: [section(line)] })
    },
    async page(pages, kase, troubles, now) {
      await callPeople(pages, (whom) => stuckPage(whom, kase, troubles, now))
    },
    async alarm(pages, alarm, repeat) {
      const draw = (whom: Pages) => alarmMessage(whom, alarm, repeat)
      if (alarm.type === 'stuck rule') await callPeople(pages, draw)
      else await post(people, pages.channel, draw(pages))
    },
    ...personally(people, log),
    ...overview(people, slackApiUrl, timeout),
    ...addresses(people, slackApiUrl, timeout),
    answer: (responseUrl, text) => answerPrivately(responseUrl, text, slackApiUrl, timeout),
    settle: (responseUrl, text) => replaceOriginal(responseUrl, text, slackApiUrl, timeout),
    explain: (responseUrl, explained) =>
      answerPrivately(responseUrl, whyText(explained), slackApiUrl, timeout),
  }
}
