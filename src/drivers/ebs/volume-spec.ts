import { ConvoyError } from '../../errors.js'
import type { FsType } from '../../host/block-devices.js'
import { optional } from '../../model/optional.js'
import { type OptionValues, parseOptions } from '../../model/options.js'
import { formatSize } from '../../model/size.js'
import type { Attributes } from '../../model/volume.js'
import type { VolumeRequest, VolumeType } from './ec2-api.js'
import { type ebsDriverOptions, ebsVolumeOptions } from './ebs-options.js'
import { refuseMkfsOptionsOfOthers, refuseOptionsOfOthers } from './file-system-options.js'
import { withTodaysNames } from './old-ebs-options.js'
import { mergeTags } from './user-tags.js'

export type EbsDefaults = OptionValues<typeof ebsDriverOptions>

/** How a disk is formatted and mounted. */
export interface FileSystemSpec {
  /** Of a new file system. */
  readonly fsType: FsType
  readonly mkfsOptions: readonly string[]
  readonly mountOptions: readonly string[]
  readonly owner: { readonly uid: number; readonly gid: number; readonly mode: number }
}

/** What a volume is to be, every option read and every default filled in. */
export interface VolumeSpec extends FileSystemSpec {
  /** The existing volume to take over. */
  readonly adopts?: string
  /** What EC2 is asked for; of no meaning for a volume that is taken over. */
  readonly disk: Omit<VolumeRequest, 'token' | 'zone' | 'tags'>
  readonly zone?: string
  readonly tags: Attributes
  /** As asked for. */
  readonly sizeBytes?: number
}

interface TypeLimits {
  /** GiB */
  readonly size: readonly [least: number, most: number]
  readonly iops?: { readonly range: readonly [number, number]; readonly perGib: number; readonly isNeeded: boolean }
  /** MiB/s; of each operation per second at most a quarter. */
  readonly throughput?: readonly [number, number]
}

/**
 * As the user guide of EBS has them (2026-06). EC2 itself decides: these refuse what cannot be before anything is asked, and are as
 * wide as the widest region.
 */
const limits: Readonly<Record<VolumeType, TypeLimits>> = {
  gp3: {
    size: [1, 65_536],
    iops: { range: [3000, 80_000], perGib: 500, isNeeded: false },
    throughput: [125, 2000],
  },
  gp2: { size: [1, 16_384] },
  io2: { size: [4, 65_536], iops: { range: [100, 256_000], perGib: 1000, isNeeded: true } },
  io1: { size: [4, 16_384], iops: { range: [100, 64_000], perGib: 50, isNeeded: true } },
  st1: { size: [125, 16_384] },
  sc1: { size: [125, 16_384] },
  standard: { size: [1, 1024] },
}

/** Reads what a volume is created with. ConvoyError `invalid-argument` for what cannot be, before EC2 is asked anything. */
export function parseVolumeSpec(texts: Attributes, defaults: EbsDefaults): VolumeSpec {
  const { profile: _, ...own } = texts
  const options = parseOptions(ebsVolumeOptions, withTodaysNames(own), 'volume option')
  const { id, az } = options
  const fileSystem = fileSystemOf(options, defaults.defaultfstype)
  const { fsType, mkfsOptions, mountOptions, owner } = fileSystem
  if (id !== undefined) refuseOfAdopted(own)
  if (options.snapshotId !== undefined) refuseOfCopies(own)
  refuseMkfsOptionsOfOthers(mkfsOptions, fsType)
  refuseStickyXfs(owner.mode, fsType)
  // Which file system is on a disk that is there already, is found out when it is attached.
  if (id === undefined && options.snapshotId === undefined) refuseOptionsOfOthers(mountOptions, fsType)
  return {
    ...optional('adopts', id),
    disk: id === undefined ? parseDisk(options, defaults) : { type: 'gp3' },
    ...optional('zone', az),
    ...fileSystem,
    tags: mergeTags(options.tags ?? {}, options['tag.*']),
    ...optional('sizeBytes', options.size),
  }
}

/** The part of it that counts when the volume is mounted. `fsType`: of a new file system for which the options name none. */
export function parseFileSystemSpec(texts: Attributes, fsType: FsType): FileSystemSpec {
  return fileSystemOf(parseOptions(ebsVolumeOptions, texts, 'volume option'), fsType)
}

function fileSystemOf(options: Options, fsType: FsType): FileSystemSpec {
  const { mkfsOptions = [], mountOptions = [], uid = 0, gid = 0, mode } = options
  return { fsType: options.fsType ?? fsType, mkfsOptions, mountOptions, owner: { uid, gid, mode } }
}

type Options = OptionValues<typeof ebsVolumeOptions>

function parseDisk(options: Options, defaults: EbsDefaults): VolumeSpec['disk'] {
  const type = options.type ?? defaults.defaultvolumetype
  const { snapshotId, throughput } = options
  // A volume of a snapshot is as large as the snapshot, unless it says more.
  const sizeBytes = options.size ?? (snapshotId === undefined ? defaults.defaultvolumesize : undefined)
  const sizeGib = sizeBytes === undefined ? undefined : wholeGib(sizeBytes, type)
  const kmsKeyId = options.kmsKeyId ?? (options.encrypted === false ? undefined : defaults.defaultkmskeyid)
  const isEncrypted = options.encrypted ?? (kmsKeyId === undefined ? defaults.defaultencrypted : true)
  if (options.kmsKeyId !== undefined && isEncrypted === false) {
    throw impossible('kmsKeyId is the key of an encrypted volume', 'leave out encrypted=false, or kmsKeyId')
  }
  const iops = parseIops(options, type, sizeGib)
  if (throughput !== undefined) checkThroughput(throughput, type, iops)
  return {
    type,
    ...optional('sizeGib', sizeGib),
    ...optional('iops', iops),
    ...optional('throughput', throughput),
    ...optional('isEncrypted', isEncrypted),
    ...optional('kmsKeyId', kmsKeyId),
    ...optional('snapshotId', snapshotId),
  }
}

