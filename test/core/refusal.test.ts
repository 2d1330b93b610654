import { expect, it } from 'vitest'
import { type Refusal, refusalText, type Wording } from '../../src/core/refusal.ts'
import { bob, carol, clock, timeOf } from '../support/cases.ts'

const wording: Wording = {
  person: ({ userId }) => `@${userId}`,
  user: (userId) => `@${userId}`,
  group: (groupId) => `@group-${groupId}`,
  channel: (channelId) => `#${channelId}`,
  time: timeOf,
  words: (text) => text,
}

const all: { [Code in Refusal['code']]: readonly Extract<Refusal, { code: Code }>[] } = {
  'unknown request': [{ code: 'unknown request' }],
  'not a member': [{ code: 'not a member', why: 'this is the account of a guest' }],
  'own request': [{ code: 'own request' }],
  'own emergency': [{ code: 'own emergency' }],
  'not an approver': [
    { code: 'not an approver', users: ['UBOB'], groups: ['SOPS'] },
    { code: 'not an approver', users: [], groups: [] },
  ],
  'not your turn': [{ code: 'not your turn', users: ['UBOB'], groups: ['SOPS'] }],
  'not yours to cancel': [{ code: 'not yours to cancel' }],
  'not yours to extend': [{ code: 'not yours to extend' }],
  'nothing to extend': [{ code: 'nothing to extend' }],
  unjustified: [{ code: 'unjustified' }],
  'not yours to comment': [{ code: 'not yours to comment' }],
  'not an operator': [
    { code: 'not an operator', users: ['UDAVE'], groups: ['SOPS'] },
    { code: 'not an operator', users: [], groups: [] },
  ],
  'operators only': [{ code: 'operators only' }],
  panic: [{ code: 'panic', by: bob, at: clock('09:00'), reason: 'the jump host is compromised' }],
  stopped: [{ code: 'stopped', by: bob, at: clock('09:00'), reason: 'the laptop is lost' }],
  'not yours to sign': [{ code: 'not yours to sign' }],
  'nothing to sign': [{ code: 'nothing to sign' }],
  'not less': [{ code: 'not less' }],
  'defender refuses': [{ code: 'defender refuses', vm: 'vm-mdc01', why: 'it opens nothing for IPv6' }],
  'address changed': [{ code: 'address changed', address: '89.160.20.112' }],
  'address stays': [{ code: 'address stays' }],
  'newer address': [{ code: 'newer address', address: '89.160.20.112' }],
  'moved meanwhile': [{ code: 'moved meanwhile' }],
  'not yours to move': [{ code: 'not yours to move' }],
  'no extra time': [{ code: 'no extra time' }],
  'not yours to close': [{ code: 'not yours to close' }],
  'already reviewed': [
    { code: 'already reviewed' },
    { code: 'already reviewed', waitsFor: { users: ['UCAROL'], groups: ['SOPS'] } },
  ],
  'already decided': [
    { code: 'already decided', state: 'approved', by: [bob, carol], at: clock('09:05') },
    { code: 'already decided', state: 'lapsed', by: [], at: clock('10:00') },
    { code: 'already decided', state: 'approved', by: [bob], at: clock('09:05'), closes: 'r7k3m9x2' },
  ],
  'already closing': [{ code: 'already closing', since: clock('09:08') }],
  'already closed': [{ code: 'already closed', at: clock('09:09') }],
  'nothing to close': [{ code: 'nothing to close' }],
  'policy changed': [
    { code: 'policy changed', because: 'no rule of the policy matches' },
    { code: 'policy changed', because: 'an hour is too long', less: true },
  ],
  'requester gone': [{ code: 'requester gone' }],
  'approvers unknown': [{ code: 'approvers unknown' }],
  'identity unknown': [
    { code: 'identity unknown', of: 'you' },
    { code: 'identity unknown', of: 'requester' },
  ],
  'no time left': [{ code: 'no time left' }],
}

const sentences = Object.values(all)
  .flat()
  .map((refusal) => refusalText(refusal, wording))

