import type { Conversion, RuleChange } from '../core/convert.ts'
import type { LiveRule } from '../core/live-rule.ts'
import { azRule, azValues } from './az-command.ts'
import type { Shown } from './blocks.ts'
import { exposureText, last, vmName } from './exposure-lines.ts'
import { list } from './facts.ts'
import { sections } from './vms.ts'
import { count, cut, time, words } from './words.ts'

const joined = (parts: readonly (string | null)[]): string | null =>
  parts.includes(null) ? null : parts.join(' ')

const options: Readonly<Record<'sources' | 'ports', string>> = {
  sources: 'source-address-prefixes',
  ports: 'destination-port-ranges',
}

const isGroup = (word: string) => word.startsWith('asg:')

/** An application security group has an option of its own, and cannot stand beside addresses. */
function sided(side: 'source' | 'destination', all: readonly string[]): string | null {
  const groups = all.filter(isGroup).map((word) => word.slice('asg:'.length))
  return groups.length > 0 ? azValues(`${side}-asgs`, groups) : azValues(`${side}-address-prefixes`, all)
}

function commandFor({ nsgId, rule, ...change }: RuleChange): string | null {
  if (change.kind === 'delete') return azRule('delete', { nsgId, name: rule.name })
  const values = change.kind === 'sources' ? sided('source', change.to) : azValues(options.ports, change.to)
  return joined([azRule('update', { nsgId, name: rule.name }), values])
}

/** The description is somebody's free text, so it is left out of the command and told beside it. */
const whole = ({ priority, access, protocol, sources, destinations, ports, sourcePorts }: LiveRule) =>
  joined([
    `--priority ${priority} --direction Inbound --access ${access}`,
    azValues('protocol', [protocol]),
    sided('source', sources),
    azValues('source-port-ranges', sourcePorts ?? ['*']),
    sided('destination', destinations),
    azValues('destination-port-ranges', ports),
  ])

function undoFor({ nsgId, rule, kind }: RuleChange): string | null {
  const at = { nsgId, name: rule.name }
  if (kind === 'delete') return joined([azRule('create', at), whole(rule)])
  const before = kind === 'sources' ? sided('source', rule.sources) : azValues(options.ports, rule.ports)
  return joined([azRule('update', at), before])
}

/** A command that is cut short would do something else. */
const longestCommand = 1_900

const code = (command: string | null): string =>
  command === null || command.length > longestCommand
    ? 'A name in it could mean something else to a shell, or it is too long for a message, so do it in Azure’s portal.'
    : `\`\`\`${words(command, 2000)}\`\`\``

const quote = (all: readonly string[]): string =>
  list(
    all.map((word) => words(word, 120)),
    12,
  )

function whatText({ rule, nsgId, vms, ...change }: RuleChange): string {
  const name = `*${words(rule.name, 80)}* (priority ${rule.priority}) in ${last(nsgId)}`
  const others =
    vms > 1 ? ` That group stands in front of ${count(vms, 'VM')}, and it changes for all of them.` : ''
  switch (change.kind) {
    case 'delete':
      return `Remove the rule ${name}: it lets in nobody but people outside.${others}`
    case 'sources':
      return `Let the rule ${name} keep only whoever is inside: its sources are ${quote(rule.sources)} and become ${quote(change.to)}.${others}`
    case 'ports':
      return `Take these ports out of the rule ${name}: its ports are ${quote(rule.ports)} and become ${quote(change.to)}. What it does for the other ports stays.${others}`
    default:
      return change satisfies never
  }
}

function changeLines(change: RuleChange, at: number): string[] {
  const { rule } = change
  const description =
    rule.description === '' || change.kind !== 'delete'
      ? ''
      : ` Its description is “${words(rule.description, 150)}”.`
  return [
    `${at + 1}. ${whatText(change)}`,
    code(commandFor(change)),
    `To put it back:${description}`,
    code(undoFor(change)),
  ]
}

const services: Readonly<Record<number, string>> = { 22: 'ssh', 3389: 'rdp', 5985: 'winrm', 5986: 'winrm' }

/** How somebody asks for what stands open now. */
function askedAs(open: Conversion['open']): string {
  const [port] = open.flatMap(({ ports }) => ports)
  if (!port) return 'ssh'
  return (port.protocol === 'tcp' ? services[port.number] : undefined) ?? `${port.number}/${port.protocol}`
}

function afterwards({ open, left, doubt, askBy, vm, changes }: Conversion): string {
  const rest =
    left.length > 0
      ? `*All the same would stay open:* ${left.map(exposureText).join('; ')}.`
      : doubt
        ? 'Not everything in front of it could be read, so more may stand open.'
        : changes.length > 0
          ? 'After that nothing stands open to people outside on the ports that I look at.'
          : ''
  const ask =
    askBy === null
      ? ' *No rule of the policy file lets anybody ask for this VM,* so nobody outside could get in any more. Add one first.'
      : ` People then ask for access, as in \`/jit ${askedAs(open)} ${words(vm.name, 80).replaceAll('`', '')} 30m\`.`
  return `${rest}${changes.length > 0 ? ask : ''}`
}

/** Which rules would have to change so that nothing stands open on a VM. */
export function conversionMessage(conversion: Conversion): Shown {
  const { vm, open, changes, at } = conversion
  const lines =
    changes.length === 0
      ? [
          open.length > 0
            ? `${vmName(vm)}: something stands open, and I know of no change of a rule that would close it.`
            : `${vmName(vm)}: no rule that I could read, as of ${time(at)}, lets anybody outside in to a management port for good.`,
        ]
      : [
          `*From standing access to access on request:* ${vmName(vm)}, by its rules as of ${time(at)}.`,
          `Stands open: ${open.map(exposureText).join('; ')}.`,
          `*I make no such change myself:* ${changes.length === 1 ? 'this rule is' : 'these rules are'} not mine. Whoever looks after the security group can do it with ${changes.length === 1 ? 'this command' : 'these commands'}, once the right people have agreed and after checking that the rule is still as it is here.`,
          ...changes.flatMap(changeLines),
        ]
  const all = [...lines, afterwards(conversion)].filter((line) => line !== '')
  return { text: cut(all.join('\n'), 3900), blocks: sections(all).slice(0, 50) }
}
