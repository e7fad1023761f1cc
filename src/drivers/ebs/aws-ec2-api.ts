import type { _InstanceType, CreateVolumeCommandInput, Tag } from '@aws-sdk/client-ec2'
import { isConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import type { Attributes } from '../../model/volume.js'
import { BatchedLookups, type LookupDeps } from './batched-lookups.js'
import type {
  AttachmentLimit,
  AttachmentRequest,
  AttachOutcome,
  CreateOutcome,
  DetachmentRequest,
  Ec2Api,
  Ec2Instance,
  Ec2Volume,
  VolumeRequest,
} from './ec2-api.js'
import { attachmentLimitOf, instanceOf, volumeOf } from './ec2-answers.js'
import { ec2CodeOf } from './ec2-errors.js'
import { isAboutIds, isNotAttached, refusalOfAttachment, refusalOfVolume } from './ec2-refusals.js'
import { type Ec2RequestSettings, Ec2Requests } from './ec2-requests.js'

interface TypeLimit {
  readonly type: string
  readonly limit: AttachmentLimit | undefined
}

/** EC2 itself, with the credentials that the SDK finds. */
export class AwsEc2Api implements Ec2Api {
  readonly #requests: Ec2Requests
  readonly #volumes: BatchedLookups<Ec2Volume>
  readonly #instances: BatchedLookups<Ec2Instance>
  readonly #types: BatchedLookups<TypeLimit>
  /** What is known is known for the life of the process. */
  readonly #limits = new Map<string, AttachmentLimit | undefined>()

  constructor(settings: Ec2RequestSettings) {
    this.#requests = new Ec2Requests(settings)
    this.#volumes = this.#lookups({
      action: 'DescribeVolumes',
      mostIds: 200,
      idOf: ({ id }) => id,
      ask: (ids, signal) => this.#describeVolumes({ VolumeIds: [...ids] }, signal),
    })
    this.#instances = this.#lookups({
      action: 'DescribeInstances',
      mostIds: 100,
      idOf: ({ id }) => id,
      ask: (ids, signal) => this.#describeInstances(ids, signal),
    })
    this.#types = this.#lookups({
      action: 'DescribeInstanceTypes',
      mostIds: 100,
      idOf: ({ type }) => type,
      ask: (ids, signal) => this.#describeTypes(ids, signal),
    })
  }

  createVolume(request: VolumeRequest, signal: AbortSignal): Promise<CreateOutcome> {
    const input = creationOf(request)
    const asked = this.#requests.call('CreateVolume', signal, async ({ sdk, client }): Promise<CreateOutcome> => {
      const volume = await client.send(new sdk.CreateVolumeCommand(input), { abortSignal: signal })
      return { kind: 'made', volume: volumeOf(volume) }
    })
    return asked.catch(refusalOfVolume)
  }

  findVolume(id: string, signal: AbortSignal): Promise<Ec2Volume | undefined> {
    return this.#volumes.find(id, signal)
  }

  async findVolumes(tags: Attributes, signal: AbortSignal): Promise<readonly Ec2Volume[]> {
    const wanted = Object.entries(tags)
    const filters = wanted.map(([key, value]) => ({ Name: `tag:${key}`, Values: [withoutWildcards(value)] }))
    const found = await this.#describeVolumes({ Filters: filters, MaxResults: 500 }, signal)
    return found.filter((volume) => wanted.every(([key, value]) => volume.tags[key] === value))
  }

  attachVolume({ volumeId, instanceId, device }: AttachmentRequest, signal: AbortSignal): Promise<AttachOutcome> {
    const input = { VolumeId: volumeId, InstanceId: instanceId, Device: device }
    const asked = this.#requests.call('AttachVolume', signal, async ({ sdk, client }): Promise<AttachOutcome> => {
      await client.send(new sdk.AttachVolumeCommand(input), { abortSignal: signal })
      return { kind: 'attaching' }
    })
    return asked.catch((thrown: unknown) => refusalOfAttachment(thrown, volumeId))
  }

  async detachVolume({ volumeId, instanceId, isForced }: DetachmentRequest, signal: AbortSignal): Promise<void> {
    const input = { VolumeId: volumeId, InstanceId: instanceId, ...(isForced ? { Force: true } : {}) }
    try {
      await this.#requests.call('DetachVolume', signal, ({ sdk, client }) =>
        client.send(new sdk.DetachVolumeCommand(input), { abortSignal: signal }),
      )
    } catch (thrown) {
      if (!isNotAttached(thrown)) throw thrown
    }
  }

  async deleteVolume(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#requests.call('DeleteVolume', signal, ({ sdk, client }) =>
        client.send(new sdk.DeleteVolumeCommand({ VolumeId: id }), { abortSignal: signal }),
      )
    } catch (thrown) {
      if (ec2CodeOf(thrown) !== 'InvalidVolume.NotFound') throw thrown
    }
  }

  async tagVolume(id: string, tags: Attributes, signal: AbortSignal): Promise<void> {
    await this.#requests.call('CreateTags', signal, ({ sdk, client }) =>
      client.send(new sdk.CreateTagsCommand({ Resources: [id], Tags: tagList(tags) }), { abortSignal: signal }),
    )
  }

  async untagVolume(id: string, keys: readonly string[], signal: AbortSignal): Promise<void> {
    const input = { Resources: [id], Tags: keys.map((Key) => ({ Key })) }
    // Without a key EC2 would take away all tags.
    if (keys.length === 0) return
    await this.#requests.call('DeleteTags', signal, ({ sdk, client }) =>
      client.send(new sdk.DeleteTagsCommand(input), { abortSignal: signal }),
    )
  }

  findInstance(id: string, signal: AbortSignal): Promise<Ec2Instance | undefined> {
    return this.#instances.find(id, signal)
  }

  async attachmentLimit(instanceType: string, signal: AbortSignal): Promise<AttachmentLimit | undefined> {
    if (this.#limits.has(instanceType)) return this.#limits.get(instanceType)
    try {
      const limit = (await this.#types.find(instanceType, signal))?.limit
      this.#limits.set(instanceType, limit)
      return limit
    } catch (thrown) {
      if (isConvoyError(thrown, 'deadline-exceeded')) throw thrown
      // One that refuses now will refuse later; one that does not answer may answer the next time.
      if (!isConvoyError(thrown, 'unavailable')) this.#limits.set(instanceType, undefined)
      return undefined
    }
  }

  close(): void {
    this.#requests.close()
  }

  #lookups<Found>(which: Pick<LookupDeps<Found>, 'action' | 'mostIds' | 'idOf' | 'ask'>): BatchedLookups<Found> {
    return new BatchedLookups({ ...this.#requests.paceDeps, ...which, isAboutIds })
  }

  async #describeVolumes(
    which:
      { readonly VolumeIds: string[] } | { readonly Filters: { Name: string; Values: string[] }[]; MaxResults: 500 },
    signal: AbortSignal,
  ): Promise<readonly Ec2Volume[]> {
    return this.#pages(async (page) => {
      const answer = await this.#requests.call('DescribeVolumes', signal, ({ sdk, client }) =>
        client.send(new sdk.DescribeVolumesCommand({ ...which, ...page }), { abortSignal: signal }),
      )
      return { found: (answer.Volumes ?? []).map(volumeOf), next: answer.NextToken }
    })
  }

  #describeInstances(ids: readonly string[], signal: AbortSignal): Promise<readonly Ec2Instance[]> {
    return this.#pages(async (page) => {
      const answer = await this.#requests.call('DescribeInstances', signal, ({ sdk, client }) =>
        client.send(new sdk.DescribeInstancesCommand({ InstanceIds: [...ids], ...page }), { abortSignal: signal }),
      )
      const instances = (answer.Reservations ?? []).flatMap(({ Instances }) => Instances ?? [])
      return { found: instances.map(instanceOf), next: answer.NextToken }
    })
  }

  async #describeTypes(types: readonly string[], signal: AbortSignal): Promise<readonly TypeLimit[]> {
    const answer = await this.#requests.call('DescribeInstanceTypes', signal, ({ sdk, client }) =>
      // A type that the SDK does not list may be newer than the SDK: whether there is such a type is what is asked.
      client.send(new sdk.DescribeInstanceTypesCommand({ InstanceTypes: types as _InstanceType[] }), {
        abortSignal: signal,
      }),
    )
    const known = answer.InstanceTypes ?? []
    return known.map((info) => ({ type: info.InstanceType ?? '', limit: attachmentLimitOf(info) }))
  }

  /** Each page is a request of its own, and may be repeated by itself. */
  async #pages<T>(
    ask: (page: { NextToken?: string }) => Promise<{ readonly found: readonly T[]; readonly next: string | undefined }>,
  ): Promise<readonly T[]> {
    const all: T[] = []
    let page: { NextToken?: string } = {}
    do {
      const { found, next } = await ask(page)
      all.push(...found)
      page = optional('NextToken', next || undefined)
    } while (page.NextToken !== undefined)
    return all
  }
}

function creationOf(request: VolumeRequest): CreateVolumeCommandInput {
  return {
    ClientToken: request.token,
    AvailabilityZone: request.zone,
    VolumeType: request.type,
    ...optional('Size', request.sizeGib),
    ...optional('Iops', request.iops),
    ...optional('Throughput', request.throughput),
    ...optional('Encrypted', request.isEncrypted),
    ...optional('KmsKeyId', request.kmsKeyId),
    ...optional('SnapshotId', request.snapshotId),
    TagSpecifications: [{ ResourceType: 'volume', Tags: tagList(request.tags) }],
  }
}

const tagList = (tags: Attributes): Tag[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))

/** In a filter `*` and `?` stand for anything. */
const withoutWildcards = (value: string) => value.replace(/[\\*?]/g, '\\$&')
