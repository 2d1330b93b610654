import { type Logger, LogLevel } from '@slack/web-api'

function nothing(): void {}

/** Refusals and broken lines are what these tests are about, so the SDK need not print them. */
export const silent: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  setLevel: nothing,
  setName: nothing,
  getLevel: () => LogLevel.ERROR,
}
