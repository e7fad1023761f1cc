import { optional } from '../../model/optional.js'
import type { StoredDisk } from '../driver.js'
import type { EbsDeps } from './ebs-deps.js'
import { isOf } from './ebs-volume.js'
import type { Ec2Volume } from './ec2-api.js'
import { ownerTags, parseVolumeTags } from './volume-tags.js'

/** Every volume of the owner that EC2 has, by name, also those that are broken. */
export async function surveyVolumes(
  { api, owner, here }: Pick<EbsDeps, 'api' | 'owner' | 'here'>,
  signal: AbortSignal,
): Promise<readonly StoredDisk[]> {
  const volumes = await api.findVolumes(ownerTags(owner), signal)
  const disks = volumes.flatMap((volume): readonly StoredDisk[] => {
    const tags = parseVolumeTags(volume.tags)
    const isLeaving = volume.state === 'deleting' || volume.state === 'deleted'
    if (tags === undefined || isLeaving || !isOf(tags, owner)) return []
    const { name, id, state, host } = tags
    const disk = {
      ...{ name, id, state },
      storageId: volume.id,
      sizeBytes: volume.sizeGib * 1024 ** 3,
      isOfThisHost: host === owner.host,
      isAttachedHere: isAttachedTo(here.instanceId, volume),
      ...optional('defect', volume.state === 'error' ? 'in the state error' : undefined),
    }
    return [disk]
  })
  return disks.sort((one, other) => one.name.localeCompare(other.name) || one.id.localeCompare(other.id))
}

/** One that is being detached is as good as gone. */
const isAttachedTo = (instanceId: string, { attachments }: Ec2Volume) =>
  attachments.some((one) => one.instanceId === instanceId && (one.state === 'attached' || one.state === 'attaching'))
