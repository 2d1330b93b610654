import { createHash } from 'node:crypto'
import { channels, createWorld, type Name, type WorldOptions } from './world.ts'

const page = {
  PUBLIC_URL: 'https://jit.example/',
  SLACK_CLIENT_ID: '1.2',
  SLACK_CLIENT_SECRET: 'secret',
  TRUSTED_PROXIES: '127.0.0.1/32',
}

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 30m, maxDuration: 8h, approvers: { users: [U0AVERY, U0ALEX] } }
rules:
  - { name: two agree for the web servers, vm: { name: vm-web* }, approvals: 2 }
  - { name: a colleague agrees }
`

export const [robins, elsewhere, third] = ['81.2.69.142', '89.160.20.112', '85.214.132.117'] as const

const hash = (of: string) => createHash('sha256').update(of).digest('hex')

/** A world with the page, and a person who comes from another address now. */
export async function withChanges(options: WorldOptions = {}) {
  const world = await createWorld({ policy, environment: page, ...options })
  const token = (name: Name): string => {
    const urls = world.slack
      .dm(name)
      .flatMap(
        (message) =>
          /https:\/\/jit\.example\/ip\/[\w-]+/.exec(JSON.stringify(message.blocks ?? []))?.[0] ?? [],
      )
    const url = urls.at(-1)
    if (url === undefined) throw new Error(`${name} has no button that leads to the page.`)
    return url.slice('https://jit.example/ip/'.length)
  }
  /** Confirms on the page; what comes of that has not happened yet. */
  const presses = async (address: string, name: Name = 'robin') => {
    if (!world.app.links) throw new Error('There is no page.')
    const as = { userId: world.people[name].id, teamId: 'T0TEAM' }
    return world.app.links.confirm(hash(token(name)), as, address)
  }
  const confirms = async (address: string, name: Name = 'robin') => {
    const said = await presses(address, name)
    await world.settle()
    return said
  }
  /** The newest private message that reads like this. */
  const message = (about: RegExp, name: Name = 'robin') => {
    const found = world.slack.dm(name).filter((one) => about.test(world.slack.visible(one)))
    const last = found.at(-1)
    if (!last) throw new Error(`There is no such message: ${about}`)
    return last
  }
  const wantsAnother = async (about: RegExp, name: Name = 'robin') => {
    await world.people[name].clicks(message(about, name), 'address_changed')
    await world.settle()
  }
  const changes = async (about: RegExp, address: string = elsewhere) => {
    await wantsAnother(about)
    return confirms(address)
  }
  const opens = async (text = 'rdp vm-jump01 1h') => {
    await world.asks('robin', `${text} from ${robins}`)
    await world.clicks('avery', 'approve')
    if (!world.cardText().startsWith('Open:')) throw new Error(`It did not open: ${world.cardText()}`)
    return /Request ([a-z0-9]+)/.exec(world.cardText())?.[1] ?? ''
  }
  const letIn = () =>
    world
      .ourRules()
      .map(({ source }) => source)
      .filter((one, at, all) => all.indexOf(one) === at)
  /** Everybody whose yes is asked for gives it. */
  const approvesAll = async () => {
    const cards = world.slack.messages(channels.approvals)
    for (const card of cards.filter((one) => world.slack.visible(one).startsWith('Approval needed')))
      await world.clicks('avery', 'approve', card)
    await world.passes('2m')
  }
  const told = () => world.dm('robin').join('\n')
  return { world, presses, confirms, message, wantsAnother, changes, opens, letIn, approvesAll, told }
}

export type Changing = Awaited<ReturnType<typeof withChanges>>
