import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { promises as files } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Config } from './config.ts'

type Variable = 'TLS_CERT_FILE' | 'TLS_KEY_FILE'
type Read<T> = { readonly value: T } | { readonly problem: string }

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

async function read<T>(
  variable: Variable,
  file: string,
  parse: (pem: Buffer) => T,
  holds: (error: unknown) => string,
): Promise<Read<T> & { readonly pem?: Buffer }> {
  let pem: Buffer
  try {
    pem = await files.readFile(file)
  } catch (error) {
    const why = reasons[codeOf(error)] ?? messageOf(error)
    return { problem: `${variable}: ${file} cannot be read: ${why}` }
  }
  try {
    return { value: parse(pem), pem }
  } catch (error) {
    return { problem: `${variable}: ${file} ${holds(error)}` }
  }
}

/** A locked key looks to the parser like one without its password. */
const keyProblem = (error: unknown): string =>
  codeOf(error) === 'ERR_MISSING_PASSPHRASE' || /passphrase|interrupted|cancelled/i.test(messageOf(error))
    ? 'holds a private key that is locked with a password; give one that is not'
    : 'holds no private key in PEM form'

const pemOf = (given: { readonly pem?: Buffer }): Buffer => given.pem ?? Buffer.alloc(0)

function together(
  cert: X509Certificate,
  key: KeyObject,
  pems: { cert: Buffer; key: Buffer },
): readonly string[] {
  if (!cert.checkPrivateKey(key))
    return ['TLS_KEY_FILE: the key does not belong to the certificate in TLS_CERT_FILE']
  try {
    createSecureContext({ ...pems, minVersion: 'TLSv1.2' })
    return []
  } catch (error) {
    return [`TLS_CERT_FILE: the certificate and its key cannot be used: ${messageOf(error)}`]
  }
}

/** What keeps the web part from speaking TLS with the files that the configuration names. */
export async function tlsProblems({
  TLS_CERT_FILE: certFile,
  TLS_KEY_FILE: keyFile,
}: Pick<Config, Variable>): Promise<readonly string[]> {
  if (certFile === undefined || keyFile === undefined) return []
  const [cert, key] = await Promise.all([
    read(
      'TLS_CERT_FILE',
      certFile,
      (pem) => new X509Certificate(pem),
      () => 'holds no certificate in PEM form',
    ),
    read('TLS_KEY_FILE', keyFile, (pem) => createPrivateKey(pem), keyProblem),
  ])
  if ('problem' in cert || 'problem' in key)
    return [cert, key].flatMap((each) => ('problem' in each ? [each.problem] : []))
  return together(cert.value, key.value, { cert: pemOf(cert), key: pemOf(key) })
}
