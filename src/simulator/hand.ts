import type { Change } from './changes.ts'
import { FieldError } from './fields.ts'
import { failed } from './group-operations.ts'
import type { SecurityGroup } from './security-groups.ts'
import type { Simulation } from './simulation.ts'
import { findMachine } from './topology.ts'
import type { ArmResource } from './world.ts'

/** A security group by its id, or by its name when only one has it. */
export function findGroup(sim: Simulation, idOrName: string): SecurityGroup {
  const named = sim.resources.named('microsoft.network/networksecuritygroups', idOrName)
  const id = idOrName.startsWith('/') ? idOrName : named.length === 1 ? (named[0]?.id ?? '') : ''
  const group = sim.group(id)
  if (!group) throw new FieldError(`nsg: ${JSON.stringify(idOrName)} names no single security group`, [])
  return group
}

function machineOf(sim: Simulation, idOrName: string): ArmResource {
  const machine = findMachine(sim, idOrName)
  if (!machine) throw new FieldError(`vm: ${JSON.stringify(idOrName)} names no single machine`, [])
  return machine
}

/** Changes the world the way a person in the portal does, past every check of ARM and at once. */
export function applyChange(sim: Simulation, change: Change): void {
  const now = sim.now()
  switch (change.do) {
    case 'put-rule': {
      const { name, properties } = change
      return findGroup(sim, change.nsg).put({ name, properties }, 'hand', now)
    }
    case 'delete-rule':
      return findGroup(sim, change.nsg).delete(change.name, 'hand', now)
    case 'rename-rule':
      return renameRule(findGroup(sim, change.nsg), change.name, change.to, now)
    case 'delete':
      return deleteResource(sim, change.id, now)
    case 'rename-vm':
      return renameMachine(sim, machineOf(sim, change.vm), change.to)
    case 'power':
      return sim.resources.put({ ...machineOf(sim, change.vm), powerState: `PowerState/${change.state}` })
    case 'lock':
      sim.resources.locks.push({ scope: change.scope, level: change.level, name: change.name ?? 'lock' })
      return
    case 'unlock': {
      const { locks } = sim.resources
      const kept = locks.filter((lock) => lock.scope.toLowerCase() !== change.scope.toLowerCase())
      locks.splice(0, locks.length, ...kept)
      return
    }
    case 'forget-operations':
      return sim.operations.forget()
  }
}

function renameRule(group: SecurityGroup, name: string, to: string, now: number): void {
  const properties = group.rule(name)?.shown
  if (!properties) throw new FieldError(`name: no rule ${JSON.stringify(name)}`, [...group.rules.keys()])
  group.delete(name, 'hand', now)
  group.put({ name: to, properties }, 'hand', now)
}

/** A resource, or a whole resource group by its id. */
function deleteResource(sim: Simulation, id: string, now: number): void {
  const [, , subscription = '', kind = '', group = '', ...rest] = id.split('/')
  const wholeGroup = kind.toLowerCase() === 'resourcegroups' && group !== '' && rest.length === 0
  const gone = wholeGroup ? sim.resources.deleteGroup(subscription, group) : [sim.resources.delete(id)]
  for (const resource of gone) {
    if (!resource) throw new FieldError(`id: ${JSON.stringify(id)} names nothing`, [])
    const running = sim.groups.get(resource.id)?.running
    if (running) sim.operations.end(running, failed('ResourceNotFound', 'The resource is gone.', false), now)
    sim.groups.remove(resource.id, 'hand', now)
  }
}

function renameMachine(sim: Simulation, machine: ArmResource, to: string): void {
  const id = machine.id.slice(0, machine.id.lastIndexOf('/') + 1) + to
  sim.resources.delete(machine.id)
  sim.resources.put({ ...machine, id, name: to })
  for (const { id: nicId } of machine.properties.networkProfile?.networkInterfaces ?? []) {
    const nic = sim.resources.get(nicId)
    if (nic) sim.resources.put({ ...nic, properties: { ...nic.properties, virtualMachine: { id } } })
  }
}
