import { generate } from 'selfsigned'

export interface Certificate {
  caPem: string
  key: string
  cert: string
}

/** A certificate authority that exists for one simulator, and a server certificate that it signs, for more names than its own if wished. */
export async function makeCertificate(names: readonly string[] = []): Promise<Certificate> {
  const authority = await generate([{ name: 'commonName', value: 'Simulated Azure CA' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          ...names.map((value) => ({ type: 2 as const, value })),
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return { caPem: authority.cert, key: server.private, cert: server.cert }
}
