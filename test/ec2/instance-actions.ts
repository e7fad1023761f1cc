import type { Cloud } from './cloud.js'
import { Ec2Failure, invalidValue } from './ec2-failure.js'
import { filterInstances } from './filters.js'
import { pageOf } from './pages.js'
import type { QueryParameters } from './query-parameters.js'
import type { InstanceRecord, InstanceState, InstanceTypeRecord, VolumeRecord } from './records.js'
import { tagSet, timeText, type Answer } from './volume-actions.js'
import type { Xml } from './xml.js'

export const ownerId = '123456789012'

const stateCodes: Readonly<Record<InstanceState, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
}

export function describeInstances(cloud: Cloud, query: QueryParameters): Answer {
  const ids = query.list('InstanceId')
  const unknown = ids.filter((id) => cloud.findInstance(id) === undefined)
  for (const id of unknown)
    if (!/^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id))
      throw new Ec2Failure('InvalidInstanceID.Malformed', `Invalid id: "${id}"`)
  if (unknown.length > 0) {
    const text = unknown.length === 1 ? `ID '${unknown.join()}' does` : `IDs '${unknown.join(', ')}' do`
    throw new Ec2Failure('InvalidInstanceID.NotFound', `The instance ${text} not exist`)
  }
  const all = cloud.instances().filter(({ id }) => ids.length === 0 || ids.includes(id))
  const sorted = filterInstances(all, query).toSorted((one, other) => (one.id < other.id ? -1 : 1))
  const { rows, nextToken } = pageOf(sorted, ({ id }) => id, query, {
    ids: 'InstanceId',
    least: 5,
    most: 1000,
    usual: cloud.pageSize,
  })
  const volumes = cloud.volumesSeen('DescribeInstances')
  return { reservationSet: rows.map((instance) => reservationXml(instance, volumes)), nextToken }
}

function reservationXml(instance: InstanceRecord, volumes: readonly VolumeRecord[]): Xml {
  return {
    reservationId: instance.id.replace('i-', 'r-'),
    ownerId,
    groupSet: [],
    instancesSet: [
      {
        instanceId: instance.id,
        instanceState: { code: stateCodes[instance.state], name: instance.state },
        instanceType: instance.type,
        launchTime: timeText(instance.launchedMs),
        placement: { availabilityZone: instance.zone, groupName: '', tenancy: 'default' },
        architecture: 'x86_64',
        rootDeviceType: 'ebs',
        rootDeviceName: instance.rootDevice,
        blockDeviceMapping: mappingXml(instance, volumes),
        tagSet: tagSet(instance.tags),
        networkInterfaceSet: Array.from({ length: instance.networkInterfaces }, (_, index) => ({
          networkInterfaceId: instance.id.replace(/^i-./, `eni-${index.toString(16)}`),
          status: 'in-use',
          attachment: { deviceIndex: index, status: 'attached', networkCardIndex: 0 },
        })),
      },
    ],
  }
}

function mappingXml({ id }: InstanceRecord, volumes: readonly VolumeRecord[]): Xml {
  return volumes.flatMap(({ id: volumeId, attachments }) =>
    attachments
      .filter(({ instanceId }) => instanceId === id)
      .map(({ device: deviceName, state, sinceMs, isDeletedWithInstance }) => ({
        deviceName,
        ebs: {
          volumeId,
          // This Describe has no word for one that is busy.
          status: state === 'busy' ? 'detaching' : state,
          attachTime: timeText(sinceMs),
          deleteOnTermination: isDeletedWithInstance,
        },
      })),
  )
}

export function describeInstanceTypes(cloud: Cloud, query: QueryParameters): Answer {
  const names = query.list('InstanceType')
  const unknown = names.filter((name) => cloud.findInstanceType(name) === undefined)
  if (unknown.length > 0)
    throw new Ec2Failure(
      'InvalidInstanceType',
      `The following supplied instance types do not exist: [${unknown.join()}]`,
    )
  if (query.structures('Filter').length > 0) throw invalidValue('The emulator knows no filters of instance types')
  const all = cloud.instanceTypes().filter(({ name }) => names.length === 0 || names.includes(name))
  const sorted = all.toSorted((one, other) => (one.name < other.name ? -1 : 1))
  const rule = { ids: 'InstanceType', least: 5, most: 100, usual: 100 }
  const { rows, nextToken } = pageOf(sorted, ({ name }) => name, query, rule)
  return { instanceTypeSet: rows.map(instanceTypeXml), nextToken }
}

function instanceTypeXml({ name, mostAttachments, limitType, instanceDisks }: InstanceTypeRecord): Xml {
  const disks = [{ sizeInGB: 75, count: instanceDisks, type: 'ssd' }]
  return {
    instanceType: name,
    instanceStorageSupported: instanceDisks > 0,
    instanceStorageInfo:
      instanceDisks > 0 ? { totalSizeInGB: 75 * instanceDisks, disks, nvmeSupport: 'required' } : undefined,
    ebsInfo: {
      ebsOptimizedSupport: 'default',
      encryptionSupport: 'supported',
      nvmeSupport: 'required',
      maximumEbsAttachments: mostAttachments,
      attachmentLimitType: limitType,
    },
  }
}
