import { type AskedChange, type AskedConversion, lapsesAt, type OpenAfter } from '../core/conversion.ts'
import type { RuleChange } from '../core/convert.ts'
import { actions, button, type Shown } from './blocks.ts'
import { afterwards, askCommand, backLines, briefly, quote, ruleText, whatText } from './conversion.ts'
import { exposureText, vmName } from './exposure-lines.ts'
import { sections } from './vms.ts'
import { count, cut, person, time, words } from './words.ts'

export const makeId = 'make_conversion'
export const leaveId = 'leave_conversion'

const rules = ({ changes }: AskedConversion): string => count(changes.length, 'rule')

/** The whole of a rule, so that whoever decides sees what it is for. */
function nowText({ rule, vms }: RuleChange): string {
  const from = rule.sourcePorts ? ` from the ports ${quote(rule.sourcePorts)}` : ''
  const said = rule.description === '' ? '' : ` Its description is “${words(rule.description, 150)}”.`
  const behind = vms > 1 ? '' : ' No other VM is behind that group, by the list of VMs that I read last.'
  return `Now it ${rule.access === 'Allow' ? 'lets in' : 'keeps out'} ${quote(rule.sources)}${from} to ${quote(rule.destinations)} on ${quote(rule.ports)} (protocol ${words(rule.protocol, 10)}).${said}${behind}`
}

const numbered = (line: string, at: number): string => `${at + 1}. ${line}`

function doneText({ change, at, already }: AskedChange): string {
  const name = ruleText(change)
  const when = at === undefined ? '' : ` ${time(at)}`
  if (already) {
    const is =
      change.kind === 'delete'
        ? `the rule ${name} is gone`
        : `the ${change.kind} of the rule ${name} are ${quote(change.to)}`
    return `So already: ${is}, as Azure showed${when}. It was no write of mine that Azure confirmed, so somebody else may have done it.`
  }
  if (change.kind === 'delete') return `Removed: the rule ${name}. Azure showed${when} that it is gone.`
  const before = change.kind === 'sources' ? change.rule.sources : change.rule.ports
  return `Changed: the ${change.kind} of the rule ${name} were ${quote(before)} and are ${quote(change.to)}, as Azure showed${when}.`
}

/** What became of one change so far. */
function stateText(one: AskedChange): string {
  switch (one.state) {
    case 'done':
      return doneText(one)
    case 'void':
      return `*Not done as agreed:* the rule ${ruleText(one.change)}. ${words(one.detail ?? '', 400)}`
    case 'agreed': {
      const met = one.met === undefined ? '' : ` The last try met: ${words(one.met, 300)}. I keep trying.`
      return `${whatText(one.change)} *Not confirmed by Azure yet.*${met}`
    }
    case 'proposed':
    case 'kept':
      return whatText(one.change)
    default:
      return one.state satisfies never
  }
}

const changeLines = ({ changes }: AskedConversion): string[] =>
  changes.map((one, at) => numbered(stateText(one), at))

function afterLine(after: OpenAfter | undefined): string {
  if (!after) return 'What stands open now is being read.'
  if (after.unread !== null)
    return `*What stands open now could not be read:* ${words(after.unread, 300)}. \`/jit vms\` looks again.`
  const doubt = after.doubt ? ' Not everything in front of it could be read, so more may stand open.' : ''
  if (after.bare !== undefined)
    return `*Stands open now:* ${words(after.bare, 300)}, as Azure showed ${time(after.at)}.${doubt}`
  const open =
    after.open.length > 0
      ? `*Stands open now:* ${after.open.map(exposureText).join('; ')}, by the rules as of ${time(after.at)}.`
      : `Nothing stands open to people outside on the ports that I look at, by the rules that I read ${time(after.at)}.`
  return `${open}${doubt}`
}

/** By a write of ours. */
const isDone = ({ state, already }: AskedChange) => state === 'done' && !already

/** How it ended, in a word or two. */
function endText({ changes }: AskedConversion): string {
  if (changes.every(({ already }) => already)) return 'So already'
  if (changes.some(isDone) && changes.every(({ state }) => state === 'done')) return 'Changed'
  return changes.some(isDone) ? 'Changed in part' : 'Not done as agreed'
}

const agreedText = ({ by, decided }: AskedConversion): string =>
  `as ${person(by)} asked${decided ? ` and ${person(decided.by)} agreed ${time(decided.at)}` : ''}`

/** How people come in from now on; said where something was closed and the rules were read again. */
function fromNowOn({ changes, after, proposal }: AskedConversion): string[] {
  if (!after || after.unread !== null || after.bare !== undefined || !changes.some(isDone)) return []
  return after.askBy === null
    ? [
        '*No rule of the policy file lets anybody ask for this VM.* Add one, so that people outside can ask for access.',
      ]
    : [`From now on people ask for access, as in ${askCommand(proposal)}.`]
}

