import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** What a browser keeps for us and cannot read or change, by what it is for. */
export interface Kept {
  /** A sign-in that has begun: what must come back, and the link that it is for. */
  readonly start: {
    readonly state: string
    readonly nonce: string
    readonly verifier: string
    readonly token: string
  }
  /** Who signed in, for one link; never somebody else than the person of that link. */
  readonly session: {
    readonly id: string
    readonly tokenHash: string
    readonly userId: string
    readonly teamId: string
    readonly name: string | null
  }
  /** The address that the page showed beside its button, in which session, and so for which link. */
  readonly form: { readonly session: string; readonly address: string }
}

export interface Seals {
  seal<Kind extends keyof Kept>(kind: Kind, value: Kept[Kind]): string
  /** Null for anything that was not sealed here, for another use, or too long ago. */
  open<Kind extends keyof Kept>(kind: Kind, text: string | undefined): Kept[Kind] | null
}

/** So long a sign-in may take, and so long somebody stays signed in. */
export const sealLifeMs = 10 * 60_000

const [ivBytes, tagBytes] = [12, 16]
const algorithm = 'aes-256-gcm'

/** Every replica has the same secret, so each can open what another one sealed, and nothing has to be stored. */
export function createSeals(secret: string, now: () => number): Seals {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'jitney address page 1', 32))
  return {
    seal: (kind, value) => {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv(algorithm, key, iv).setAAD(Buffer.from(kind))
      const text = JSON.stringify({ until: now() + sealLifeMs, value })
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
    },
    open: (kind, text) => {
      const bytes = Buffer.from(text ?? '', 'base64url')
      if (bytes.length <= ivBytes + tagBytes) return null
      const opener = createDecipheriv(algorithm, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
        .setAAD(Buffer.from(kind))
        .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
      try {
        const opened = Buffer.concat([opener.update(bytes.subarray(ivBytes + tagBytes)), opener.final()])
        const { until, value } = JSON.parse(opened.toString('utf8'))
        return until > now() ? value : null
      } catch {
        return null
      }
    },
  }
}
