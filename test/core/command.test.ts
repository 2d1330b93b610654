import { describe, expect, it } from 'vitest'
import { parseCommand } from '../../src/core/command.ts'
import { hour, minute } from '../../src/core/duration.ts'
import { builtInServices, type Service } from '../../src/core/service.ts'
import { visible } from '../../src/core/typed-text.ts'

const services: readonly Service[] = [
  ...builtInServices,
  { name: 'postgres', ports: [{ number: 5432, protocol: 'tcp' }] },
]
const parse = (text: string) => parseCommand(text, services)
const rdp = { label: 'rdp', ports: [{ number: 3389, protocol: 'tcp' }] }
const plainAsk = {
  kind: 'ask',
  ports: rdp,
  vmName: 'vm-jump01',
  span: { kind: 'length', ms: 30 * minute },
  start: null,
  from: null,
  reason: null,
}

describe('staying longer', () => {
  it('names the request and how much longer', () => {
    expect(parse('extend #7K3M9X2PQR by 1h because the restore is slow')).toEqual({
      kind: 'extend',
      requestId: '7k3m9x2pqr',
      extraMs: hour,
      reason: 'the restore is slow',
    })
  })
})

describe('a stop of all access', () => {
  it('is read further where it is decided', () => {
    expect(parse('PANIC all because of an intruder')).toEqual({ kind: 'panic' })
  })
})

describe('a start', () => {
  it.each([
    ['at 18:00', { tomorrow: false, hour: 18, minute: 0 }],
    ['tomorrow 9:00', { tomorrow: true, hour: 9, minute: 0 }],
    ['at tomorrow 9.30', { tomorrow: true, hour: 9, minute: 30 }],
    ['tomorrow at 9:30', { tomorrow: true, hour: 9, minute: 30 }],
  ])('is read from “%s”, before or after how long', (text, start) => {
    expect(parse(`rdp vm-jump01 30m ${text}`)).toEqual({ ...plainAsk, start })
    expect(parse(`rdp vm-jump01 ${text} for 30m`)).toEqual({ ...plainAsk, start })
  })

  it.each([
    ['rdp vm-jump01 30m at 25:00', '/jit rdp vm-jump01 30m at 18:00'],
    ['rpd vm-jump01 30m at 19:05', '/jit rdp vm-jump01 30m at 19:05'],
    ['rpd vm-jump01 30m tomorrow 9:00', '/jit rdp vm-jump01 30m tomorrow 9:00'],
    ['rdp vm-jump01 30m tomorrow', '/jit rdp vm-jump01 30m tomorrow 9:00'],
    ['rdp vm-jump01 tomorrow 14 30m', '/jit rdp vm-jump01 30m tomorrow 14:00'],
  ])('stays in the example of a mistake: %s', (text, example) => {
    expect(parse(text)).toMatchObject({ kind: 'mistake', example })
    expect(parse(example.slice('/jit '.length))).toMatchObject({
      kind: 'ask',
      start: { minute: expect.any(Number) },
    })
  })

  it('is not confused with an end', () => {
    expect(parse('rdp vm-jump01 until 18:00')).toMatchObject({ start: null })
    expect(parse('rdp vm-jump01 until 18:00 at 17:00')).toMatchObject({
      span: { kind: 'until', hour: 18, minute: 0 },
      start: { hour: 17, minute: 0 },
    })
  })
})

describe('an address behind a mistyped “from”', () => {
  it.each([
    ['rdp vm-jump01 30m form 81.2.69.142', '/jit rdp vm-jump01 30m from 81.2.69.142'],
    ['rdp vm-jump01 30m form 2a00:1450:4001::1', '/jit rdp vm-jump01 30m from 2a00:1450:4001::1'],
    ['rdp form 30', '/jit rdp form 30m'],
  ])('stays in the example: %s', (text, example) => {
    expect(parse(text)).toMatchObject({ kind: 'mistake', example })
  })
})

