import type { TokenCredential } from '@azure/identity'
import { connectArm } from './azure/arm.ts'
import { azureRoles } from './azure/azure-roles.ts'
import { defenderFirewall } from './azure/defender-firewall.ts'
import { entraUsers } from './azure/entra-users.ts'
import { armExamination } from './azure/examination.ts'
import { armFlow } from './azure/flow.ts'
import { nsgFlusher } from './azure/flush.ts'
import { armInventory } from './azure/inventory.ts'
import { jitWriter } from './azure/jit-writer.ts'
import { nsgFirewall } from './azure/nsg-firewall.ts'
import { armPosture } from './azure/posture.ts'
import { nsgShield } from './azure/shield.ts'
import { armSurroundings } from './azure/surroundings.ts'
import { armSurvey } from './azure/survey.ts'
import { armTopology } from './azure/topology.ts'
import type { AzureConfig } from './config.ts'
import type { Clock } from './ports.ts'

/** Everything that the bot does with Azure, behind its ports. Nothing is sent before the first call. */
export function connectAzure(config: AzureConfig, clock: Clock, credential?: TokenCredential) {
  const arm = connectArm({
    clock,
    cloud: config.AZURE_CLOUD,
    endpoint: config.AZURE_RESOURCE_MANAGER_URL,
    entraEndpoint: config.GRAPH_URL,
    subscriptionIds: config.AZURE_SUBSCRIPTION_IDS ?? null,
    otherTenants: config.AZURE_TENANT_IDS,
    ...(credential && { credential }),
    identity: {
      tokenCredentials: config.AZURE_TOKEN_CREDENTIALS,
      tenantId: config.AZURE_TENANT_ID,
      clientId: config.AZURE_CLIENT_ID,
      clientSecret: config.AZURE_CLIENT_SECRET,
      federatedTokenFile: config.AZURE_FEDERATED_TOKEN_FILE,
      identityEndpoint: config.IDENTITY_ENDPOINT,
    },
  })
  const entra = entraUsers(arm)
  return {
    seen: arm.seen,
    entra,
    azureRoles: azureRoles({ arm, entra }),
    examination: armExamination({ arm }),
    survey: armSurvey({ arm }),
    inventorySource: armInventory({ arm }),
    posture: armPosture({ arm }),
    topology: armTopology({ arm }),
    surroundings: armSurroundings({ arm }),
    firewall: nsgFirewall({ arm }),
    flow: armFlow({ arm }),
    defender: defenderFirewall({ arm }),
    flusher: nsgFlusher({ arm }),
    shield: nsgShield({ arm }),
    jitPolicies: jitWriter({ arm }),
  }
}
