import { createHash } from 'node:crypto'
import { createWorld, type Name, type WorldOptions } from './world.ts'

const page = {
  PUBLIC_URL: 'https://jit.example/',
  SLACK_CLIENT_ID: '1.2',
  SLACK_CLIENT_SECRET: 'secret',
  TRUSTED_PROXIES: '127.0.0.1/32',
}

export const policyWith = (address = '', rules = '- { name: a colleague agrees }') => `
version: 1
audit: { channel: C0AUDIT }
${address}
defaults: { channel: C0APPROVALS, deadline: 30m, maxDuration: 8h, approvers: { users: [U0AVERY, U0ALEX] } }
rules:
  ${rules}
`

export const [robins, elsewhere] = ['81.2.69.142', '89.160.20.112'] as const

const hash = (of: string) => createHash('sha256').update(of).digest('hex')

/** A world with the address page; its links are followed without a browser. */
export async function addressBench(options: WorldOptions & { readonly address?: string } = {}) {
  const world = await createWorld({ policy: policyWith(options.address), environment: page, ...options })
  const links = () => {
    if (!world.app.links) throw new Error('There is no page.')
    return world.app.links
  }
  /** The token in the newest button of a person's private messages. */
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
  const link = (name: Name) => links().find(hash(token(name)))
  const confirm = (name: Name, address: string = robins, of = token(name)) =>
    links().confirm(hash(of), { userId: world.people[name].id, teamId: 'T0TEAM' }, address)
  /** Opens the link in the browser, signs in, and presses the one button. */
  const confirms = async (name: Name, address: string = robins, of = token(name)) => {
    const said = await confirm(name, address, of)
    await world.settle()
    return said
  }
  /** The newest private message that reads like this. */
  const message = (about: RegExp, name: Name = 'robin') => {
    const last = world.slack
      .dm(name)
      .filter((one) => about.test(world.slack.visible(one)))
      .at(-1)
    if (!last) throw new Error(`There is no such message: ${about}`)
    return last
  }
  const presses = async (about: RegExp, name: Name = 'robin') => {
    await world.people[name].clicks(message(about, name), 'address_changed')
    await world.settle()
  }
  /** A button of what `/jit ip` answers. */
  const ip = async (button: 'confirm_address' | 'forget_address') => {
    await world.asks('robin', 'ip')
    await world.people.robin.clicks(world.slack.ephemerals('robin').at(-1)!, button)
    await world.settle()
  }
  const answer = (name: Name = 'robin') => world.ephemerals(name).at(-1) ?? ''
  const told = (name: Name = 'robin') => world.dm(name).at(-1) ?? ''
  return { world, links, token, link, confirm, confirms, message, presses, ip, answer, told }
}

export type AddressBench = Awaited<ReturnType<typeof addressBench>>
