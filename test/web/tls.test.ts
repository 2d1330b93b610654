import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../../src/simulator/certificate.ts'
import { startWeb, type Web } from '../../src/web/server.ts'

describe('the web part with a certificate of its own', () => {
  let folder: string
  let ca: string
  let web: Web
  const parts = {
    host: '127.0.0.1',
    port: 0,
    unready: () => [],
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    slack: null,
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jitney-tls-'))
    const { caPem, key, cert } = await makeCertificate()
    ca = caPem
    await writeFile(join(folder, 'cert.pem'), cert)
    await writeFile(join(folder, 'key.pem'), key)
    web = await startWeb({
      ...parts,
      tls: { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') },
    })
  })
  afterAll(async () => {
    await web?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('speaks TLS, and nothing else', async () => {
    const status = await new Promise((resolve, reject) => {
      request(`https://localhost:${web.port}/livez`, { ca }, (response) => resolve(response.statusCode))
        .on('error', reject)
        .end()
    })
    expect(status).toBe(200)
    await expect(fetch(`http://127.0.0.1:${web.port}/livez`)).rejects.toThrow()
  })

  test('does not start without its files', async () => {
    const tls = { certFile: join(folder, 'nothing.pem'), keyFile: join(folder, 'key.pem') }
    await expect(startWeb({ ...parts, tls })).rejects.toThrow('nothing.pem')
  })
})
