import { isJson, type Json } from './json.ts'

/** Collects what Slack would complain about, with Slack's pointers. */
export interface Complaints {
  add: (problem: string, pointer: string) => void
}

export type Check = (value: unknown, pointer: string, complaints: Complaints) => void

export function complaintList(): Complaints & { lines: string[] } {
  const lines: string[] = []
  return { lines, add: (problem, pointer) => lines.push(`${problem} [json-pointer:${pointer}]`) }
}

export function string(max = Infinity, min = 0): Check {
  return (value, pointer, complaints) => {
    if (typeof value !== 'string') complaints.add('must be a string', pointer)
    else if (value.length > max) complaints.add(`must be less than ${max + 1} characters`, pointer)
    else if (value.length < min) complaints.add(`must be more than ${min - 1} characters`, pointer)
  }
}

export function oneOf(...allowed: readonly unknown[]): Check {
  return (value, pointer, complaints) => {
    if (!allowed.includes(value)) complaints.add(`value not allowed: ${JSON.stringify(value)}`, pointer)
  }
}

export const boolean: Check = (value, pointer, complaints) => {
  if (typeof value !== 'boolean') complaints.add('must be a boolean', pointer)
}

export function integer(min: number, max: number): Check {
  return (value, pointer, complaints) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) complaints.add('must be an integer', pointer)
    else if (value < min || value > max) complaints.add(`must be between ${min} and ${max}`, pointer)
  }
}

export const anything: Check = () => {}

export function list(each: Check, max: number, min = 1): Check {
  return (value, pointer, complaints) => {
    if (!Array.isArray(value)) {
      complaints.add('must be an array', pointer)
      return
    }
    if (value.length > max) complaints.add(`no more than ${max} items allowed`, pointer)
    if (value.length < min) complaints.add(`no less than ${min} items allowed`, pointer)
    for (const [index, item] of value.entries()) each(item, `${pointer}/${index}`, complaints)
  }
}

export interface Fields {
  readonly [field: string]: Check
}

/** An object with these fields and no others, as Slack insists. `type` is the caller's to judge. */
export function object(required: Fields, optional: Fields = {}): Check {
  const known = new Map([...Object.entries(required), ...Object.entries(optional)])
  return (value, pointer, complaints) => {
    if (!isJson(value)) {
      complaints.add('must be an object', pointer)
      return
    }
    for (const name of Object.keys(required)) {
      if (value[name] === undefined) complaints.add(`missing required field: ${name}`, pointer)
    }
    for (const [name, content] of Object.entries(value)) {
      const check = known.get(name)
      if (check !== undefined) {
        if (content !== undefined) check(content, `${pointer}/${name}`, complaints)
      } else if (name !== 'type') complaints.add(`invalid additional property: ${name}`, pointer)
    }
  }
}

/** Chooses the check by the value's `type`, and refuses the types that it does not know. */
export function byType(kinds: { readonly [type: string]: Check }): Check {
  return (value, pointer, complaints) => {
    const type = isJson(value) ? value['type'] : undefined
    const check = typeof type === 'string' && Object.hasOwn(kinds, type) ? kinds[type] : undefined
    if (check !== undefined) check(value, pointer, complaints)
    else if (!isJson(value)) complaints.add('must be an object', pointer)
    else if (type === undefined) complaints.add('missing required field: type', pointer)
    else complaints.add(`unsupported type: ${JSON.stringify(type)}`, `${pointer}/type`)
  }
}

/** Adds a rule that concerns several fields of one object. */
export function also(
  check: Check,
  rule: (value: Json, pointer: string, complaints: Complaints) => void,
): Check {
  return (value, pointer, complaints) => {
    check(value, pointer, complaints)
    if (isJson(value)) rule(value, pointer, complaints)
  }
}
