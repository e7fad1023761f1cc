import type { Cloud } from './cloud.js'
import { Ec2Failure, invalidValue, missing } from './ec2-failure.js'
import { filterVolumes } from './filters.js'
import { pageOf } from './pages.js'
import type { QueryParameters } from './query-parameters.js'
import type { AttachmentRecord, Tags, VolumeRecord } from './records.js'
import type { Xml } from './xml.js'

export type Answer = { readonly [name: string]: Xml }

const done: Answer = { return: true }

export function createVolume(cloud: Cloud, query: QueryParameters): Answer {
  const volume = cloud.createVolume({
    zone: query.find('AvailabilityZone'),
    sizeGib: query.findInteger('Size'),
    snapshotId: query.find('SnapshotId'),
    type: query.find('VolumeType'),
    iops: query.findInteger('Iops'),
    throughput: query.findInteger('Throughput'),
    isEncrypted: query.findBoolean('Encrypted'),
    kmsKeyId: query.find('KmsKeyId'),
    isMultiAttach: query.findBoolean('MultiAttachEnabled'),
    clientToken: query.find('ClientToken'),
    tags: specifiedTags(query),
  })
  return volumeXml({ ...volume, attachments: [] })
}

/** The tags of the volume that is to be made. */
export function specifiedTags(query: QueryParameters): Tags | undefined {
  const specifications = query.structures('TagSpecification')
  for (const specification of specifications)
    if (specification.get('ResourceType') !== 'volume')
      throw invalidValue(
        `'${specification.get('ResourceType')}' is not a valid taggable resource type for this action.`,
      )
  if (specifications.length > 1) throw invalidValue('There may be one tag specification for a resource type.')
  return specifications[0]?.tagValues()
}

export function attachVolume(cloud: Cloud, query: QueryParameters): Answer {
  const volumeId = query.get('VolumeId')
  const request = { volumeId, instanceId: query.get('InstanceId'), device: query.get('Device') }
  return attachmentXml(volumeId, cloud.attachVolume(request))
}

export function detachVolume(cloud: Cloud, query: QueryParameters): Answer {
  const volumeId = query.get('VolumeId')
  const which = { volumeId, instanceId: query.find('InstanceId'), device: query.find('Device') }
  return attachmentXml(volumeId, cloud.detachVolume({ ...which, isForced: query.findBoolean('Force') }))
}

export function deleteVolume(cloud: Cloud, query: QueryParameters): Answer {
  cloud.deleteVolume(query.get('VolumeId'))
  return done
}

export function createTags(cloud: Cloud, query: QueryParameters): Answer {
  const ids = query.list('ResourceId')
  const tags = query.tagValues()
  if (ids.length === 0) throw missing('resourceIdSet')
  if (Object.keys(tags).length === 0) throw missing('tagSet')
  cloud.createTags(ids, tags)
  return done
}

export function deleteTags(cloud: Cloud, query: QueryParameters): Answer {
  const ids = query.list('ResourceId')
  const tags = query.tags()
  if (ids.length === 0) throw missing('resourceIdSet')
  cloud.deleteTags(ids, Object.keys(tags).length === 0 ? undefined : tags)
  return done
}

export function describeVolumes(cloud: Cloud, query: QueryParameters): Answer {
  const ids = query.list('VolumeId')
  const rule = { ids: 'VolumeId', least: 5, most: 1000, usual: cloud.pageSize }
  const seen = ids.length === 0 ? cloud.volumesSeen('DescribeVolumes') : namedVolumes(cloud, ids)
  const { rows, nextToken } = pageOf(filterVolumes(seen, query), ({ id }) => id, query, rule)
  return { volumeSet: rows.map(volumeXml), nextToken }
}

function namedVolumes(cloud: Cloud, ids: readonly string[]): readonly VolumeRecord[] {
  if (ids.length > 500) throw new Ec2Failure('InvalidRequest', 'At most 500 volumes can be described by their ids.')
  for (const id of ids)
    if (!/^vol-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id))
      throw invalidValue(`Value (${id}) for parameter volumeId is invalid. Expected: 'vol-...'.`)
  const seen = [...new Set(ids)].sort().map((id) => ({ id, volume: cloud.findVolumeSeen(id, 'DescribeVolumes') }))
  const unknown = seen.flatMap(({ id, volume }) => (volume === undefined ? id : []))
  if (unknown.length > 0)
    throw new Ec2Failure(
      'InvalidVolume.NotFound',
      unknown.length === 1
        ? `The volume '${unknown.join()}' does not exist.`
        : `The volumes '${unknown.join(', ')}' do not exist.`,
    )
  return seen.flatMap(({ volume }) => volume ?? [])
}

export const tagSet = (tags: Tags): Xml => Object.entries(tags).map(([key, value]) => ({ key, value }))

export const timeText = (ms: number): string => new Date(ms).toISOString()

function volumeXml(volume: VolumeRecord): Answer {
  return {
    volumeId: volume.id,
    size: volume.sizeGib,
    snapshotId: volume.snapshotId ?? '',
    availabilityZone: volume.zone,
    status: volume.state,
    createTime: timeText(volume.createdMs),
    attachmentSet: volume.attachments.map((attachment) => attachmentXml(volume.id, attachment)),
    tagSet: tagSet(volume.tags),
    volumeType: volume.type,
    iops: volume.iops,
    throughput: volume.throughput,
    encrypted: volume.isEncrypted,
    kmsKeyId: volume.kmsKeyId,
    multiAttachEnabled: volume.isMultiAttach,
  }
}

function attachmentXml(volumeId: string, attachment: AttachmentRecord): Answer {
  return {
    volumeId,
    instanceId: attachment.instanceId,
    device: attachment.device,
    status: attachment.state,
    attachTime: timeText(attachment.sinceMs),
    deleteOnTermination: attachment.isDeletedWithInstance,
  }
}
