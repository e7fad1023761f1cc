import type { CallContext } from '../model/call-context.js'

/** A disk that this host has. */
export interface BlockDevice {
  /** `/dev/nvme1n1` */
  readonly path: string
  /** Its number in the kernel, `259:4`: another disk under the same path has another. */
  readonly number: string
  readonly sizeBytes: number
  /** As sysfs says it, without the dash of `vol-`. The disks of Xen have none. */
  readonly serial?: string
}

/** What is on a disk, as far as it can be told without mounting it. */
export type DiskContent =
  /** All zeros at both ends, and nothing that has a name. */
  | { readonly kind: 'blank' }
  | { readonly kind: 'file-system'; readonly fsType: string; readonly label?: string; readonly uuid?: string }
  /** A partition table, a RAID member, an encrypted disk, or bytes without a name. */
  | { readonly kind: 'unknown'; readonly description: string }

/**
 * The disks of this host. Everything that touches one is a child process with a deadline: a disk may hang. ConvoyError `unavailable`
 * when a disk cannot be read, `deadline-exceeded` when it does not answer.
 */
export interface BlockDevices {
  /**
   * The disk with this serial number, by sysfs (`/sys/block/<name>/device/serial`, `/sys/block/<name>/serial`), whatever it is called
   * and whatever namespace number it has. `vol-0123` and `vol0123` are the same. None when there is none; ConvoyError `internal`
   * when there are several.
   */
  findBySerial(serial: string): Promise<BlockDevice | undefined>
  /**
   * The disk of a Xen instance that EC2 attached as `/dev/sdf` or `/dev/xvdf`: the kernel's `xvdf`. Such disks have no serial, so
   * their name is all there is. Not for instances with NVMe, where EC2's names mean nothing.
   */
  findByName(name: string): Promise<BlockDevice | undefined>
  /** Resolves as {@link findBySerial}, as soon as there is such a disk; `deadline-exceeded` when the signal aborts. */
  untilThere(serial: string, signal: AbortSignal): Promise<BlockDevice>
  /** Resolves once the disk is there no longer: its number is free, or another disk has it. `deadline-exceeded` as above. */
  untilGone(device: BlockDevice, signal: AbortSignal): Promise<void>
  /**
   * Throws ConvoyError `internal` unless the disk at that path, opened, is the one with the serial, the number and the size; `unavailable`
   * when it cannot be opened. Without a serial only for {@link findByName}'s disks. Whoever mounts the path afterwards compares the number of
   * what is mounted with the device's.
   */
  verify(device: BlockDevice, serial: string | undefined, call: CallContext): Promise<void>
  /** Reads the first and last 16 MiB past the cache of the kernel, and what blkid says; never says `blank` of what it could not read. */
  examine(device: BlockDevice, call: CallContext): Promise<DiskContent>
  /** What blkid says, soon: never `blank`, which is `unknown` here. */
  identify(device: BlockDevice, call: CallContext): Promise<DiskContent>
  /**
   * Makes a file system. Serial, number, size and blankness are verified right before, by the process that becomes mkfs; ConvoyError `internal`
   * when the disk is another or no longer blank. A mkfs under way is not stopped by the caller's signal, which would leave half a file system.
   */
  format(device: BlockDevice, request: FormatRequest, call: CallContext): Promise<void>
  /**
   * Repairs what can be repaired without loss, within a deadline; ConvoyError `internal`, with what to do, when that does not suffice. Nothing
   * for xfs, which the mount repairs.
   */
  check(device: BlockDevice, fsType: FsType, call: CallContext): Promise<void>
}

export const fsTypes = ['ext4', 'xfs'] as const
export type FsType = (typeof fsTypes)[number]

/** None for a file system that is not made or mounted here. */
export const findFsType = (word: string | undefined): FsType | undefined => fsTypes.find((one) => one === word)

export interface FormatRequest {
  /** None for {@link BlockDevices.findByName}'s disks only. */
  readonly serial: string | undefined
  readonly fsType: FsType
  /** Words for mkfs, checked against a list by whoever took them from a user. */
  readonly mkfsOptions: readonly string[]
  /** A directory that is there as soon as the file system is. */
  readonly root?: RootDirectory
}

/** What containers shall see, beside `lost+found`. */
export interface RootDirectory {
  readonly directory: '_data'
  readonly uid: number
  readonly gid: number
  /** Up to 07777; xfs cannot have the sticky bit from the start. */
  readonly mode: number
}
