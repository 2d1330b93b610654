import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'
import type { OpenIdProvider, SlackUser } from './open-id.ts'
import { signInOver, signInPage } from './sign-in-page.ts'

const workspace = z.object({
  workspace: z.object({ teamId: z.string() }),
  users: z.array(z.object({ id: z.string(), name: z.string() })),
})

/** The people of the local workspace, as Slack's sign-in would name them. */
async function people(): Promise<readonly SlackUser[]> {
  const file = await readFile(new URL('slack.yml', import.meta.url), 'utf8')
  const { workspace: its, users } = workspace.parse(parse(file))
  return users.map(({ id, name }) => ({ userId: id, teamId: its.teamId, name }))
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  error.code === 'ERR_MODULE_NOT_FOUND' &&
  error.message.includes('oidc-provider')

/** The provider needs a package that may be left out; null where it is not installed. */
export const openIdParts = () =>
  import('./open-id.ts').catch((error: unknown) => {
    if (isMissing(error)) return null
    throw error
  })

export interface SignIn extends OpenIdProvider {
  /** What the bot needs beside it, to have its address page. */
  readonly environment: Readonly<Record<string, string>>
}

/** Starts what stands in for “Sign in with Slack”. */
export async function startSignIn(
  { startProvider }: NonNullable<Awaited<ReturnType<typeof openIdParts>>>,
  port: number,
  webUrl: string,
): Promise<SignIn> {
  const client = { id: 'jitney-demo', secret: randomUUID() }
  const provider = await startProvider({
    port,
    client,
    users: await people(),
    redirectUris: [`${webUrl}/ip/signed-in`],
    page: signInPage,
    over: signInOver,
  })
  return {
    ...provider,
    environment: {
      PUBLIC_URL: webUrl,
      SLACK_CLIENT_ID: client.id,
      SLACK_CLIENT_SECRET: client.secret,
      SLACK_OPENID_ISSUER: provider.issuer,
      TRUSTED_PROXIES: '127.0.0.1/32',
    },
  }
}