describe('asking why', () => {
  it.each(['why rdp vm-jump01 30m', 'Why rdp vm-jump01 for 30 min', '`why rdp vm-jump01 30m`'])(
    '%s is the ask with “why” before it',
    (text) => {
      expect(parse(text)).toEqual({ kind: 'why', ask: plainAsk })
    },
  )

  it('takes an address and a reason as an ask does', () => {
    expect(parse('why rdp vm-jump01 30m from 81.2.69.142 because why not')).toEqual({
      kind: 'why',
      ask: { ...plainAsk, from: '81.2.69.142', reason: 'why not' },
    })
  })

  it.each(['why', 'why rdp', 'why rpd vm-jump01 30m'])('%s gets an example that begins with why', (text) => {
    expect(parse(text)).toMatchObject({ kind: 'mistake', example: '/jit why rdp vm-jump01 30m' })
  })
})

describe('an ask', () => {
  it.each([
    ['as the help shows it', 'rdp vm-jump01 30m'],
    ['in capitals', 'RDP vm-jump01 30M'],
    ['with filler words', 'rdp to vm-jump01 for 30m'],
    ['with other filler words', 'rdp on vm-jump01 For 30 min'],
    ['with bold, code and strike marks', '*rdp* `vm-jump01` ~30m~'],
    ['with one mark around all of it', '_rdp vm-jump01 30m_'],
    ['in a code block', '```rdp vm-jump01 30m```'],
    ['in curly quotes', '“rdp” ‘vm-jump01’ 30m'],
    ['with spaces that do not break', 'rdp\u00a0vm-jump01\u00a030m'],
    ['with invisible characters', 'rdp vm-\u200bjump\u202e01 30m\u2066'],
    ['over several lines', ' rdp\nvm-jump01\r\n30m\t'],
    ['with a link that Slack made', 'rdp <http://vm-jump01|vm-jump01> 30m'],
    ['with a bare link that Slack made', 'rdp <http://vm-jump01> 30m'],
    ['with half an hour in hours', 'rdp vm-jump01 0.5h'],
  ])('is read %s', (_, text) => {
    expect(parse(text)).toEqual(plainAsk)
  })

  it.each([
    ['30m', 30 * minute],
    ['1h30m', 90 * minute],
    ['1h 30 m', 90 * minute],
    ['90 min', 90 * minute],
    ['2 hours', 2 * hour],
    ['1 day', 24 * hour],
  ])('takes “%s” for how long', (text, ms) => {
    expect(parse(`rdp vm-jump01 ${text}`)).toEqual({ ...plainAsk, span: { kind: 'length', ms } })
    expect(parse(`rdp vm-jump01 for ${text} from 81.2.69.142`)).toEqual({
      ...plainAsk,
      span: { kind: 'length', ms },
      from: '81.2.69.142',
    })
  })

  it('takes a time of day', () => {
    expect(parse('rdp vm-jump01 until 18:00')).toEqual({
      ...plainAsk,
      span: { kind: 'until', hour: 18, minute: 0 },
    })
  })

  it.each([
    ['ssh', 'ssh', ['22/tcp']],
    ['winrm', 'winrm', ['5985/tcp', '5986/tcp']],
    ['Postgres', 'postgres', ['5432/tcp']],
    ['3389', '3389/tcp', ['3389/tcp']],
    ['53/UDP', '53/udp', ['53/udp']],
    ['rdp,ssh', 'rdp, ssh', ['3389/tcp', '22/tcp']],
    ['rdp, ssh', 'rdp, ssh', ['3389/tcp', '22/tcp']],
    ['rdp ,ssh', 'rdp, ssh', ['3389/tcp', '22/tcp']],
    ['rdp and ssh', 'rdp, ssh', ['3389/tcp', '22/tcp']],
    ['ssh, 443/tcp, and 80', 'ssh, 443/tcp, 80/tcp', ['22/tcp', '443/tcp', '80/tcp']],
    ['rdp,rdp', 'rdp', ['3389/tcp']],
  ])('takes “%s” for the ports', (text, label, ports) => {
    expect(parse(`${text} vm-jump01 30m`)).toEqual({
      ...plainAsk,
      ports: {
        label,
        ports: ports.map((port) => {
          const [number, protocol] = port.split('/')
          return { number: Number(number), protocol }
        }),
      },
    })
  })

  it.each(['VM1', 'my_vm_1', 'group/vm', 'My-Sub/rg.1/vm-1', 'vm-jump01.corp', 'ünïcode1'])(
    'takes “%s” for the VM',
    (vmName) => {
      expect(parse(`rdp ${vmName} 30m`)).toEqual({ ...plainAsk, vmName })
    },
  )

  it('passes the address on as it was typed', () => {
    expect(parse('rdp vm-jump01 30m from 10.0.0.0/8')).toEqual({ ...plainAsk, from: '10.0.0.0/8' })
    expect(parse('rdp vm-jump01 30m from <tel:81.2.69.142|81.2.69.142>')).toEqual({
      ...plainAsk,
      from: '81.2.69.142',
    })
    expect(parse('rdp vm-jump01 30m from office')).toEqual({ ...plainAsk, from: 'office' })
    expect(parse('rdp vm-jump01 from Office 30m')).toEqual({ ...plainAsk, from: 'Office' })
    expect(parse('rdpp vm-jump01 30m from office')).toMatchObject({
      example: '/jit rdp vm-jump01 30m from office',
    })
    expect(parse('rdp vm-jump01 from 2001:DB8::1 30m')).toEqual({ ...plainAsk, from: '2001:DB8::1' })
  })

  it.each([
    ['because Fix the Spooler', 'Fix the Spooler'],
    ['BECAUSE it is late', 'it is late'],
    ['because: it is late', 'it is late'],
    ['because “it is late”', 'it is late'],
    ['because for 2 hours from home', 'for 2 hours from home'],
    ['because a &lt;b&gt; &amp; &amp;lt;c', 'a <b> & &lt;c'],
    ['because ask <@U0BOB|bob> in <#C1|ops>', 'ask @bob in #ops'],
    ['because \u202eevil\u0007 words', 'evil words'],
    ['because it is late because of us', 'it is late because of us'],
  ])('keeps the reason of “%s”', (text, reason) => {
    expect(parse(`rdp vm-jump01 30m ${text}`)).toEqual({ ...plainAsk, reason })
  })

  it('takes a reason of 300 characters, however many bytes they have', () => {
    expect(parse(`rdp vm-jump01 30m because ${'🙂'.repeat(300)}`)).toMatchObject({ kind: 'ask' })
  })
})

