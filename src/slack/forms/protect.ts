import type { InputBlock, ModalView, PlainTextOption } from '@slack/types'
import { durationText } from '../../core/duration.ts'
import type { JitPolicy } from '../../core/inventory.ts'
import {
  type Protection,
  type ProtectionTerms,
  type ProtectionWay,
  readLongest,
  readPorts,
  readSources,
  recommendedPorts,
} from '../../core/protection.ts'
import { portsShown } from '../../core/protection-text.ts'
import type { Vm } from '../../core/vm.ts'
import { section } from '../blocks.ts'
import { count, plain, time, words } from '../words.ts'
import { form, input, line, textField, textIn, type Values } from './parts.ts'

export const id = 'protect'
export const unprotectId = 'unprotect'
export const removalId = 'propose_removal'

export const portsBlock = 'ports'
const wayBlock = 'way'
const protocolBlock = 'protocol'
const sourcesBlock = 'sources'
const longestBlock = 'longest'

type Protocol = 'both' | 'tcp' | 'udp'
const ways: Readonly<Record<ProtectionWay, string>> = {
  nsg: 'Rules of Jitney that deny',
  defender: 'Defender for Cloud',
}
const protocols: Readonly<Record<Protocol, string>> = { both: 'TCP and UDP', tcp: 'TCP', udp: 'UDP' }

const option = (value: string, text: string): PlainTextOption => ({
  text: { type: 'plain_text', text },
  value,
})

function choice<T extends string>(
  block: string,
  label: string,
  texts: Readonly<Record<T, string>>,
  initial: T,
): InputBlock {
  const options = Object.entries<string>(texts).map(([value, text]) => option(value, text))
  return {
    type: 'input',
    block_id: block,
    label: { type: 'plain_text', text: label },
    element: {
      type: 'static_select',
      action_id: input,
      options,
      initial_option: option(initial, texts[initial]),
    },
  }
}

const usualLongest = '3h'

/** What a policy of Defender for Cloud says of the VM already is the better guess; else what is recommended. */
function guessed(jit: JitPolicy | null) {
  if (!jit || jit.ports.length === 0)
    return {
      way: 'nsg',
      ports: recommendedPorts,
      sources: 'any',
      protocol: 'both',
      longest: usualLongest,
    } as const
  const sources = [...new Set(jit.ports.flatMap((port) => port.sources))]
  const said = [...new Set(jit.ports.map((port) => port.protocol))]
  const [one] = said
  const most = Math.min(...jit.ports.map(({ mostMs }) => mostMs ?? Number.POSITIVE_INFINITY))
  return {
    way: 'defender',
    ports: jit.ports.map(({ number }) => number),
    sources: sources.includes('*') || sources.length === 0 ? 'any' : sources.join(', '),
    protocol: said.length === 1 && one !== undefined && one !== 'any' ? one : 'both',
    longest: Number.isFinite(most) ? durationText(most) : usualLongest,
  } as const
}

/** By subscription, group and name, so that no other VM can be meant. */
const nameOf = ({ subscriptionId, resourceGroup, name }: Vm): string =>
  `${subscriptionId}/${resourceGroup}/${name}`

/** The second deliberate step: what will happen, before it does. */
export function protectForm({ vm, jit }: { readonly vm: Vm; readonly jit: JitPolicy | null }): ModalView {
  const { way, ports, sources, protocol, longest } = guessed(jit)
  return form({
    id,
    title: 'Protect a VM',
    submit: 'Protect it',
    close: 'Back',
    carries: nameOf(vm),
    blocks: [
      section(
        `Jitney keeps everybody out of these ports of *${words(vm.name, 80)}* until access is asked for with \`/jit\`.`,
      ),
      line(
        'Rules of others are neither moved nor removed, and some of them may be asked before Jitney’s: you are told afterwards what still lets somebody in.',
      ),
      choice(wayBlock, 'By', ways, way),
      textField({
        block: portsBlock,
        label: 'Ports',
        hint: 'With commas between them. 22 is SSH, 3389 RDP, 5985 and 5986 are WinRM and PowerShell remoting.',
        most: 200,
        initial: ports.join(', '),
      }),
      choice(protocolBlock, 'Protocol', protocols, protocol),
      textField({
        block: sourcesBlock,
        label: 'Addresses that may be let in',
        hint: '“any”, or addresses and ranges such as 81.2.69.0/24, with commas between them.',
        most: 500,
        initial: sources,
      }),
      textField({
        block: longestBlock,
        label: 'Longest access',
        hint: 'From 5m to 24h. The policy may allow less.',
        most: 30,
        initial: longest,
      }),
    ],
  })
}

