import { ApiError } from './api-error.ts'
import type { Fault } from './faults.ts'
import type { Json } from './json.ts'
import { chatMethods } from './methods-chat.ts'
import { conversationMethods } from './methods-conversations.ts'
import { peopleMethods } from './methods-people.ts'
import { viewMethods } from './methods-views.ts'
import type { Call } from './record.ts'
import type { Workspace } from './workspace.ts'

export interface Method {
  /** Every one of these scopes must be granted. */
  readonly scopes?: readonly string[]
  readonly token?: 'app'
  readonly run: (args: Json, workspace: Workspace) => Json
}

export interface Methods {
  readonly [name: string]: Method
}

/** What goes back over the wire; `cut` closes the line instead of answering. */
export type Reply =
  | { readonly status: number; readonly body: Json; readonly headers?: { [name: string]: string } }
  | 'cut'

export interface Incoming {
  readonly method: string
  readonly args: Json
  readonly token: string
  /** Calls back when the caller hangs up before it is answered. */
  readonly onGone: (tell: () => void) => void
}

export class WebApi {
  readonly #workspace: Workspace
  readonly #methods: Methods

  constructor(workspace: Workspace, connectionUrl: () => string) {
    this.#workspace = workspace
    this.#methods = {
      'api.test': { run: () => ({}) },
      'auth.test': { run: whoAmI },
      'apps.connections.open': {
        token: 'app',
        run: () => ({ url: connectionUrl() }),
      },
      ...chatMethods,
      ...conversationMethods,
      ...peopleMethods,
      ...viewMethods,
    }
  }

  async handle(incoming: Incoming): Promise<Reply> {
    const { token: _token, ...args } = incoming.args
    const call = this.#workspace.record.began(incoming.method, args)
    const fault = this.#workspace.faults.strike(incoming.method)
    if (fault !== undefined) call.fault = fault.kind
    incoming.onGone(() => {
      call.abandoned = true
      this.#workspace.record.changed()
    })
    const early = await this.#before(call, fault)
    if (early !== undefined) return early
    const body = this.#answer({ ...incoming, args })
    this.#workspace.record.answered(call, 200, body)
    if (fault?.kind === 'lost-reply') return 'cut'
    return { status: 200, body, headers: { 'x-oauth-scopes': [...this.#workspace.scopes].join(',') } }
  }

  async #before(call: Call, fault: Fault | undefined): Promise<Reply | undefined> {
    if (fault === undefined || fault.kind === 'lost-reply') return undefined
    if (fault.kind === 'slow')
      return (await this.#workspace.faults.linger(fault.ms)) === 'cut' ? 'cut' : undefined
    if (fault.kind === 'drop') return 'cut'
    if (fault.kind === 'black-hole') {
      const end = await this.#workspace.faults.hold()
      return end === 'cut' || call.abandoned === true ? 'cut' : undefined
    }
    return this.#refusal(call, fault)
  }

  #refusal(call: Call, fault: Extract<Fault, { kind: '429' | '500' | 'error' }>): Reply {
    const refusals = {
      '429': { status: 429, error: 'ratelimited' },
      '500': { status: 500, error: 'internal_error' },
      error: { status: 200, error: fault.kind === 'error' ? fault.error : '' },
    }
    const { status, error } = refusals[fault.kind]
    const body = { ok: false, error }
    this.#workspace.record.answered(call, status, body)
    const headers = fault.kind === '429' ? { 'retry-after': String(fault.retryAfter ?? 1) } : {}
    return { status, body, headers }
  }

  #answer(incoming: Incoming): Json {
    try {
      return { ok: true, ...this.#run(incoming) }
    } catch (error) {
      if (error instanceof ApiError) return { ok: false, error: error.code, ...error.extra }
      throw error
    }
  }

  #run({ method, args, token }: Incoming): Json {
    const spec = Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined
    if (spec === undefined) throw new ApiError('unknown_method', { req_method: method })
    if (method !== 'api.test') this.#checkToken(token, spec)
    const lacking = (spec.scopes ?? []).filter((scope) => !this.#workspace.scopes.has(scope))
    if (lacking.length > 0) {
      const provided = [...this.#workspace.scopes].join(',')
      throw new ApiError('missing_scope', { needed: lacking.join(','), provided })
    }
    return spec.run(args, this.#workspace)
  }

  #checkToken(token: string, spec: Method): void {
    const { botToken, appToken } = this.#workspace
    if (token === '') throw new ApiError('not_authed')
    if (token !== botToken && token !== appToken) throw new ApiError('invalid_auth')
    if (token !== (spec.token === 'app' ? appToken : botToken)) throw new ApiError('not_allowed_token_type')
  }
}

function whoAmI(_args: Json, workspace: Workspace): Json {
  return {
    url: `https://${workspace.teamDomain}.slack.com/`,
    team: 'Example',
    user: 'jitney',
    team_id: workspace.teamId,
    user_id: workspace.botUserId,
    bot_id: workspace.botId,
    is_enterprise_install: false,
    ...(workspace.enterpriseId === undefined ? {} : { enterprise_id: workspace.enterpriseId }),
  }
}
