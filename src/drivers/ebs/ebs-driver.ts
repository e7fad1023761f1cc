import { ConvoyError } from '../../errors.js'
import { findFsType } from '../../host/block-devices.js'
import { readDiskSpace } from '../../host/disk-space.js'
import type { CallContext } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import type { Attributes, VolumeHandle } from '../../model/volume.js'
import type { VolumeName } from '../../model/volume-name.js'
import type {
  CreatedVolume,
  CreateRequest,
  DiscoveredVolume,
  Driver,
  DriverCall,
  MountSource,
  RemovalProgress,
  Retirement,
  StorageName,
  StoredDisk,
  TakeoverOperations,
} from '../driver.js'
import { notedFsType } from './creation-journal.js'
import type { EbsDeps } from './ebs-deps.js'
import { ebsVolumeOptions } from './ebs-options.js'
import { discoveredOf, fileSystemOptionsOf, ownAmong, unambiguous, volumeIdOf } from './ebs-volume.js'
import type { Ec2Volume } from './ec2-api.js'
import { refuseOptionsOfOthers } from './file-system-options.js'
import { FirstFileSystem } from './first-file-system.js'
import { RememberedEc2 } from './remembered-ec2.js'
import { VolumeAdoption } from './volume-adoption.js'
import { VolumeAttachment } from './volume-attachment.js'
import { VolumeCreation } from './volume-creation.js'
import { VolumeDisks } from './volume-disks.js'
import { VolumeRetirement } from './volume-retirement.js'
import { surveyVolumes } from './volume-survey.js'
import { VolumeTakeover } from './volume-takeover.js'
import { parseFileSystemSpec } from './volume-spec.js'
import { ownerTags } from './volume-tags.js'

/**
 * Volumes of Amazon EBS: disks that are attached to the host that needs them, one host at a time. Their tags say whose they are and
 * what became of them; nothing is known here that EC2, the kernel or the journal could not tell again.
 */
export class EbsDriver implements Driver {
  readonly name = 'ebs'
  readonly volumeOptions = ebsVolumeOptions
  readonly attachMode = 'exclusive'
  readonly attachment = 'recorded'
  readonly #deps: EbsDeps & { readonly api: RememberedEc2 }
  readonly #disks: VolumeDisks
  readonly #creation: VolumeCreation
  readonly #attachment: VolumeAttachment
  readonly #fileSystem: FirstFileSystem
  readonly #retirement: VolumeRetirement
  readonly #takeover: VolumeTakeover