const chosen = (values: Values, block: string): string => values[block]?.[input]?.selected_option?.value ?? ''

type ProtectAnswer =
  | { readonly ok: true; readonly terms: ProtectionTerms }
  | { readonly ok: false; readonly errors: Record<string, string> }

/** Reads the form back; a mistake is shown at its place and nothing is lost. */
export function protectIn(values: Values): ProtectAnswer {
  const way: ProtectionWay = chosen(values, wayBlock) === 'defender' ? 'defender' : 'nsg'
  const protocol = chosen(values, protocolBlock)
  const ports = readPorts(
    textIn(values, portsBlock),
    protocol === 'tcp' || protocol === 'udp' ? [protocol] : ['tcp', 'udp'],
  )
  const sources = readSources(textIn(values, sourcesBlock), way)
  const longest = readLongest(textIn(values, longestBlock))
  if (ports.ok && sources.ok && longest.ok)
    return { ok: true, terms: { way, ports: ports.value, sources: sources.value, maxMs: longest.value } }
  return {
    ok: false,
    errors: {
      ...(!ports.ok && { [portsBlock]: plain(ports.why, 300) }),
      ...(!sources.ok && { [sourcesBlock]: plain(sources.why, 300) }),
      ...(!longest.ok && { [longestBlock]: plain(longest.why, 300) }),
    },
  }
}

function undoes({ entry, rules }: Protection): string {
  if (entry) {
    const policy = plain(entry.policyId.split('/').at(-1) ?? '', 80)
    return entry.before === null
      ? `The VM is taken out of the policy ${policy} of Defender for Cloud. Other VMs in it stay as they are.`
      : `The policy ${policy} of Defender for Cloud says of it again what it said before. Other VMs in it stay as they are.`
  }
  return `${count(rules.length, 'rule')} of Jitney that ${rules.length === 1 ? 'denies is' : 'deny are'} removed. Nobody else’s rule is touched.`
}

const opened = (grants: number): string =>
  `${count(grants, 'access', 'accesses')} that ${grants === 1 ? 'was approved is' : 'were approved are'}`

/** What is undone, before it is: just what was done, and no protection that is begun while this is read. */
export const unprotectForm = (protection: Protection, grants: number): ModalView =>
  form({
    id: unprotectId,
    title: 'End a protection',
    submit: 'End it',
    close: 'Back',
    carries: protection.id,
    blocks: [
      section(
        `*${words(protection.vm.name, 80)}* is protected on ${words(portsShown(protection.terms.ports), 200)} since ${time(protection.at)}.`,
      ),
      line(undoes(protection)),
      line('Whatever other rules let in then gets in. You are told what that is.'),
      ...(grants > 0
        ? [
            line(
              protection.entry
                ? `${opened(grants)} open there. Defender for Cloud may end ${grants === 1 ? 'it' : 'them'} together with the protection.`
                : `${opened(grants)} open there and ${grants === 1 ? 'ends at its' : 'end at their'} own time.`,
            ),
          ]
        : []),
    ],
  })

/** Asks for a second operator's yes; nothing is removed by this. */
export const removalForm = ({ id: protectionId, vm }: Protection, rule: string): ModalView =>
  form({
    id: removalId,
    title: 'Remove a rule',
    submit: 'Ask for it',
    close: 'Back',
    carries: JSON.stringify({ protectionId, rule }),
    blocks: [
      section(`*Another operator is to be asked whether the rule ${words(rule, 80)} is removed.*`),
      line(
        `It is looked for among the rules that let somebody in to ${vm.name} although it is protected. If there is none of that name, nobody is asked and you are told.`,
      ),
      line('Nobody may agree to what they asked for themselves. Until somebody agrees it stays as it is.'),
      line('It is removed only while it is exactly as it was shown, and nothing puts it back.'),
    ],
  })
