import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { App } from '@slack/bolt'
import { addressChanged, confirmAddress, forgetAddress, openPage } from './actions/address.ts'
import { again, id as againId } from './actions/again.ts'
import { approve, id as approveId } from './actions/approve.ts'
import { cancel, id as cancelId } from './actions/cancel.ts'
import { close, id as closeId } from './actions/close.ts'
import { askConversion, decideConversion } from './actions/conversion.ts'
import { convert, id as convertId } from './actions/convert.ts'
import { deny, id as denyId } from './actions/deny.ts'

import { less, id as lessId } from './actions/less.ts'
import { agreeId, decideRemoval, keepId } from './actions/removal.ts'
import { sign, id as signId } from './actions/sign.ts'
import { unjustified, id as unjustifiedId } from './actions/unjustified.ts'

import { why, id as whyId } from './actions/why.ts'

import { changedId, confirmId, forgetId, openId } from './address-link.ts'
import { answerPrivately } from './answer.ts'
import { jit, id as jitId } from './commands/jit.ts'
import { askConversionId } from './conversion.ts'
import { leaveId, makeId } from './conversion-card.ts'
import { home } from './events/home.ts'
import { mention } from './events/mention.ts'
import { id as againFormId } from './forms/again.ts'
import { id as glassFormId } from './forms/glass.ts'
import { id as lessFormId } from './forms/less.ts'
import { id as liftFormId } from './forms/lift.ts'
import { id as panicFormId } from './forms/panic.ts'
import { id as protectFormId, removalId, unprotectId } from './forms/protect.ts'
import { id as reasonFormId } from './forms/reason.ts'
import {
  approveLess,
  askAgain,
  breakGlass,
  denyReason,
  lift,
  panic,
  proposeRemoval,
  protect,
  unprotect,
} from './forms/submitted.ts'
import { HttpMode } from './http-mode.ts'
import type { Hands } from './listener.ts'
import { type Log, sdkLogger } from './log.ts'
import { SocketMode } from './socket-mode.ts'
import { clientOptions } from './web-api.ts'

export interface SlackConfig {
  readonly botToken: string
  readonly slackApiUrl: string
  readonly mode:
    | { readonly kind: 'socket'; readonly appToken: string; readonly connections?: number }
    | { readonly kind: 'http'; readonly signingSecret: string }
}

export interface SlackAppSettings extends Omit<Hands, 'answer'> {
  readonly config: SlackConfig
}

export interface SlackApp {
  /** Resolves once people can be heard; until then it keeps trying. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Whether people are heard at this moment. */
  connected(): boolean
  /** HTTP mode only: answers a POST to `/slack/events`. */
  readonly handle: ((req: IncomingMessage, res: ServerResponse) => Promise<void>) | null
}

function receiverFor({ mode, slackApiUrl }: SlackConfig, log: Log): SocketMode | HttpMode {
  if (mode.kind === 'http') return new HttpMode({ signingSecret: mode.signingSecret, log })
  return new SocketMode({ appToken: mode.appToken, slackApiUrl, log, connections: mode.connections ?? 2 })
}

export function createSlackApp({ config, log, ...rest }: SlackAppSettings): SlackApp {
  const receiver = receiverFor(config, log)
  const answer = (responseUrl: string, text: string) => answerPrivately(responseUrl, text, config.slackApiUrl)
  const hands: Hands = { ...rest, log, answer }
  const app = new App({
    receiver,
    // Said here instead of asked with `auth.test`, so that a gesture never waits for the Web API before its ack.
    authorize: async () => ({ botToken: config.botToken }),
    clientOptions: clientOptions(config.slackApiUrl, log),
    logger: sdkLogger(log),
    convoStore: false,
    ignoreSelf: false,
  })

  app.command(jitId, jit(hands))
  app.action({ action_id: approveId, type: 'block_actions' }, approve(hands))
  app.action({ action_id: denyId, type: 'block_actions' }, deny(hands))
  app.action({ action_id: cancelId, type: 'block_actions' }, cancel(hands))
  app.action({ action_id: closeId, type: 'block_actions' }, close(hands))
  app.action({ action_id: lessId, type: 'block_actions' }, less(hands))
  app.view({ callback_id: reasonFormId, type: 'view_submission' }, denyReason(hands))
  app.view({ callback_id: lessFormId, type: 'view_submission' }, approveLess(hands))
  app.view({ callback_id: glassFormId, type: 'view_submission' }, breakGlass(hands))
  app.action({ action_id: againId, type: 'block_actions' }, again(hands))
  app.view({ callback_id: againFormId, type: 'view_submission' }, askAgain(hands))
  app.action({ action_id: signId, type: 'block_actions' }, sign(hands))
  app.action({ action_id: unjustifiedId, type: 'block_actions' }, unjustified(hands))
  app.view({ callback_id: panicFormId, type: 'view_submission' }, panic(hands))
  app.view({ callback_id: liftFormId, type: 'view_submission' }, lift(hands))
  app.view({ callback_id: protectFormId, type: 'view_submission' }, protect(hands))
  app.view({ callback_id: removalId, type: 'view_submission' }, proposeRemoval(hands))
  app.action({ action_id: agreeId, type: 'block_actions' }, decideRemoval(true)(hands))
  app.action({ action_id: keepId, type: 'block_actions' }, decideRemoval(false)(hands))
  app.view({ callback_id: unprotectId, type: 'view_submission' }, unprotect(hands))
  app.event('app_mention', mention(hands))
  app.event('app_home_opened', home(hands))
  app.action({ action_id: convertId, type: 'block_actions' }, convert(hands))
  app.action({ action_id: askConversionId, type: 'block_actions' }, askConversion(hands))
  app.action({ action_id: makeId, type: 'block_actions' }, decideConversion(true)(hands))
  app.action({ action_id: leaveId, type: 'block_actions' }, decideConversion(false)(hands))
  app.action({ action_id: openId, type: 'block_actions' }, openPage())
  app.action({ action_id: confirmId, type: 'block_actions' }, confirmAddress(hands))
  app.action({ action_id: changedId, type: 'block_actions' }, addressChanged(hands))
  app.action({ action_id: forgetId, type: 'block_actions' }, forgetAddress(hands))
  app.action({ action_id: whyId, type: 'block_actions' }, why(hands))
  app.error(async (error) => {
    log.error(
      { err: error, incident: randomBytes(4).toString('hex') },
      'A gesture from Slack could not be handled',
    )
  })

  return {
    start: () => receiver.start(),
    stop: () => receiver.stop(),
    connected: () => receiver.connected(),
    handle: receiver instanceof HttpMode ? (req, res) => receiver.handle(req, res) : null,
  }
}
