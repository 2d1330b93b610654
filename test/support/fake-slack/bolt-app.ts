import { App, HTTPReceiver } from '@slack/bolt'
import type { FakeSlack } from './fake-slack.ts'
import { silent } from './silent-logger.ts'

/** The real Bolt in Socket Mode, with no retries so that a test sees each failure once. */
export async function startSocketApp(fake: FakeSlack, listen: (app: App) => void): Promise<App> {
  const app = new App({
    token: fake.botToken,
    appToken: fake.appToken,
    socketMode: true,
    logger: silent,
    convoStore: false,
    clientOptions: { slackApiUrl: fake.apiUrl, retryConfig: { retries: 0 } },
  })
  app.error(async () => {})
  listen(app)
  await app.start()
  return app
}

/** The real Bolt behind its HTTP receiver; from then on the fake posts every gesture to it. */
export async function startHttpApp(fake: FakeSlack, listen: (app: App) => void): Promise<App> {
  const receiver = new HTTPReceiver({ signingSecret: fake.signingSecret, logger: silent })
  const app = new App({
    receiver,
    token: fake.botToken,
    logger: silent,
    convoStore: false,
    clientOptions: { slackApiUrl: fake.apiUrl, retryConfig: { retries: 0 } },
  })
  app.error(async () => {})
  listen(app)
  const server = await receiver.start({ port: 0, host: '127.0.0.1' })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Bolt is not listening on a port')
  // Bolt checks its token on its own time; a test that ends sooner would leave that call in the air.
  await fake.until(() => fake.calls({ method: 'auth.test' }).some((call) => call.answer !== undefined))
  fake.postsTo(`http://127.0.0.1:${address.port}/slack/events`)
  return app
}
