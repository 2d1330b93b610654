/** A small check of JSON objects that come in through the control API. */
export interface Field {
  type: 'string' | 'number' | 'boolean' | 'object'
  required?: boolean
  allowed?: readonly (string | number)[]
}

export class FieldError extends Error {
  override readonly name = 'FieldError'
  readonly allowed: readonly (string | number)[]

  constructor(message: string, allowed: readonly (string | number)[]) {
    super(message)
    this.allowed = allowed
  }
}

export function readFields(value: object, fields: Record<string, Field>): Record<string, unknown> {
  const read: Record<string, unknown> = {}
  for (const [name, given] of Object.entries(value)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!field) throw new FieldError(`${name}: no such field here`, Object.keys(fields))
    if (typeof given !== field.type || Number.isNaN(given)) {
      throw new FieldError(`${name}: ${JSON.stringify(given)} is not a ${field.type}`, field.allowed ?? [])
    }
    if (field.allowed && !field.allowed.some((each) => each === given)) {
      throw new FieldError(`${name}: ${JSON.stringify(given)} is not allowed`, field.allowed)
    }
    read[name] = given
  }
  for (const [name, field] of Object.entries(fields)) {
    if (field.required && !(name in read)) throw new FieldError(`${name}: missing`, field.allowed ?? [])
  }
  return read
}
