export interface Port {
  readonly number: number
  readonly protocol: 'tcp' | 'udp'
}

/** A named set of ports. */
export interface Service {
  readonly name: string
  readonly ports: readonly Port[]
}

const tcp = (number: number): Port => ({ number, protocol: 'tcp' })

export const builtInServices: readonly Service[] = [
  { name: 'rdp', ports: [tcp(3389)] },
  { name: 'ssh', ports: [tcp(22)] },
  { name: 'winrm', ports: [tcp(5985), tcp(5986)] },
]

const portForm = /^(\d{1,5})(?:\/(tcp|udp))?$/i

/** Reads `3389` or `443/tcp`. Null when the text has another form or the number is not 1 to 65535. */
export function parsePort(text: string): Port | null {
  const match = portForm.exec(text)
  if (!match) return null
  const number = Number(match[1])
  if (number < 1 || number > 65_535) return null
  return { number, protocol: match[2]?.toLowerCase() === 'udp' ? 'udp' : 'tcp' }
}

const portText = (port: Port): string => `${port.number}/${port.protocol}`

export const portsText = (ports: readonly Port[]): string => ports.map(portText).join(', ')

const samePort = (a: Port, b: Port) => a.number === b.number && a.protocol === b.protocol

export const covers = (allowed: readonly Port[], asked: readonly Port[]): boolean =>
  asked.every((port) => allowed.some((other) => samePort(port, other)))

export interface Ports {
  /** What the person typed, tidied: `rdp`, `ssh, 443/tcp`. */
  readonly label: string
  readonly ports: readonly Port[]
}

export type PortsAnswer =
  | { readonly ok: true; readonly value: Ports }
  | { readonly ok: false; readonly unknown: string }

/** Reads `rdp`, `3389`, `ssh,443/tcp` against the services that exist; duplicates collapse. */
export function parsePorts(text: string, services: readonly Service[]): PortsAnswer {
  const labels: string[] = []
  const ports: Port[] = []
  for (const word of text.split(',').filter((part) => part !== '')) {
    const service = services.find((candidate) => candidate.name === word.toLowerCase())
    const single = service ? null : parsePort(word)
    if (!service && !single) return { ok: false, unknown: word }
    const label = service ? service.name : single ? portText(single) : word
    if (!labels.includes(label)) labels.push(label)
    for (const port of service ? service.ports : single ? [single] : []) {
      if (!ports.some((other) => samePort(port, other))) ports.push(port)
    }
  }
  return ports.length > 0
    ? { ok: true, value: { label: labels.join(', '), ports } }
    : { ok: false, unknown: text }
}
