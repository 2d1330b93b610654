import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import { rule, securityGroup } from '../../src/simulator/world-builder.ts'
import { production } from '../support/simulator.ts'
import { createWorld, type Name, type World } from '../support/world.ts'

let world: World
const vms = async (filter = '', name: Name = 'robin') => {
  await world.asks(name, `vms ${filter}`)
  return world.ephemerals(name).at(-1) ?? ''
}
const message = (name: Name = 'robin') => {
  const found = world.slack.ephemerals(name).at(-1)
  if (!found) throw new Error('There is no answer.')
  return found
}
/** What stands under one heading of the answer. */
const group = (answer: string, heading: string): string =>
  answer
    .slice(answer.indexOf(heading))
    .split(/\n(?=(?:Configured|Recommended|Unsupported|Not known|As Azure))/)[0] ?? ''

describe('/jit vms', () => {
  beforeEach(async () => {
    world = await createWorld()
  })
  afterEach(() => world.close())

  test('tells three groups, each VM with its reason, and of when that is', async () => {
    const answer = await vms()
    expect(group(answer, 'Configured (7)')).toMatch(
      /vm-mdc01 \(rg-shop, Production\): guarded by the policy default of Defender for Cloud\. No access so far that I know of\./,
    )
    expect(group(answer, 'Configured')).toMatch(
      /vm-db01 \(rg-shop, Production\): may be asked for, by the policy file’s rule “two people agree to let somebody into production”/,
    )
    expect(group(answer, 'Recommended')).toMatch(
      /vm-open01 \(rg-ops, Production\): Stands open: RDP \(3389\) to anybody \(from any source\), by the rule rdp-for-everyone in nsg-open01-nic\./,
    )
    expect(group(answer, 'Unsupported (1)')).toMatch(
      /vm-bare01 .*: no security group is in front of .*, so no rule keeps anybody out\./,
    )
    expect(answer).not.toMatch(/Not known/)
    expect(answer).toMatch(
      /As Azure showed it: rules as of 2026-11-23 09:00 UTC, VMs as of 2026-11-23 09:00 UTC/,
    )
  })

  test('is narrowed down by a part of a name, a resource group, or what is open', async () => {
    const shop = await vms('rg-shop web')
    expect(shop).toMatch(/Configured \(1\)\n.*vm-web01/)
    expect(shop).not.toMatch(/vm-db01|vm-open01/)
    const open = await vms('open')
    expect(open).toMatch(/VMs that fit “open”/)
    expect(open).toMatch(/Configured: none/)
    expect(open).toMatch(/vm-open01/)
    expect(open).toMatch(/vm-bare01/)
    expect(await vms('nothing-like-it')).toMatch(
      /VMs that fit “nothing-like-it”: there is none that I can see\./,
    )
    // A part of a name may be a word of a request elsewhere.
    expect(await vms('from')).toMatch(/VMs that fit “from”/)
  })

  test('says who had access last, by Jitney', async () => {
    await world.asks('robin', 'ssh vm-web01 15m from 81.2.69.142')
    expect(await vms('web01')).toMatch(/vm-web01 .*Last access: @robin, 2026-11-23 09:00 UTC\./)
    expect(await vms('web01', 'lee')).toMatch(/Last access: @robin/)
    // What Jitney opened has an end, so it does not stand open.
    expect(world.ourRules()).toHaveLength(1)
    expect(await vms('web01')).not.toMatch(/Stands open/)
  })

  test('shows nothing to somebody who is not a member', async () => {
    world.people.mallory.becomes({ guest: true })
    const answer = await vms('', 'mallory')
    expect(answer).toMatch(/You cannot see how VMs are guarded: this is the account of a guest\./)
    expect(answer).not.toMatch(/vm-/)
  })

  test('calls nothing fine that it could not read', async () => {
    world.azure.fault({
      kind: 'forbidden',
      path: `${production}/providers/Microsoft.Network/networkSecurityGroups`,
    })
    const answer = await vms()
    expect(answer).toMatch(/Not read: the security groups of Production/)
    expect(group(answer, 'Not known (5)')).toMatch(
      /vm-open01 .*: the rules of nsg-open01-nic could not be read\./,
    )
    expect(group(answer, 'Configured')).toMatch(
      /vm-mdc01 .* Not everything in front of it could be read, so more may stand open\./,
    )
    expect(group(answer, 'Configured')).toMatch(/vm-stopped01/)
    expect(answer).not.toMatch(/Stands open/)
    // As soon as it can be read again, it is.
    world.azure.clearFaults()
    expect(await vms('open01')).toMatch(/Recommended: .* \(1\)/)
  })

  test('a rule that was changed meanwhile is seen a minute later, and the answer says of when it is', async () => {
    await vms()
    world.azure.mutate({
      do: 'put-rule',
      nsg: 'nsg-web-subnet',
      ...rule('ssh-for-all', 400, { sourceAddressPrefix: 'Internet', destinationPortRange: '22' }),
    })
    expect(await vms('web01')).toMatch(/rules as of 2026-11-23 09:00 UTC/)
    await world.passes('2m')
    const answer = await vms('web01')
    expect(answer).toMatch(
      /Recommended: .*\(1\)\n.*SSH \(22\) to anybody on the internet, by the rule ssh-for-all/,
    )
    expect(answer).toMatch(/rules as of 2026-11-23 09:02 UTC/)
  })
})

