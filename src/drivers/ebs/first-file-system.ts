import { ConvoyError, isConvoyError } from '../../errors.js'
import { type BlockDevice, type DiskContent, findFsType, type FsType, fsTypes } from '../../host/block-devices.js'
import type { VolumeHandle } from '../../model/volume.js'
import type { DriverCall } from '../driver.js'
import type { EbsDeps } from './ebs-deps.js'
import { dataDirectory, volumeIdOf } from './ebs-volume.js'
import type { FileSystemSpec } from './volume-spec.js'

export interface FirstFileSystemDeps extends Pick<EbsDeps, 'devices'> {
  /** As EC2 said last. */
  readonly findSizeGib: (volumeId: string) => number | undefined
}

/**
 * Finds out which file system a disk has, makes the first one, and has it checked. A disk is formatted only if our own journal says that this host
 * made the volume blank and has never formatted it, has the volume's size and reads as zeros: what cannot be read, or holds anything, is left alone.
 */
export class FirstFileSystem {
  readonly #deps: FirstFileSystemDeps

  constructor(deps: FirstFileSystemDeps) {
    this.#deps = deps
  }

  /** The file system that can be mounted. `spec`: what a new one is to be. */
  async provide(device: BlockDevice, volume: VolumeHandle, spec: FileSystemSpec, call: DriverCall): Promise<FsType> {
    try {
      const fsType = await this.#provide(device, volume, spec, call)
      await this.#deps.devices.check(device, fsType, call)
      return fsType
    } catch (thrown) {
      // That one disk cannot be read does not mean that EC2 is away.
      if (isConvoyError(thrown, 'unavailable')) throw unreadable(volume, thrown)
      throw thrown
    }
  }

  async #provide(device: BlockDevice, volume: VolumeHandle, spec: FileSystemSpec, call: DriverCall): Promise<FsType> {
    const { devices } = this.#deps
    if (call.journal.notes['disk'] !== 'blank') return mountable(await devices.identify(device, call), volume, call)
    const content = await devices.examine(device, call)
    const fsType =
      content.kind === 'blank' ? await this.#format(device, volume, spec, call) : mountable(content, volume, call)
    await call.journal.write({ ...call.journal.notes, disk: 'formatted' })
    return fsType
  }

  async #format(device: BlockDevice, volume: VolumeHandle, spec: FileSystemSpec, call: DriverCall): Promise<FsType> {
    const { fsType, mkfsOptions, owner } = spec
    refuseOtherSize(device, volume, this.#deps.findSizeGib(volumeIdOf(volume)))
    // Fail closed: only a disk that was found by its name has none.
    const serial = device.serial === undefined ? undefined : volumeIdOf(volume)
    call.log.info({ volume: volume.name, device: device.path, fsType }, 'a new disk gets its file system')
    await this.#deps.devices.format(
      device,
      { serial, fsType, mkfsOptions, root: { directory: dataDirectory, ...owner } },
      call,
    )
    return fsType
  }
}

/** Fail closed: also when the size is not known. */
function refuseOtherSize({ path, sizeBytes }: BlockDevice, volume: VolumeHandle, sizeGib: number | undefined): void {
  if (sizeGib !== undefined && sizeBytes === sizeGib * 1024 ** 3) return
  throw new ConvoyError(
    'internal',
    `the disk ${path} has ${sizeBytes} bytes, and ${volumeIdOf(volume)}, which is volume "${volume.name}", ${sizeGib ?? 'an unknown number of'} GiB: it is not formatted`,
    { hint: 'if its size was changed, wait until EC2 is done with that, and start the container again' },
  )
}

function unreadable(volume: VolumeHandle, cause: ConvoyError): ConvoyError {
  return new ConvoyError('internal', `${volumeIdOf(volume)}, which is volume "${volume.name}": ${cause.message}`, {
    hint: 'nothing was changed. Look at the log of the kernel (dmesg), and at the state of the volume in EC2',
    cause,
  })
}

function mountable(content: DiskContent, volume: VolumeHandle, { journal }: DriverCall): FsType {
  const id = volumeIdOf(volume)
  if (content.kind === 'file-system') {
    const known = findFsType(content.fsType)
    if (known !== undefined) return known
    throw new ConvoyError(
      'unsupported',
      `${id}, which is volume "${volume.name}", has a file system of type ${content.fsType}`,
      {
        hint: `convoy mounts ${fsTypes.join(' and ')}: copy the data to a new volume`,
      },
    )
  }
  const found = content.kind === 'blank' ? 'no file system' : content.description
  throw new ConvoyError(
    'internal',
    `${id}, which is volume "${volume.name}", has ${found}: nothing is mounted, and nothing was changed`,
    { hint: journal.notes['disk'] === 'blank' ? cutShort(volume) : notOurs },
  )
}

const cutShort = ({ name }: VolumeHandle) =>
  `perhaps its first formatting was cut short: if nothing of value can be on it, run: convoy delete ${name}`

const notOurs =
  'convoy formats only what it made blank on this very host. If another host of the cluster made it (tag convoy:host), and it was never ' +
  'mounted: mount it there once, or delete it and create it again'
