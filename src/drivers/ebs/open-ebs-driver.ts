import { join } from 'node:path'
import { ConvoyError, isConvoyError } from '../../errors.js'
import { pause, startTimer } from '../../host/clock.js'
import { openInstanceIdentity } from '../../host/instance-identity.js'
import { type Identity, InstanceMetadata } from '../../host/instance-metadata.js'
import { MountHolders } from '../../host/mount-holders.js'
import { readMountTable } from '../../host/mount-table.js'
import { SystemBlockDevices } from '../../host/system-block-devices.js'
import { optional } from '../../model/optional.js'
import { parseOptions } from '../../model/options.js'
import type { DriverSetup } from '../registry.js'
import { AwsEc2Api } from './aws-ec2-api.js'
import type { Owner } from './ebs-deps.js'
import { EbsDriver } from './ebs-driver.js'
import { ebsDriverOptions } from './ebs-options.js'
import { ownerTags } from './volume-tags.js'

const firstAnswerMs = 15_000

/**
 * Opens the ebs driver on this instance. ConvoyError `unavailable` on what is no instance of EC2, and was none before; at the first start
 * also `invalid-argument` when EC2 refuses to be asked.
 */
export async function openEbsDriver(setup: DriverSetup): Promise<EbsDriver> {
  const { options, root, hostId, cluster, isFirstStart = false, now, log } = setup
  const defaults = parseOptions(ebsDriverOptions, options, 'option of driver ebs')
  const identity = await identify(root, log)
  const region = defaults.region ?? identity.region
  const api = new AwsEc2Api({ region: () => Promise.resolve(region), ...optional('endpoint', defaults.endpoint) })
  const owner = { host: hostId, ...optional('cluster', cluster) }
  if (isFirstStart) await refuseRefused(api, owner)
  const holders = new MountHolders()
  return new EbsDriver({
    api,
    devices: new SystemBlockDevices({ workDirectory: root }),
    here: { ...identity, region },
    owner,
    defaults,
    readTable: () => readMountTable(),
    findHolders: (device) => holders.findEach([{ kind: 'filesystem', device }]).then(([found = []]) => found),
    pause,
    startTimer,
    now,
  })
}

/** EC2 that does not answer may answer later; one that refuses waits for a person, who looks at this start. */
async function refuseRefused(api: AwsEc2Api, owner: Owner): Promise<void> {
  try {
    await api.findVolumes(ownerTags(owner), AbortSignal.timeout(firstAnswerMs))
  } catch (thrown) {
    if (!isConvoyError(thrown, 'invalid-argument')) return
    throw new ConvoyError('invalid-argument', `driver ebs cannot start: ${thrown.message}`, {
      ...optional('hint', thrown.hint),
      cause: thrown,
    })
  }
}

async function identify(root: string, log: DriverSetup['log']): Promise<Identity> {
  try {
    return await openInstanceIdentity({ metadata: new InstanceMetadata(), file: join(root, 'instance.json'), log })
  } catch (thrown) {
    if (!isConvoyError(thrown, 'unavailable')) throw thrown
    throw new ConvoyError('unavailable', `driver ebs cannot start: ${thrown.message}`, {
      hint:
        'it needs an instance of EC2 with its metadata turned on (IMDSv2); in a container set HttpPutResponseHopLimit of the ' +
        'instance to 2; on any other host start convoy without the driver ebs',
      cause: thrown,
    })
  }
}