describe('many VMs', () => {
  test('are told in part, with how many there are', async () => {
    const { bigWorld } = await import('../../src/simulator/big-world.ts')
    world = await createWorld({ simulator: { world: bigWorld({ vms: 120, nsgs: 3 }) } })
    const answer = await vms()
    expect(answer).toMatch(/\(120\)/)
    expect(answer).toMatch(/and 110 VMs more; add a part of a name\./)
    await world.close()
  })
})

/** What the button beside the open VM answers. */
const proposal = async () => {
  await vms('open01')
  await world.clicks('robin', 'convert', message())
  return world.ephemerals('robin').at(-1) ?? ''
}

describe('Convert to JIT', () => {
  const ops = { subscriptionId: production, resourceGroup: 'rg-ops', location: 'westeurope' }
  const withGroup = (...rules: ReturnType<typeof rule>[]) => {
    const made = demoWorld()
    const resources = made.resources.filter(({ id }) => !id.endsWith('/nsg-open01-nic'))
    return { ...made, resources: [...resources, securityGroup(ops, 'nsg-open01-nic', rules)] }
  }
  afterEach(() => world.close())
  const at = `--subscription ${production} --resource-group "rg-ops" --nsg-name nsg-open01-nic`

  test('says which rule would change and how, changes nothing, and says that too', async () => {
    world = await createWorld()
    const answer = await proposal()
    expect(answer).toMatch(/From standing access to access on request: vm-open01/)
    expect(answer).toMatch(/Nothing is changed by this: this rule is not mine\./)
    expect(answer).toMatch(/its sources are any and become VirtualNetwork\./)
    expect(answer).toContain(
      `az network nsg rule update ${at} --name rdp-for-everyone --source-address-prefixes VirtualNetwork`,
    )
    expect(answer).toContain(
      `az network nsg rule update ${at} --name rdp-for-everyone --source-address-prefixes '*'`,
    )
    expect(answer).toMatch(
      /After that nothing stands open to people outside .* People then ask for access, as in \/jit rdp vm-open01 30m/,
    )
    expect(world.azure.calls().filter(({ method }) => method === 'PUT' || method === 'DELETE')).toEqual([])
    expect(world.passesTo('vm-open01', 3389, '8.8.8.8')).toBe(true)
  })

  test('what it proposes closes what stood open, and leaves the other ports as they were', async () => {
    world = await createWorld({
      simulator: {
        world: withGroup(
          rule('everything', 300, { sourceAddressPrefix: 'Internet', destinationPortRange: '20-4000' }),
          rule('for the office', 310, {
            sourceAddressPrefix: '81.2.69.0/24',
            destinationPortRange: '3389',
            description: 'The office.',
          }),
        ),
      },
    })
    const answer = await proposal()
    expect(answer).toMatch(
      /its ports are 20-4000 and become 20-21, 23-3388 and 3390-4000\. What it does for the other ports stays\./,
    )
    expect(answer).toContain(
      `az network nsg rule update ${at} --name everything --destination-port-ranges 20-21 23-3388 3390-4000`,
    )
    // The rule behind it comes to light only once that one is changed; its name does not go into a shell.
    expect(answer).toMatch(/Remove the rule for the office \(priority 310\) in nsg-open01-nic/)
    expect(answer).toMatch(/could mean something else to a shell/)
  })

  test('says so when the rule is gone by now', async () => {
    world = await createWorld()
    await vms('open01')
    const before = message()
    world.azure.mutate({ do: 'delete-rule', nsg: 'nsg-open01-nic', name: 'rdp-for-everyone' })
    await world.clicks('robin', 'convert', before)
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /vm-open01 .*: no rule that I could read, as of .*, lets anybody outside in to a management port for good\./,
    )
  })
})