it('says what is wrong, what still holds and what to do next', () => {
  expect(sentences.join('\n')).toMatchInlineSnapshot(`
    "There is no such request here, so nothing changed. Ask again with \`/jit\`.
    Nothing changed: this is the account of a guest. Only full, active members of this workspace may do this.
    Nobody decides on their own request, so nothing changed. It still waits for somebody else.
    Nobody reviews what they did themselves, so nothing changed. It still waits for another person’s signature.
    You are not an approver for this request, so nothing changed. The policy names @UBOB, @group-SOPS.
    You are not an approver for this request, so nothing changed. The policy names nobody.
    Your turn comes later, so nothing changed. First @UBOB, @group-SOPS must approve.
    Only the person who asked may cancel a request, so nothing changed. An approver can deny it.
    Only the person who asked may ask for more time, so nothing changed.
    This access is not open, so it cannot be made longer. Ask again with \`/jit\`.
    This emergency was marked as not justified, so it cannot be made longer. It ends at its own time. Ask again with \`/jit\`.
    Only the person who asked and the approvers are heard here, so nothing was passed on.
    Only the operators whom the policy names may do this, so nothing changed. They are: @UDAVE, @group-SOPS.
    Only operators may do this, and the policy names none, so nothing changed.
    Only operators may do this, and you are none, so nothing changed. Ask one of them.
    Stopped: @UBOB stopped all such access at 09:00: the jump host is compromised. Nothing was opened; it can be asked for again once that is lifted.
    You are stopped: @UBOB stopped all your access at 09:00: the laptop is lost. Until another operator lifts that, you can approve, sign and lift nothing, so nothing changed.
    Only an operator, or whoever the policy names to review or to approve such access, may sign this, so nothing changed.
    There is nothing to sign here: somebody has done that already, or nobody needed to.
    That is not less than what was asked for, so nothing changed. Use Approve for all of it.
    Access to vm-mdc01 cannot be opened like this: it opens nothing for IPv6. Nothing was stored.
    The address of this request has changed to 89.160.20.112 since the card that you clicked on was drawn, so your yes does not count. Look at the card again, and decide about that address.
    This request neither waits for approval nor is open any more, so its address stays as it is. Ask again with \`/jit\`.
    This request has the address 89.160.20.112, which was confirmed later than this one, so nothing changed.
    Another request for this access was made at the same moment, so nothing changed. Look at that one, and try again.
    Only the person who asked can change the address, so nothing changed.
    That would end before the access that it is to follow, so nothing changed. Leave some of the extra time, or deny it.
    Only the person who asked, an approver or an operator may close this access, so nothing changed. Ask one of them.
    Your approval already counts. The request is waiting for somebody else’s.
    You have said yes already, and that stands: nothing more is needed from you. The request waits for @UCAROL, @group-SOPS.
    Too late: this request was already approved by @UBOB, @UCAROL at 09:05. Nothing changed.
    Too late: this request has already lapsed at 10:00. Nothing changed.
    This request was approved by @UBOB at 09:05, so there is nothing to cancel. \`/jit close r7k3m9x2\` ends the access.
    This access has been closing since 09:08. The thread will say when it is closed.
    This access was closed at 09:09. There is nothing left to close.
    No access was opened for this request, so there is nothing to close. While it waits for approval, it can be canceled.
    The policy no longer allows this request (no rule of the policy matches), so nothing was opened. It can only be denied, or asked for again.
    The policy no longer allows this request (an hour is too long), so nothing was opened. Approve less of it or deny it; it can also be asked for again.
    It is not confirmed that the person who asked is a full, active member, so nothing was opened. The request still waits: try again in a minute, or deny it.
    Those who approved before you could not be confirmed just now, so your yes was not taken. Click again in a minute.
    Entra could not tell just now who you are or whether your account there is active, so nothing changed. Try again in a minute, and tell whoever looks after this app if it stays so.
    Entra could not tell just now who the person who asked is or whether their account there is active, so nothing changed. Try again in a minute, and tell whoever looks after this app if it stays so.
    The end that was asked for has come, so nothing was opened. The person can ask again."
  `)
})

it('is whole sentences, and different ones', () => {
  expect(new Set(sentences).size).toBe(sentences.length)
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/)
  expect(sentences.join(' ')).not.toMatch(/undefined|null|NaN|\[object/)
})