const endedLines = (conversion: AskedConversion): string[] => [
  `*${endText(conversion)}:* the rules in front of ${vmName(conversion.proposal.vm)}, ${agreedText(conversion)}.`,
  ...changeLines(conversion),
  afterLine(conversion.after),
]

const lapsedLines = (conversion: AskedConversion): string[] => [
  `*Lapsed:* the wish of ${person(conversion.by)}, ${time(conversion.at)}, to change ${rules(conversion)} in front of ${vmName(conversion.proposal.vm)}: ${words(conversion.lapsedBecause ?? '', 400)}.`,
  `What was asked for, by the rules as of ${time(conversion.proposal.at)}:`,
  ...changeLines(conversion),
  'I changed nothing of this. An operator can ask anew with Convert to JIT in `/jit vms`.',
]

function cardLines(conversion: AskedConversion): string[] {
  const { proposal, by, at, state, changes, decided } = conversion
  const { vm, open } = proposal
  switch (state) {
    case 'proposed':
      return [
        `*${person(by)} asks to change ${rules(conversion)} that ${changes.length === 1 ? 'is' : 'are'} not Jitney’s,* so that people outside have to ask for access to ${vmName(vm)}.`,
        `Stands open, by the rules as of ${time(proposal.at)}: ${open.map(exposureText).join('; ')}.`,
        ...changes.map(({ change }, index) => numbered(`${whatText(change)} ${nowText(change)}`, index)),
        afterwards(proposal),
        `Another operator decides; if none has by ${time(lapsesAt(conversion))}, this lapses. Each rule is changed only while it is exactly like this, nothing else of it changes, and nothing puts it back by itself.`,
      ]
    case 'kept':
      return [
        `*Left as ${changes.length === 1 ? 'it is' : 'they are'}:* ${rules(conversion)} in front of ${vmName(vm)}. ${person(by)} asked ${time(at)} to change ${changes.length === 1 ? 'it' : 'them'}${decided ? `, and ${person(decided.by)} decided ${time(decided.at)} to leave ${changes.length === 1 ? 'it' : 'them'}` : ''}.`,
        `What was asked for, by the rules as of ${time(proposal.at)}:`,
        ...changeLines(conversion),
        'Nothing of this was changed.',
      ]
    case 'lapsed':
      return lapsedLines(conversion)
    case 'agreed':
      return [
        `*Being changed:* ${rules(conversion)} in front of ${vmName(vm)}, ${agreedText(conversion)}.`,
        ...changeLines(conversion),
      ]
    case 'ended':
      return [...endedLines(conversion), ...fromNowOn(conversion)]
    default:
      return state satisfies never
  }
}

const decideButtons = ({ id, changes }: AskedConversion) =>
  actions([
    button(makeId, 'Make the change', id, {
      style: 'danger',
      confirm: {
        title: 'Make the change?',
        text: cut(
          `${changes.map(({ change }) => briefly(change)).join('; ')}. It holds for every VM behind ${changes.length === 1 ? 'that group' : 'these groups'}.`,
          290,
        ),
        confirm: 'Make it',
        deny: 'Back',
      },
    }),
    button(leaveId, 'Leave it', id),
  ])

const message = (lines: readonly string[]): Shown => ({
  text: cut(lines.join('\n'), 3900),
  blocks: sections(lines).slice(0, 49),
})

/** What stands before the operators: the question, and later what became of it. */
export function conversionCard(conversion: AskedConversion): Shown {
  const again = conversion.repeated
    ? [
        'This message may stand here twice. Only this one is kept up to date; the earlier one decides nothing.',
      ]
    : []
  const shown = message([...cardLines(conversion), ...again])
  return conversion.state === 'proposed'
    ? { ...shown, blocks: [...shown.blocks, decideButtons(conversion)] }
    : shown
}

/** How one of them is put back, by its number where there are several. */
function back({ changes }: AskedConversion, change: RuleChange, at: number): string[] {
  const [text = '', command = ''] = backLines(change)
  return [changes.length === 1 ? text : text.replace('put it back', `put change ${at + 1} back`), command]
}

/** What whoever asked is told in the end, with how to put back what was changed. */
export const conversionNews = (conversion: AskedConversion): Shown =>
  message(conversion.state === 'lapsed' ? lapsedLines(conversion) : newsLines(conversion))

const newsLines = (conversion: AskedConversion): string[] => [
  ...endedLines(conversion),
  ...conversion.changes.flatMap((one, at) => (isDone(one) ? back(conversion, one.change, at) : [])),
  ...fromNowOn(conversion),
]
