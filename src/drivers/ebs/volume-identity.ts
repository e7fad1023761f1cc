import { ConvoyError } from '../../errors.js'
import type { VolumeHandle } from '../../model/volume.js'
import type { Owner } from './ebs-deps.js'
import { isOf, isUnmarked } from './ebs-volume.js'
import type { Ec2Volume } from './ec2-api.js'
import { parseVolumeTags } from './volume-tags.js'

/** ConvoyError `in-use` when somebody else has made the volume of EBS theirs: their data is nothing to attach, or to take away. */
export function refuseForeign(volume: VolumeHandle, found: Ec2Volume, owner: Owner): void {
  if (isUnmarked(volume)) return
  const tags = parseVolumeTags(found.tags)
  if (tags?.id === volume.id && isOf(tags, owner)) return
  const by =
    tags === undefined ? 'it has none of the tags that convoy gave it' : `by its tags it belongs to ${tags.host}`
  throw new ConvoyError('in-use', `${found.id} is not volume "${volume.name}" of this host any more: ${by}`, {
    hint: `to forget it here: convoy delete --reference ${volume.name}`,
  })
}

/** ConvoyError for a volume that EC2 does not have. */
export function missing({ name }: VolumeHandle, volumeId: string, region: string): ConvoyError {
  return new ConvoyError('not-found', `EC2 has no volume ${volumeId} in ${region}, which is volume "${name}"`, {
    hint: `if it was deleted, its data is gone, unless there is a snapshot; to forget it: convoy delete --reference ${name}`,
  })
}

/** ConvoyError `invalid-argument` for a volume that cannot come to this host, whoever lets go of it. */
export function refuseOtherZone({ name, attributes }: VolumeHandle, volumeId: string, here: string): void {
  const { zone } = attributes
  if (zone === undefined || zone === here) return
  throw new ConvoyError(
    'invalid-argument',
    `${volumeId}, which is volume "${name}", is in zone ${zone}, and this host in ${here}`,
    { hint: 'a volume of EBS never leaves its zone: run the container on a host there' },
  )
}
