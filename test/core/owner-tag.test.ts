import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ownersIn } from '../../src/core/owner-tag.ts'

const owners = (tags: Record<string, string>, tag = 'owner') => ownersIn({ tags }, tag)
const nobody = { users: [], groups: [], emails: [], problems: [] }

describe('the owners in a tag', () => {
  it.each([
    ['U0AVERY', { users: ['U0AVERY'] }],
    ['W0AVERY', { users: ['W0AVERY'] }],
    ['S0LEADS', { groups: ['S0LEADS'] }],
    ['Avery@Example.com', { emails: ['avery@example.com'] }],
    [
      'U0AVERY,S0LEADS;lee@example.com',
      { users: ['U0AVERY'], groups: ['S0LEADS'], emails: ['lee@example.com'] },
    ],
    [' U0AVERY ,; U0ALEX\tU0LEE ', { users: ['U0AVERY', 'U0ALEX', 'U0LEE'] }],
    ['U0AVERY U0AVERY', { users: ['U0AVERY'] }],
    ['a@b.example, A@B.example', { emails: ['a@b.example'] }],
  ])('%s', (value, expected) => {
    expect(owners({ owner: value })).toEqual({ ...nobody, ...expected })
  })

  it.each([
    'avery',
    '@avery',
    'u0avery',
    'C0CHANNEL',
    'avery@',
    '@example.com',
    'a@b@c.example',
    'S0',
    '<@U0AVERY>',
  ])('name nobody by “%s”, and say so', (value) => {
    expect(owners({ owner: value })).toEqual({
      ...nobody,
      problems: [`“${value}” is neither a Slack id nor an e-mail address`],
    })
  })

  it('are found whatever the case of the tag’s name', () => {
    expect(owners({ Owner: 'U0AVERY' }, 'oWNER').users).toEqual(['U0AVERY'])
  })

  it('are nobody without the tag, and with an empty one', () => {
    expect(owners({ team: 'U0AVERY' })).toEqual({ ...nobody, problems: ['the VM has no tag owner'] })
    for (const value of ['', ' ', ',;']) {
      expect(owners({ owner: value })).toEqual({ ...nobody, problems: ['the tag owner is empty'] })
    }
  })

  it('are each word of the tag once, and nothing that is not in it', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const { users, groups, emails, problems } = owners({ owner: value })
        for (const found of [...users, ...groups]) expect(value).toContain(found)
        for (const email of emails) expect(value.toLowerCase()).toContain(email)
        expect(users.length + groups.length + emails.length + problems.length).toBeGreaterThan(0)
      }),
    )
  })
})
