import { execFile } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../../src/simulator/certificate.ts'
import { tlsProblems } from '../../src/tls-files.ts'
import { worldPolicy } from '../support/world.ts'

const main = join(import.meta.dirname, '../../src/main.ts')

describe('the files of TLS', () => {
  let folder: string
  const at = (name: string) => join(folder, name)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jitney-tls-files-'))
    const [one, other] = [await makeCertificate(), await makeCertificate()]
    const locked = createPrivateKey(one.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'secret',
    })
    const texts = {
      cert: one.cert,
      key: one.key,
      other: other.key,
      text: 'none',
      empty: '',
      locked: String(locked),
    }
    for (const [name, text] of Object.entries(texts)) await writeFile(at(`${name}.pem`), text)
    await writeFile(at('policy.yml'), worldPolicy)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const problems = async (cert: string, key: string) =>
    (await tlsProblems({ TLS_CERT_FILE: at(cert), TLS_KEY_FILE: at(key) })).map((each) =>
      each.replaceAll(folder, '…'),
    )

  test('are fine where the key belongs to the certificate, and where none are named', async () => {
    expect(await problems('cert.pem', 'key.pem')).toEqual([])
    expect(await tlsProblems({})).toEqual([])
  })

  test.each([
    ['nothing.pem', 'key.pem', ['TLS_CERT_FILE: …/nothing.pem cannot be read: there is no such file']],
    ['.', 'key.pem', ['TLS_CERT_FILE: … cannot be read: it is a folder']],
    ['text.pem', 'key.pem', ['TLS_CERT_FILE: …/text.pem holds no certificate in PEM form']],
    ['key.pem', 'key.pem', ['TLS_CERT_FILE: …/key.pem holds no certificate in PEM form']],
    ['cert.pem', 'cert.pem', ['TLS_KEY_FILE: …/cert.pem holds no private key in PEM form']],
    ['cert.pem', 'empty.pem', ['TLS_KEY_FILE: …/empty.pem holds no private key in PEM form']],
    [
      'cert.pem',
      'locked.pem',
      ['TLS_KEY_FILE: …/locked.pem holds a private key that is locked with a password; give one that is not'],
    ],
    ['cert.pem', 'other.pem', ['TLS_KEY_FILE: the key does not belong to the certificate in TLS_CERT_FILE']],
    [
      'empty.pem',
      'nothing.pem',
      [
        'TLS_CERT_FILE: …/empty.pem holds no certificate in PEM form',
        'TLS_KEY_FILE: …/nothing.pem cannot be read: there is no such file',
      ],
    ],
  ])('are refused in plain words: %s with %s', async (cert, key, expected) => {
    expect(await problems(cert, key)).toEqual(expected)
  })

  test('end the start with those words and no stack', async () => {
    const env = {
      PATH: process.env['PATH'] ?? '',
      SLACK_BOT_TOKEN: 'xoxb-1',
      SLACK_APP_TOKEN: 'xapp-1',
      POLICY_FILE: at('policy.yml'),
      DATA_DIR: at('data'),
      TLS_CERT_FILE: at('text.pem'),
      TLS_KEY_FILE: at('key.pem'),
      PORT: '0',
    }
    const failed: { code?: unknown; stderr?: unknown } = await promisify(execFile)(
      process.execPath,
      [main, 'start'],
      { env },
    ).then(
      () => ({}),
      (error: object) => error,
    )
    expect(failed.code).toBe(2)
    expect(failed.stderr).toBe(
      `The configuration is wrong:\n  TLS_CERT_FILE: ${at('text.pem')} holds no certificate in PEM form\n`,
    )
  })
})
