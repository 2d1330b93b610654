/** The least that a Bolt app can be: one command, one word. */
import { App, HTTPReceiver } from '@slack/bolt'
import { type Shape, serve } from './part.ts'

export interface BareBoltPart extends Shape {
  readonly given: { readonly signingSecret: string }
  readonly facts: { readonly port: number }
}

await serve<BareBoltPart>(async ({ signingSecret }) => {
  const receiver = new HTTPReceiver({ signingSecret, endpoints: '/slack/events' })
  const app = new App({ receiver, authorize: async () => ({ botToken: 'xoxb-none' }), convoStore: false })
  app.command('/jit', async ({ ack }) => ack('hello'))
  const address = (await receiver.start({ port: 0, host: '127.0.0.1' })).address()
  return { facts: { port: typeof address === 'object' && address ? address.port : 0 }, orders: {} }
})
