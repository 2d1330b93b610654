import { describe, expect, it } from 'vitest'
import { azureError, readAnswer, retryAfterMs } from '../../src/azure/answer.ts'
import { type Answer, ArmFault, faultOf, isMissing, passes } from '../../src/azure/faults.ts'
import { composeResourceId, expectType, nsgType, parseResourceId } from '../../src/azure/resource-id.ts'
import { Fault } from '../../src/core/fault.ts'

const headers = (values: Record<string, string>) => ({ get: (name: string) => values[name] })
const now = Date.UTC(2026, 10, 23, 14)

describe('Retry-After', () => {
  it.each([
    [{}, null],
    [{ 'retry-after': '' }, null],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': ' 17 ' }, 17_000],
    [{ 'retry-after': 'tomorrow' }, null],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after-ms': '250' }, 250],
    [{ 'x-ms-retry-after-ms': '300', 'retry-after': '9' }, 300],
    [{ 'retry-after-ms': 'x', 'retry-after': '9' }, 9000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 14:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 13:59:00 GMT' }, 0],
    [{ 'retry-after': 'Mon, 23 Nov 2026 14:00:30 GMT', date: 'Mon, 23 Nov 2026 14:00:20 GMT' }, 10_000],
  ])('%j is %s ms', (values, ms) => {
    expect(retryAfterMs(headers(values), now)).toBe(ms)
  })
})

describe('Azure’s error body', () => {
  it.each([
    ['is read', { error: { code: 'A', message: 'x' } }, ['A'], 'x'],
    ['may lack its wrapper', { code: 'A', message: 'x' }, ['A'], 'x'],
    [
      'has its reason in the details',
      { error: { code: 'A', message: 'x', details: [{ code: 'B', message: 'y' }, { message: 'x' }] } },
      ['A', 'B'],
      'x y',
    ],
    [
      'has its reason inside',
      { error: { code: 'A', message: 'x', innererror: { code: 'C' } } },
      ['A', 'C'],
      'x',
    ],
    ['may be a text', 'nope', [], ''],
    ['may be missing', null, [], ''],
    ['may be a list', [{ code: 'A' }], [], ''],
    ['may hold numbers', { error: { code: 7, message: {} } }, [], ''],
  ])('%s', (_what, body, codes, message) => {
    expect(azureError(body)).toEqual({ codes, message })
  })

  it('is looked for in refusals only', () => {
    const bodyAsText = JSON.stringify({ code: 'A', name: 'rule' })
    expect(readAnswer({ status: 200, headers: headers({}), bodyAsText }, now).codes).toEqual([])
    expect(readAnswer({ status: 400, headers: headers({}), bodyAsText }, now).codes).toEqual(['A'])
    expect(readAnswer({ status: 502, headers: headers({}), bodyAsText: '<html>' }, now).codes).toEqual([])
  })
})

const answer = (status: number, ...codes: string[]): Answer => ({
  status,
  codes,
  message: 'what Azure says',
  afterMs: null,
  operationUrl: null,
  requestId: null,
})

describe('whether trying again helps', () => {
  it.each<[boolean, number, string?, string?]>([
    [true, 408],
    [true, 409, 'Conflict'],
    [true, 409, 'AnotherOperationInProgress'],
    [false, 409, 'ScopeLocked'],
    [false, 409, 'ReadOnlyDisabledSubscription'],
    [true, 412, 'PreconditionFailed'],
    [true, 429],
    [true, 429, 'RetryableError', 'RetryableErrorDueToAnotherOperation'],
    [true, 400, 'RetryableError', 'ReferencedResourceNotProvisioned'],
    [false, 400, 'SecurityRuleInvalidPriority'],
    [false, 400],
    [true, 401, 'ExpiredAuthenticationToken'],
    [false, 401, 'InvalidAuthenticationToken'],
    [false, 403, 'AuthorizationFailed'],
    [false, 404, 'ResourceNotFound'],
    [true, 404],
    [true, 500],
    [true, 503, 'ServerBusy'],
    [true, 200, 'Canceled', 'CanceledAndSupersededDueToAnotherOperation'],
    [true, 200, 'InternalServerError'],
    [false, 200, 'SecurityRuleCountLimitReached'],
    [false, 200, 'RequestDisallowedByPolicy'],
  ])('%s: %i %s %s', (helps, status, ...codes) => {
    expect(passes(answer(status, ...codes.filter((code) => code !== undefined)))).toBe(helps)
  })

  it.each([
    [true, 404, 'NotFound'],
    [true, 404, 'ResourceGroupNotFound'],
    [false, 404, 'InvalidResourceType'],
    [false, 400, 'NotFound'],
  ])('missing, %s: %i %s', (missing, status, code) => {
    expect(isMissing(answer(status, code))).toBe(missing)
  })
})

describe('a fault of Azure', () => {
  it('carries what Azure said and wished', () => {
    const fault = faultOf(new Error('x'), { ...answer(429, 'Throttled'), afterMs: 5000 })
    expect(fault).toBeInstanceOf(Fault)
    expect(fault).toMatchObject({
      code: 'Throttled',
      message: 'what Azure says',
      kind: 'try again',
      afterMs: 5000,
    })
    expect(faultOf(new Error('x'), { ...answer(502), message: '' })).toMatchObject({ message: 'HTTP 502' })
  })

  it('is mapped once', () => {
    const fault = faultOf(new Error('x'), null)
    expect(faultOf(fault, answer(403, 'AuthorizationFailed'))).toBe(fault)
  })

  it.each([
    [Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }), 'ECONNRESET'],
    [new Error('odd'), 'connection'],
    ['a text', 'connection'],
    [Object.assign(new Error('x'), { name: 'AbortError' }), 'timeout'],
    [new DOMException('x', 'TimeoutError'), 'timeout'],
  ])('%s is worth another try', (error, code) => {
    expect(faultOf(error, null)).toMatchObject({ code, kind: 'try again', answer: null })
    expect(faultOf(error, null)).toBeInstanceOf(ArmFault)
  })

  it('keeps long texts of Azure short', () => {
    expect(faultOf(new Error('x'), { ...answer(400, 'A'), message: 'y'.repeat(999) }).message).toHaveLength(
      300,
    )
  })
})

describe('a resource id', () => {
  const id = '/subscriptions/S1/resourceGroups/RG/providers/Microsoft.Network/virtualNetworks/V/subnets/Sub'
  const parts = {
    subscriptionId: 's1',
    resourceGroup: 'rg',
    type: 'microsoft.network/virtualnetworks/subnets',
    names: ['v', 'sub'],
  }

  it('is read and written in lower case', () => {
    expect(parseResourceId(id)).toEqual(parts)
    expect(composeResourceId(parts)).toBe(id.toLowerCase())
  })

  it.each([
    '',
    '/subscriptions/s1',
    '/subscriptions/s1/resourceGroups/rg',
    '/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Network',
    '/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks',
    '/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/',
    '/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets',
  ])('%s is none', (text) => {
    expect(parseResourceId(text)).toBeNull()
  })

  it('of another type is a mistake of the program', () => {
    expect(() => expectType(id, nsgType)).toThrow(TypeError)
    expect(expectType(id, parts.type)).toEqual({ ...parts, name: 'sub' })
  })
})
