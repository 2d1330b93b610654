import type { Json } from './json.ts'

export interface Delivery {
  readonly type: 'slash_commands' | 'interactive' | 'events_api'
  readonly payload: Json
}

export type Ack =
  | { readonly acked: true; readonly body: Json | string; readonly status?: number }
  | { readonly acked: false; readonly error: DeliveryError; readonly status?: number }

/** `operation_timeout`: nobody acknowledged in time. `dispatch_failed`: it could not be handed over at all. */
export type DeliveryError = 'operation_timeout' | 'dispatch_failed'

/** Ways in which somebody other than Slack, or Slack on a bad day, sends a request in HTTP mode. */
export type Forgery = 'unsigned' | 'wrong-secret' | 'stale' | 'future' | 'altered'

export interface DeliveryOptions {
  /** Delivers the identical payload this many times, at once. */
  times?: number
  /** Socket Mode only: hands the envelope to every open connection, which Slack never does. */
  everyConnection?: boolean
  /** HTTP mode only. */
  forged?: Forgery
  /** Events only: the number of this retry. */
  retry?: number
}
