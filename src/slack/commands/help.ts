import type { Service } from '../../core/service.ts'
import { portsText } from '../../core/service.ts'
import { words } from '../words.ts'

/** What `/jit help` answers. */
export function helpText(services: readonly Service[], page = false): string {
  const known = services.map(
    (service) => `${words(service.name, 40)} (${words(portsText(service.ports), 100)})`,
  )
  return [
    `*Ask for access to a VM:* \`${words('/jit <service> <vm> <duration> [from <address>] [because <reason>]')}\``,
    '• `/jit rdp vm-jump01 30m`',
    '• `/jit ssh,443/tcp vm-web01 2h from 81.2.69.142 because deploying the fix`',
    '• `/jit rdp rg-ops/vm-jump01 until 18:00`, with the resource group, when two VMs have the same name',
    '• `/jit rdp vm-jump01 1h at 18:00`, or `tomorrow 9:00`, to begin later',
    '*Why the policy says what it says:* `/jit why rdp vm-jump01 30m`, without asking anybody.',
    `*Services:* ${known.join(', ')}, or a port such as 443/tcp.`,
    `*Address:* ${page ? 'leave it out and I send you a link to a page that reads it' : 'leave it out and I ask you for it'}, or type the public address that you connect from after \`from\`. \`/jit ip\` shows what I remember of it, and \`/jit ip forget\` forgets it.`,
    '*Stay longer:* `/jit extend` with the id of the request and how much longer, as in `/jit extend 7k3m9x2pqr 30m`.',
    '*No time to wait for a yes:* `/jit break-glass rdp vm-jump01 30m because the shop is down`, where the policy allows it. Everybody who was passed over is told, and somebody else has to sign for it afterwards.',
    '*Stop:* the buttons on your message, or `/jit cancel` and `/jit close` with the id of the request.',
    '*Stop everything,* if you are an operator: `/jit panic all because the jump host is compromised`, or `vm`, `subscription` or `person` and a name instead of `all`; `/jit panic lift because it is clean` ends that.',
    '*Keep a VM shut,* if you are an operator: `/jit protect vm-web01`; `/jit unprotect vm-web01` undoes just that. `/jit protect vm-web01 remove rdp-for-everyone` has another operator asked about a rule that still lets somebody in.',
    '*VMs and how they are guarded:* `/jit vms`, or with a part of a name, as in `/jit vms open rg-shop`.',
    '*How things stand:* `/jit status`.',
  ].join('\n')
}