describe('a mistake says what is wrong and shows a command that would work', () => {
  it.each([
    [
      'rpd vm1 30m',
      '“rpd” is not a service. Did you mean rdp? Services are rdp, ssh, winrm, postgres; a port such as 443/tcp works too.',
      '/jit rdp vm1 30m',
    ],
    [
      'shs vm1 1h',
      '“shs” is not a service. Did you mean ssh? Services are rdp, ssh, winrm, postgres; a port such as 443/tcp works too.',
      '/jit ssh vm1 1h',
    ],
    [
      'postgress vm1 1h',
      '“postgress” is not a service. Did you mean postgres? Services are rdp, ssh, winrm, postgres; a port such as 443/tcp works too.',
      '/jit postgres vm1 1h',
    ],
    [
      'telnet vm1 30m',
      '“telnet” is not a service. Services are rdp, ssh, winrm, postgres; a port such as 443/tcp works too.',
      '/jit rdp vm1 30m',
    ],
    [
      'vm1 30m',
      '“vm1” is not a service. Services are rdp, ssh, winrm, postgres; a port such as 443/tcp works too.',
      '/jit rdp vm1 30m',
    ],
    [
      'rdp,vm1,30m',
      '“vm1” is not a service. Services are rdp, ssh, winrm, postgres; a port such as 443/tcp works too.',
      '/jit rdp vm1 30m',
    ],
    [
      '99999 vm1 30m',
      '“99999” is not a port. A port is a number from 1 to 65535, with /tcp or /udp after it if you like.',
      '/jit rdp vm1 30m',
    ],
    [
      '443/icmp vm1 30m',
      '“443/icmp” is not a port. A port is a number from 1 to 65535, with /tcp or /udp after it if you like.',
      '/jit rdp vm1 30m',
    ],
    ['rdp', 'You did not say which VM, and for how long.', '/jit rdp vm-jump01 30m'],
    ['ssh 2h', 'You did not say which VM.', '/jit ssh vm-jump01 2h'],
    ['ssh until 18:00', 'You did not say which VM.', '/jit ssh vm-jump01 until 18:00'],
    ['rdp vm1', 'You did not say for how long.', '/jit rdp vm1 30m'],
    ['rdp 45m vm1', 'The VM comes before the duration.', '/jit rdp vm1 45m'],
    ['rdp ssh vm1 1h', 'Put a comma between services.', '/jit rdp,ssh vm1 1h'],
    ['rdp @bob 1h', '“@bob” is not the name of a VM.', '/jit rdp vm-jump01 1h'],
    ['rdp /vm1 1h', '“/vm1” is not the name of a VM.', '/jit rdp vm-jump01 1h'],
    ['rdp vm1 45', '“45” has no unit; say 45m for minutes or 45h for hours.', '/jit rdp vm1 45m'],
    ['rdp vm1 -30m', '“-30m” is negative; a duration counts forward.', '/jit rdp vm1 30m'],
    ['rdp vm1 0m', 'A duration of zero opens nothing.', '/jit rdp vm1 30m'],
    ['rdp vm1 soon', '“soon” is not a duration.', '/jit rdp vm1 30m'],
    ['rdp vm1 until 6pm', '“until 6pm” is not a time of day.', '/jit rdp vm1 30m'],
    ['rdp vm1 30m from', 'After “from” comes the address that you connect from.', '/jit rdp vm1 30m'],
    ['rdp vm1 from 30m', 'After “from” comes the address that you connect from.', '/jit rdp vm1 30m'],
    ['rdp vm1 30m because', 'After “because” comes a reason.', '/jit rdp vm1 30m'],
    [
      'from 81.2.69.142',
      'You did not say which service, which VM, and for how long.',
      '/jit rdp vm-jump01 30m from 81.2.69.142',
    ],
    ['close', 'You did not say which request. Its id is at the bottom of its card.', '/jit close 7k3m9x2pqr'],
    [
      'cancel my request',
      '“my request” is not the id of a request. It is at the bottom of its card.',
      '/jit cancel 7k3m9x2pqr',
    ],
    ['extend 7k3m9x2pqr', 'You did not say how much longer.', '/jit extend 7k3m9x2pqr 30m'],
    ['extend 7k3m9x2pqr until 18:00', 'Say how much longer, not until when.', '/jit extend 7k3m9x2pqr 30m'],
    [
      'extend',
      'Say which request, by the id at the bottom of its card, and how much longer.',
      '/jit extend 7k3m9x2pqr 30m',
    ],
    ['protect', 'You did not say which VM.', '/jit protect vm-jump01'],
    [
      'protect vm1 remove',
      'After “remove” comes the name of one rule.',
      '/jit protect vm-jump01 remove allow-all',
    ],
    ['unprotect vm1 remove x', '“vm1 remove x” is not the name of one VM.', '/jit unprotect vm-jump01'],
    ['unprotect a b', '“a b” is not the name of one VM.', '/jit unprotect vm-jump01'],
    ['audit', 'Reading the audit trail here is not possible yet.', '/jit rdp vm-jump01 30m'],
    ...(['foo', 'hello there', 'please let me in'] as const).map((text) => [
      text,
      `“${text.split(' ')[0]}” is neither a command nor a service. Commands are help, status, vms, ip, why, extend, cancel, close, break-glass, panic, protect, unprotect; services are rdp, ssh, winrm, postgres. \`/jit help\` lists what I understand.`,
      '/jit rdp vm-jump01 30m',
    ]),
    ...(
      [
        ['staus', 'status', 'status'],
        ['hlep', 'help', 'help'],
        ['extned 7k3m9x2pqr 30m', 'extend', 'extend 7k3m9x2pqr 30m'],
        ['cansel 7k3m9x2pqr', 'cancel', 'cancel 7k3m9x2pqr'],
        ['clsoe it', 'close', 'close it'],
        ['wyh rdp vm1 30m', 'why', 'why rdp vm1 30m'],
        [
          'brek-glass rdp vm1 30m because of it',
          'break-glass',
          'break-glass rdp vm-jump01 30m because the shop is down',
        ],
        ['pnaic all because of it', 'panic', 'panic all because the jump host is compromised'],
      ] as const
    ).map(([text, meant, example]) => [
      text,
      `“${text.split(' ')[0]}” is not a command. Did you mean ${meant}? \`/jit help\` lists what I understand.`,
      `/jit ${example}`,
    ]),
    [
      'rpd',
      '“rpd” is not a service. Did you mean rdp? Services are rdp, ssh, winrm, postgres; a port such as 443/tcp works too.',
      '/jit rdp vm-jump01 30m',
    ],
  ])('%s', (text, wrong, example) => {
    expect(parse(text)).toEqual({ kind: 'mistake', wrong, example })
  })

  it('takes letters that show nothing for no reason', () => {
    expect(parse('rdp vm1 30m because \u3164\uffa0')).toMatchObject({
      kind: 'mistake',
      wrong: 'After “because” comes a reason.',
    })
    expect(visible('a\u115fb\u1160c\u3164d\uffa0')).toBe('abcd')
  })

  it.each([
    ['many words', `exten ${'a '.repeat(1990)}`],
    ['many marks', ' _a'.repeat(1333)],
    ['one letter too much', `rdp vm1 30m because ${'a'.repeat(981)}`],
    ['what Slack writes longer than it was typed', `rdp vm1 30m because ${'&amp;'.repeat(801)}`],
  ])('says of %s that a command is not so long', (_, text) => {
    expect(parse(text)).toEqual({
      kind: 'mistake',
      wrong:
        'This is too long, so nothing was done. A command is at most 1000 letters long, and a reason at most 300.',
      example: '/jit rdp vm-jump01 30m',
    })
  })

  it('counts letters as a reader does, and hears whoever stops everything for a long reason', () => {
    expect(parse(`rdp vm1 30m because ${'🙂'.repeat(980)}`)).toMatchObject({
      wrong: expect.stringMatching(/^The reason has 980 characters/),
    })
    expect(parse(`panic all because ${'they are inside '.repeat(500)}`)).toEqual({ kind: 'panic' })
  })

  it('looks for a request in the first ten words after the one that it does not know', () => {
    expect(parse(`hello ${'a '.repeat(9)}rdp`)).toMatchObject({
      wrong: expect.stringMatching(/“hello” is not a service/),
    })
    expect(parse(`hello ${'a '.repeat(10)}rdp`)).toMatchObject({
      wrong: expect.stringMatching(/“hello” is neither a command/),
    })
    expect(parse(`extned ${'a '.repeat(490)}`)).toMatchObject({
      wrong: expect.stringMatching(/Did you mean extend/),
    })
  })

  it('counts a reason that is too long', () => {
    expect(parse(`rdp vm1 30m from 81.2.69.142 because ${'a'.repeat(301)}`)).toEqual({
      kind: 'mistake',
      wrong: 'The reason has 301 characters; at most 300 fit on the card. Please shorten it.',
      example: '/jit rdp vm1 30m from 81.2.69.142',
    })
  })
})

describe('other verbs', () => {
  it.each(['', '   ', 'help', 'HELP', '?', '*help*', 'rdp --help', 'help rdp'])('“%s” is help', (text) => {
    expect(parse(text)).toEqual({ kind: 'help' })
  })

  it('reads the id of a request to close or cancel', () => {
    expect(parse('close 7k3m9x2pqr')).toEqual({ kind: 'close', requestId: '7k3m9x2pqr' })
    expect(parse('Cancel `7K3M9X2PQR`')).toEqual({ kind: 'cancel', requestId: '7k3m9x2pqr' })
    expect(parse('close #7k3m9x2pqr')).toEqual({ kind: 'close', requestId: '7k3m9x2pqr' })
  })

  it('reads list', () => {
    expect(parse('list')).toEqual({ kind: 'list' })
    expect(parse('Status')).toEqual({ kind: 'status' })
  })
})
