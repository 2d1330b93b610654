import type { Vm } from './vm.ts'

/** Whom a tag names, and what in it names nobody. */
export interface Owners {
  readonly users: readonly string[]
  readonly groups: readonly string[]
  readonly emails: readonly string[]
  readonly problems: readonly string[]
}

const userForm = /^[UW][A-Z0-9]{2,}$/
const groupForm = /^S[A-Z0-9]{2,}$/
const emailForm = /^[^@\s]+@[^@\s]+\.[^@\s]+$/

/** Reads the people and groups out of a tag’s value: Slack ids and e-mail addresses with commas, semicolons or spaces between. */
export function ownersIn(vm: Pick<Vm, 'tags'>, tagName: string): Owners {
  const wanted = tagName.toLowerCase()
  // Azure takes no notice of case in the names of tags.
  const value = Object.entries(vm.tags).find(([name]) => name.toLowerCase() === wanted)?.[1]
  const none = { users: [], groups: [], emails: [] }
  if (value === undefined) return { ...none, problems: [`the VM has no tag ${tagName}`] }
  const words = [...new Set(value.split(/[,;\s]+/).filter((word) => word !== ''))]
  if (words.length === 0) return { ...none, problems: [`the tag ${tagName} is empty`] }
  const users = words.filter((word) => userForm.test(word))
  const groups = words.filter((word) => groupForm.test(word))
  const emails = words.filter((word) => emailForm.test(word)).map((word) => word.toLowerCase())
  const others = words.filter((word) => ![userForm, groupForm, emailForm].some((form) => form.test(word)))
  return {
    users,
    groups,
    emails: [...new Set(emails)],
    problems: others.map((word) => `“${word}” is neither a Slack id nor an e-mail address`),
  }
}
