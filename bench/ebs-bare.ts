import { EC2 } from '@aws-sdk/client-ec2'
import { pause } from '../src/host/clock.js'
import type { EbsBenchHost } from './ebs-host.js'
import { Samples } from './statistics.js'

const restMs = 200

export interface BareTimes {
  readonly create: Samples
  readonly detach: Samples
}

/** What nobody can undercut here: the requests that EC2 needs of anybody, by the same client, one after the other. */
export async function measureBareCalls({ emulator, instanceId }: EbsBenchHost, rounds: number): Promise<BareTimes> {
  const { cloud, endpoint } = emulator
  const credentials = { accessKeyId: 'none', secretAccessKey: 'none' }
  const client = new EC2({ endpoint, region: cloud.region, credentials, maxAttempts: 1 })
  const times = { create: new Samples(), detach: new Samples() }
  try {
    for (let index = 0; index <= rounds; index++) {
      // The first opens the connection.
      const to = index === 0 ? { create: new Samples(), detach: new Samples() } : times
      await pause(restMs)
      const VolumeId = await to.create.time(() => createBare(client, cloud.zones[0] ?? ''))
      cloud.attachVolume({ volumeId: VolumeId, instanceId, device: '/dev/sdf' })
      await cloud.settle(VolumeId)
      await pause(restMs)
      await to.detach.time(() => client.detachVolume({ VolumeId }))
      await cloud.settle(VolumeId)
      await client.deleteVolume({ VolumeId })
    }
    return times
  } finally {
    client.destroy()
  }
}

/** Asked for, and seen to be there. */
async function createBare(client: EC2, AvailabilityZone: string): Promise<string> {
  const { VolumeId = '' } = await client.createVolume({ AvailabilityZone, Size: 1, VolumeType: 'gp3' })
  for (;;) {
    const { Volumes } = await client.describeVolumes({ VolumeIds: [VolumeId] })
    if (Volumes?.[0]?.State === 'available') return VolumeId
  }
}
