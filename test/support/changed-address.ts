import { addressBench, elsewhere, robins } from './address-bench.ts'
import { channels, type Name, type WorldOptions } from './world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 30m, maxDuration: 8h, approvers: { users: [U0AVERY, U0ALEX] } }
rules:
  - { name: two agree for the web servers, vm: { name: vm-web* }, approvals: 2 }
  - { name: a colleague agrees }
`

export { elsewhere, robins }
export const third = '85.214.132.117'

/** A world with the page, and a person who comes from another address now. */
export async function withChanges(options: WorldOptions = {}) {
  const bench = await addressBench({ policy, ...options })
  const { world, message, presses: wantsAnother } = bench
  /** Confirms on the page; what comes of that has not happened yet. */
  const presses = (address: string, name: Name = 'robin') => bench.confirm(name, address)
  const confirms = (address: string, name: Name = 'robin') => bench.confirms(name, address)
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
