import type { Asking } from '../core/conversion.ts'
import type { Conversion, RuleChange } from '../core/convert.ts'
import type { LiveRule } from '../core/live-rule.ts'
import { mostShownLetters, mostShownWords, shownWord } from '../core/shown-rule.ts'
import { azRule, azValues } from './az-command.ts'
import { actions, button, type Shown } from './blocks.ts'
import { exposureText, last, vmName } from './exposure-lines.ts'
import { list } from './facts.ts'
import { sections } from './vms.ts'
import { count, cut, plain, time, words } from './words.ts'

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

export const quote = (all: readonly string[]): string =>
  list(
    all.map((word) => words(shownWord(word), mostShownLetters)),
    mostShownWords,
  )

/** `*rdp* (priority 300) in nsg-a`. */
export const ruleText = ({ rule, nsgId }: Pick<RuleChange, 'rule' | 'nsgId'>): string =>
  `*${words(rule.name, 80)}* (priority ${rule.priority}) in ${last(nsgId)}`

export function whatText({ rule, nsgId, vms, ...change }: RuleChange): string {
  const name = ruleText({ rule, nsgId })
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

/** The command that puts it back. */
export function backLines(change: RuleChange): string[] {
  const { rule } = change
  const description =
    rule.description === '' || change.kind !== 'delete'
      ? ''
      : ` Its description is “${words(rule.description, 150)}”.`
  return [`To put it back:${description}`, code(undoFor(change))]
}

const changeLines = (change: RuleChange, at: number): string[] => [
  `${at + 1}. ${whatText(change)}`,
  code(commandFor(change)),
  ...backLines(change),
]

const services: Readonly<Record<number, string>> = { 22: 'ssh', 3389: 'rdp', 5985: 'winrm', 5986: 'winrm' }

/** How somebody asks for what stands open now. */
function askedAs(open: Conversion['open']): string {
  const [port] = open.flatMap(({ ports }) => ports)
  if (!port) return 'ssh'
  return (port.protocol === 'tcp' ? services[port.number] : undefined) ?? `${port.number}/${port.protocol}`
}

/** `/jit rdp vm-open01 30m`. */
export const askCommand = ({ open, vm }: Pick<Conversion, 'open' | 'vm'>): string =>
  `\`/jit ${askedAs(open)} ${words(vm.name, 80).replaceAll('`', '')} 30m\``

/** How people come in once nothing stands open. */
const askText = (conversion: Conversion): string =>
  conversion.askBy === null
    ? '*No rule of the policy file lets anybody ask for this VM,* so nobody outside could get in any more. Add one first.'
    : `People then ask for access, as in ${askCommand(conversion)}.`

/** What stands open once the changes are made, by what was read before. */
export function afterwards(conversion: Conversion): string {
  const { left, doubt, changes } = conversion
  const rest =
    left.length > 0
      ? `*All the same would stay open:* ${left.map(exposureText).join('; ')}.`
      : doubt
        ? 'Not everything in front of it could be read, so more may stand open.'
        : changes.length > 0
          ? 'After that nothing stands open to people outside on the ports that I look at.'
          : ''
  return changes.length > 0 ? `${rest} ${askText(conversion)}` : rest
}

export const askConversionId = 'ask_conversion'

/** Slack takes 300 letters in a dialogue; the message beside it has everything. */
const confirmText = ({ changes }: Conversion): string =>
  cut(
    `Another operator is asked whether ${changes.length === 1 ? 'this rule changes' : `these ${changes.length} rules change`}: ${changes.map(briefly).join('; ')}. Until then every rule stays as it is.`,
    290,
  )

/** `rdp in nsg-a: its sources become VirtualNetwork`, for a dialogue that shows no markup. */
export function briefly({ rule, nsgId, ...change }: RuleChange): string {
  const name = `${plain(rule.name, 60)} in ${plain(nsgId.split('/').at(-1) ?? '', 60)}`
  if (change.kind === 'delete') return `${name} is removed`
  return `${name}: its ${change.kind} become ${plain(change.to.join(', '), 80)}`
}

const askButton = (conversion: Conversion, mark: string) =>
  actions([
    button(askConversionId, 'Ask for this change', `${mark} ${conversion.vm.id}`, {
      accessibility_label: plain(`Ask for the change of rules in front of ${conversion.vm.name}`, 75),
      confirm: {
        title: 'Ask for this change?',
        text: confirmText(conversion),
        confirm: 'Ask for it',
        deny: 'Back',
      },
    }),
  ])

const makeText = (asking: Asking | null): string[] => {
  if (asking === null) return []
  return ['why' in asking ? asking.why : 'You can ask for it here: once another operator agrees, I make it.']
}

/** Which rules would have to change so that nothing stands open on a VM. */
export function conversionMessage(conversion: Conversion, asking: Asking | null): Shown {
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
          `*Nothing is changed by this:* ${changes.length === 1 ? 'this rule is' : 'these rules are'} not mine. Whoever looks after the security group can do it with ${changes.length === 1 ? 'this command' : 'these commands'}, once the right people have agreed and after checking that the rule is still as it is here.`,
          ...changes.flatMap(changeLines),
        ]
  const all = [...lines, afterwards(conversion), ...makeText(asking)].filter((line) => line !== '')
  const blocks = sections(all).slice(0, 49)
  const shown = asking && 'mark' in asking ? [...blocks, askButton(conversion, asking.mark)] : blocks
  return { text: cut(all.join('\n'), 3900), blocks: shown }
}
