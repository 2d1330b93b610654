import { Channels } from './channels.ts'
import { Deadlines, type Schedule } from './deadlines.ts'
import { Faults } from './faults.ts'
import { Messages } from './messages.ts'
import { People } from './people.ts'
import { Recorder } from './record.ts'
import { Stamps } from './stamps.ts'
import { Tickets } from './tickets.ts'
import { Views } from './views.ts'

/** The scopes that the product's manifest asks for. */
const USUAL_SCOPES = [
  'app_mentions:read',
  'commands',
  'chat:write',
  'users:read',
  'users:read.email',
  'usergroups:read',
  'im:write',
  'channels:read',
  'groups:read',
]

export interface WorkspaceOptions {
  now?: () => number
  schedule?: Schedule
  scopes?: readonly string[]
  botToken?: string
  appToken?: string
  signingSecret?: string
  teamId?: string
  enterpriseId?: string
}

/** Everything that one Slack workspace with one installed app remembers. */
export class Workspace {
  readonly teamId: string
  readonly teamDomain = 'example'
  readonly enterpriseId: string | undefined
  readonly appId = 'A0JITNEY'
  readonly botId = 'B0JITNEY'
  readonly botUserId = 'U0BOT'
  readonly botToken: string
  readonly appToken: string
  readonly signingSecret: string
  readonly scopes: Set<string>
  readonly stamps: Stamps
  readonly record: Recorder
  readonly people: People
  readonly channels: Channels
  readonly messages: Messages
  readonly views: Views
  readonly tickets: Tickets
  readonly faults = new Faults()
  readonly deadlines: Deadlines

  constructor(options: WorkspaceOptions = {}) {
    const now = options.now ?? Date.now
    this.teamId = options.teamId ?? 'T0TEAM'
    this.enterpriseId = options.enterpriseId
    this.botToken = options.botToken ?? 'xoxb-fake-bot'
    this.appToken = options.appToken ?? 'xapp-fake-app'
    this.signingSecret = options.signingSecret ?? 'fake-signing-secret'
    this.scopes = new Set(options.scopes ?? USUAL_SCOPES)
    this.stamps = new Stamps(now)
    this.record = new Recorder(now)
    this.people = new People(this.teamId)
    this.people.add('jitney', { id: this.botUserId, bot: true })
    this.channels = new Channels(this.people)
    const changed = (): void => this.record.changed()
    this.messages = new Messages(this.stamps, changed)
    this.views = new Views(this.stamps, changed)
    this.tickets = new Tickets(this.stamps)
    this.deadlines = new Deadlines(options.schedule)
  }
}