  constructor(given: EbsDeps) {
    const api = new RememberedEc2(given.api)
    const deps = { ...given, api }
    this.#deps = deps
    this.#disks = new VolumeDisks(deps)
    this.#creation = new VolumeCreation(deps, new VolumeAdoption(deps))
    this.#attachment = new VolumeAttachment(deps, this.#disks)
    this.#fileSystem = new FirstFileSystem({
      devices: given.devices,
      findSizeGib: (id) => api.lastSeen(id)?.sizeGib,
    })
    this.#retirement = new VolumeRetirement(deps)
    this.#takeover = new VolumeTakeover(deps)
  }

  create(request: CreateRequest, call: DriverCall): Promise<CreatedVolume> {
    return this.#creation.create(request, call)
  }

  async attach(volume: VolumeHandle, call: DriverCall): Promise<MountSource> {
    const { attributes } = volume
    const fsTypeOfNew = notedFsType(call.journal) ?? this.#deps.defaults.defaultfstype
    const spec = parseFileSystemSpec(fileSystemOptionsOf(attributes), fsTypeOfNew)
    const { device, mount } = await this.#attachment.attach(volume, call)
    const fsType = findFsType(mount?.fsType) ?? (await this.#fileSystem.provide(device, volume, spec, call))
    refuseOptionsOfOthers(spec.mountOptions, fsType)
    const ofKind = fsType === 'ext4' ? ['errors=remount-ro'] : []
    // The file system of a snapshot has the id of the one that it was taken of, which may be mounted here, too.
    const ofCopy = fsType === 'xfs' && attributes['snapshot'] !== undefined ? ['nouuid'] : []
    return {
      kind: 'filesystem',
      source: device.path,
      device: device.number,
      fsType,
      options: [...spec.mountOptions, ...ofKind, ...ofCopy],
      subdirectory: attributes['subdirectory'] ?? '',
    }
  }

  detach(volume: VolumeHandle, call: DriverCall): Promise<void> {
    return this.#attachment.detach(volume, call)
  }

  placeOf(): undefined {
    return undefined
  }

  retire(volume: VolumeHandle, as: Retirement, call: DriverCall): Promise<VolumeHandle> {
    return this.#retirement.retire(volume, as, call)
  }

  revive(volume: VolumeHandle, name: VolumeName, call: DriverCall): Promise<VolumeHandle> {
    return this.#retirement.revive(volume, name, call)
  }

  remove(volume: VolumeHandle, call: DriverCall & RemovalProgress): Promise<void> {
    return this.#retirement.remove(volume, call)
  }

  resize(volume: VolumeHandle): Promise<VolumeHandle> {
    const message = `volume "${volume.name}" is on EBS, where convoy does not change sizes yet`
    return Promise.reject(
      new ConvoyError('unsupported', message, { hint: 'aws ec2 modify-volume, then resize2fs or xfs_growfs' }),
    )
  }

  async usage(volume: VolumeHandle): Promise<number> {
    const mounted = await this.#disks.findMounted(volumeIdOf(volume), undefined)
    if (mounted !== undefined) {
      const { sizeBytes, freeBytes } = await readDiskSpace(mounted.mount.mountpoint, usageTimeoutMs)
      return sizeBytes - freeBytes
    }
    throw new ConvoyError('unavailable', `volume "${volume.name}" is not mounted here: what it holds is not known`)
  }

  storages(): readonly StorageName[] {
    return [undefined]
  }

  storageOf(): StorageName {
    return undefined
  }

  async *discover(_storage: StorageName, call: CallContext): AsyncIterable<DiscoveredVolume> {
    const { api, owner } = this.#deps
    const found = ownAmong(await api.findVolumes(ownerTags(owner), call.signal), owner)
    for (const own of unambiguous(found, call.log)) yield discoveredOf(own)
  }

  survey({ signal }: CallContext): Promise<readonly StoredDisk[]> {
    return surveyVolumes(this.#deps, signal)
  }

  leaveUnused(): Promise<void> {
    return Promise.resolve()
  }

  async inspect(volume: VolumeHandle): Promise<Attributes> {
    const id = volumeIdOf(volume)
    const device = await this.#disks.find(id, undefined)
    return {
      ...optional('Device', device?.path),
      EBSVolumeID: id,
      // So it has always been spelled.
      AvailiablityZone: volume.attributes['zone'] ?? '',
      ...shown(this.#deps.api.lastSeen(id)),
    }
  }

  remarks(): Attributes {
    return {}
  }

  limitOf(): Promise<'hard'> {
    return Promise.resolve('hard')
  }

  async *spaces(): AsyncIterable<never> {
    // Each volume has room of its own, which its size says.
  }

  get takeover(): TakeoverOperations {
    return this.#takeover
  }

  describe(): Attributes {
    const { here, owner, defaults } = this.#deps
    return {
      Region: here.region,
      AvailabilityZone: here.zone,
      Instance: here.instanceId,
      InstanceType: here.instanceType,
      ...optional('Cluster', owner.cluster),
      DefaultVolumeSize: String(defaults.defaultvolumesize),
      DefaultVolumeType: defaults.defaultvolumetype,
      DefaultKmsKeyID: defaults.defaultkmskeyid ?? '',
      DefaultEncrypted: String(defaults.defaultencrypted ?? defaults.defaultkmskeyid !== undefined),
    }
  }

  snapshots(): undefined {
    return undefined
  }

  close(): Promise<void> {
    this.#deps.api.close()
    return Promise.resolve()
  }
}

const usageTimeoutMs = 10_000

/** In the words of Convoy 0.5, and some more. */
function shown(volume: Ec2Volume | undefined): Attributes {
  if (volume === undefined) return {}
  return {
    Size: String(volume.sizeGib * 1024 ** 3),
    State: volume.state,
    Type: volume.type,
    IOPS: String(volume.iops ?? ''),
    ...optional('Throughput', volume.throughput?.toString()),
    Encrypted: String(volume.isEncrypted),
    KmsKeyId: volume.kmsKeyId ?? '',
    ...optional('SnapshotID', volume.snapshotId),
    AttachedTo: volume.attachments.map(({ instanceId, state }) => `${instanceId} (${state})`).join(', '),
  }
}