const gib = 1024 ** 3

function wholeGib(sizeBytes: number, type: VolumeType): number {
  const [least, most] = limits[type].size
  const size = Math.max(1, Math.ceil(sizeBytes / gib))
  if (size >= least && size <= most) return size
  throw impossible(
    `size=${formatSize(sizeBytes)} is not possible for a volume of type ${type}`,
    `it has from ${formatSize(least * gib)} to ${formatSize(most * gib)}`,
  )
}

function parseIops({ iops: asked, iopsPerGB }: Options, type: VolumeType, sizeGib: number | undefined) {
  const of = limits[type].iops
  if (asked !== undefined && iopsPerGB !== undefined)
    throw impossible('iops and iopsPerGB say the same', 'give one of them')
  if (iopsPerGB !== undefined && sizeGib === undefined) {
    throw impossible('iopsPerGB needs a size', 'give size, or iops')
  }
  const iops = asked ?? (iopsPerGB === undefined ? undefined : iopsPerGB * (sizeGib ?? 0))
  if (of === undefined) {
    if (iops === undefined) return undefined
    throw impossible(`a volume of type ${type} takes no iops`, 'types with iops: gp3, io1, io2')
  }
  if (iops === undefined) {
    if (!of.isNeeded) return undefined
    throw impossible(`a volume of type ${type} needs iops`, `give iops from ${of.range.join(' to ')}, or type=gp3`)
  }
  checkIops(iops, type, sizeGib)
  return iops
}

function checkIops(iops: number, type: VolumeType, sizeGib: number | undefined): void {
  const { range: [least, most] = [0, 0], perGib = 0 } = limits[type].iops ?? {}
  if (iops < least || iops > most) {
    throw impossible(`iops=${iops} is not possible for a volume of type ${type}`, `it has from ${least} to ${most}`)
  }
  // gp3 has its least number at any size.
  if (sizeGib !== undefined && iops > least && iops > perGib * sizeGib) {
    throw impossible(
      `iops=${iops} is too much for ${sizeGib} GiB of type ${type}: at most ${perGib} for each`,
      `give size=${Math.ceil(iops / perGib)}G, or iops=${perGib * sizeGib}`,
    )
  }
}

function checkThroughput(throughput: number, type: VolumeType, iops: number | undefined): void {
  const [least, most] = limits[type].throughput ?? []
  if (least === undefined || most === undefined) {
    throw impossible(`a volume of type ${type} takes no throughput`, 'the type with throughput is gp3')
  }
  if (throughput < least || throughput > most) {
    throw impossible(
      `throughput=${throughput} is not possible for type ${type}`,
      `it has from ${least} to ${most} MiB/s`,
    )
  }
  const enough = iops ?? limits[type].iops?.range[0] ?? 0
  if (throughput * 4 <= enough) return
  throw impossible(
    `throughput=${throughput} is too much for ${enough} iops: at most a quarter of them`,
    `give iops=${throughput * 4}`,
  )
}

/** Of a volume that is there already: what it was made with is not ours to say. */
const ofNewVolumes = ['size', 'type', 'iops', 'iopsPerGB', 'throughput', 'encrypted', 'kmsKeyId', 'snapshotId'] as const
const ofNewFileSystems = ['fsType', 'mkfsOptions', 'uid', 'gid', 'mode'] as const

function refuseOfAdopted(texts: Attributes): void {
  const names = Object.keys(withTodaysNames(texts))
  const isTag = (name: string) => name === 'tags' || name.startsWith('tag.')
  const wrong = [...ofNewVolumes, ...ofNewFileSystems, 'az'].find((name) => names.includes(name)) ?? names.find(isTag)
  if (wrong === undefined) return
  throw impossible(
    `${wrong} is for new volumes, and id takes over one that is there`,
    `leave out ${wrong}: the volume keeps what it has, and what is on it`,
  )
}

function refuseOfCopies(texts: Attributes): void {
  const named = withTodaysNames(texts)
  const wrong = ofNewFileSystems.find((name) => Object.hasOwn(named, name))
  if (wrong === undefined) return
  throw impossible(
    `${wrong} is for new file systems, and a volume of a snapshot has one`,
    `leave out ${wrong}: what the snapshot holds is mounted as it is`,
  )
}

function refuseStickyXfs(mode: number, fsType: FsType): void {
  if (fsType !== 'xfs' || (mode & 0o1000) === 0) return
  throw impossible(
    `mode=${mode.toString(8)} is not possible with fsType=xfs: mkfs.xfs cannot set the sticky bit`,
    `give mode=${(mode & ~0o1000).toString(8).padStart(4, '0')} and set the bit in the volume later, or use fsType=ext4`,
  )
}

function impossible(message: string, hint: string): ConvoyError {
  return new ConvoyError('invalid-argument', message, { hint })
}
