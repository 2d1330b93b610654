export type Json = { [key: string]: unknown }

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Form bodies carry only strings, JSON bodies carry numbers and booleans: both come out as text. */
export function textOf(args: Json, key: string): string {
  const value = args[key]
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

export function flag(args: Json, key: string): boolean {
  return ['true', '1'].includes(textOf(args, key))
}

export function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isJson) : []
}

/** `undefined` when the argument is absent, `null` when it is there but is no JSON. */
export function structured(args: Json, key: string): unknown {
  const value = args[key]
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return null
  }
}
