import { verbOf } from './actions.ts'
import type { Answer, ArmCall } from './arm-call.ts'
import { ArmError, badRequest } from './errors.ts'
import type { Lock } from './world.ts'

function covers(scope: string, id: string): boolean {
  const [outer, inner] = [scope.toLowerCase(), id.toLowerCase()]
  return inner === outer || inner.startsWith(`${outer}/`)
}

/** CanNotDelete lets a resource be changed; ReadOnly blocks deletes, writes and actions alike. */
export function refuseWhenLocked(call: ArmCall): void {
  if (call.method === 'GET' || call.method === 'HEAD' || call.sim.resources.locks.length === 0) return
  const { full } = call.path
  const held = call.sim.resources.locks.filter(
    (lock) => covers(lock.scope, full) && (lock.level === 'ReadOnly' || call.method === 'DELETE'),
  )
  if (held.length === 0) return
  const scopes = held.map((lock) => lock.scope).join(',')
  throw new ArmError(
    409,
    'ScopeLocked',
    `The scope '${full}' cannot perform ${verbOf(call.method)} operation because following scope(s) are locked: '${scopes}'. Please remove the lock and try again.`,
  )
}

/** The locks at or above a scope and, unless told otherwise, those inside it. */
export function listLocks(call: ArmCall): Answer {
  const { scope } = call.path
  const filter = call.query.get('$filter')
  if (filter !== null && filter.toLowerCase() !== 'atscope()')
    throw badRequest('UnsupportedQuery', `The filter '${filter}' is not supported. Supported is 'atScope()'.`)
  const value = call.sim.resources.locks
    .filter((lock) => covers(lock.scope, scope) || (filter === null && covers(scope, lock.scope)))
    .map(lockBody)
  return { status: 200, body: { value } }
}

function lockBody(lock: Lock): object {
  return {
    id: `${lock.scope}/providers/Microsoft.Authorization/locks/${lock.name}`,
    name: lock.name,
    type: 'Microsoft.Authorization/locks',
    properties: { level: lock.level },
  }
}
