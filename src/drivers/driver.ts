import type { CallContext, Logger } from '../model/call-context.js'
import type { OptionTable } from '../model/options.js'
import type { Space } from '../model/space.js'
import type { Attributes, OnRemove, SizeLimit, VolumeHandle, VolumePlace } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'

/**
 * A storage driver: makes volumes on one kind of storage and makes them reachable from this host.
 * Core calls drivers; a driver never calls core. It keeps no durable state: `call.journal` (of this volume, durable before
 * it resolves, written by core) is its memory. What it holds in the process it can rebuild from the kernel or the storage.
 *
 * Core guarantees that calls for one volume never overlap; calls for different volumes do.
 * In return every method
 * - is idempotent: after a crash core makes the last call again with the same arguments;
 * - throws ConvoyError and nothing else;
 * - stops soon after `signal` aborts, leaving a state that the same call repairs.
 */
export interface Driver {
  readonly name: string
  readonly volumeOptions: OptionTable
  /** `exclusive`: one host at a time may attach a volume. */
  readonly attachMode: 'exclusive' | 'shared'
  /**
   * `stateless`: attach leaves nothing behind that a crash would have to undo, so core writes no intent for it.
   * `recorded`: attach changes this host or the storage (a device is attached); core records the intent first.
   */
  readonly attachment: 'stateless' | 'recorded'
  create(request: CreateRequest, call: DriverCall): Promise<CreatedVolume>
  /**
   * Destroys the storage and the data on it; of an adopted volume only our marker goes. A volume that is gone already is no
   * error. May take long: core runs it in a job.
   */
  remove(volume: VolumeHandle, call: DriverCall & RemovalProgress): Promise<void>
  /**
   * Makes the volume reachable from this host, with a file system on it, and says what to mount. Core mounts. `unavailable` while
   * the storage is not there: core asks again until the mount's time is up.
   */
  attach(volume: VolumeHandle, call: DriverCall): Promise<MountSource>
  /** The directory that attach would name, or where retire has put it, where that is known without asking the storage: core asks the kernel who holds it. */
  placeOf(volume: VolumeHandle): VolumePlace | undefined
  /** Undoes attach, once core has unmounted. */
  detach(volume: VolumeHandle, call: DriverCall): Promise<void>
  /**
   * Notes on the storage itself what became of a volume, so that every host sees it. `forgotten`: out of sight, the data stays
   * where it is. `trashed`: out of the way too, so that the name is free; an adopted volume only loses our marker. The handle
   * returned replaces the old one. `not-found` when the storage holds no volume of ours with that id.
   */
  retire(volume: VolumeHandle, as: Retirement, call: DriverCall): Promise<VolumeHandle>
  /** Undoes retire, under `name`, also one that failed midway; `already-exists` when something else has that name by now. */
  revive(volume: VolumeHandle, name: VolumeName, call: DriverCall): Promise<VolumeHandle>
  /**
   * Gives a volume another size, also while it is attached. `unsupported` when its storage cannot, `invalid-argument` when it
   * holds more already: then nothing has changed. The handle returned replaces the old one.
   */
  resize(volume: VolumeHandle, sizeBytes: number, call: DriverCall): Promise<VolumeHandle>
  /** Bytes that the volume takes. Takes its time: it may have to look at every file. */
  usage(volume: VolumeHandle, call: CallContext): Promise<number>
  /** Where it has volumes: one storage without a name, and others that volumes name. Each may be away while the others answer. */
  storages(log: Logger): readonly StorageName[]
  /** Volumes that one of them holds, whichever host made them (sidecar files on the share, tags on EBS). `unavailable` as for attach. */
  discover(storage: StorageName, call: CallContext): AsyncIterable<DiscoveredVolume>
  /** Which of them the volume is on. */
  storageOf(volume: VolumeHandle): StorageName
  /**
   * Lets go of what this host holds of storages that no volume is on any more. `volumes`: all that core knows, also those of creates
   * under way.
   */
  leaveUnused(volumes: Iterable<VolumeOnStorage>, call: CallContext): Promise<void>
  /** What `inspect` shows under DriverInfo. Must not block on the storage. */
  inspect(volume: VolumeHandle, call: CallContext): Promise<Attributes>
  /** What people who use the volume must know, from memory: `docker volume inspect` shows it. */
  remarks(volume: VolumeHandle): Attributes
  /** What the size of a volume is: a limit that its storage enforces, one that somebody has to watch, or none at all. */
  limitOf(volume: VolumeHandle): Promise<SizeLimit>
  /** How much room the storages have that are in use and answer; the others are left out. */
  spaces(call: CallContext): AsyncIterable<StorageSpace>
  /** What `info` shows of the driver itself. */
  describe(): Attributes
  /**
   * What this volume's storage can do by itself: reflinks depend on the file system below one volume, not on the driver.
   * `undefined`: core takes the snapshot into a repository instead.
   */
  snapshots(volume: VolumeHandle): SnapshotOperations | undefined
  /** How a volume is taken from another host; `undefined` where hosts share their storage. */
  readonly takeover: TakeoverOperations | undefined
  /** Every disk that the storage keeps for this owner, whether or not core knows it; absent where volumes are no disks. Asks the storage. */
  survey?(call: CallContext): Promise<readonly StoredDisk[]>
  /** Releases what the driver holds in this process. */
  close(): Promise<void>
}

/** Of storage that one host at a time attaches. */
export interface TakeoverOperations {
  /** Which other host has the volume, if any. */
  holderOf(volume: VolumeHandle, call: DriverCall): Promise<OtherHolder | undefined>
  /** Takes the volume from whichever host has it, whatever is lost there, and leaves it attached to none. */
  seize(volume: VolumeHandle, call: DriverCall): Promise<void>
}

/** A disk that costs money for as long as it is there. */
export interface StoredDisk extends Pick<VolumeHandle, 'name' | 'id'> {
  /** What its storage calls it. */
  readonly storageId: string
  readonly state: 'live' | Retirement
  readonly sizeBytes: number
  /** This host made it or took it over, rather than another of the same owner. */
  readonly isOfThisHost: boolean
  readonly isAttachedHere: boolean
  /** Why it cannot be used. */
  readonly defect?: string
}

/** Another host that has a volume. */
export interface OtherHolder {
  /** As its storage calls it. */
  readonly host: string
  /** ISO 8601 */
  readonly since?: string
  /** What the storage says of that host, in its own words: `running`. */
  readonly state: string
}

/** Undefined: that of a driver that has one only, or of volumes that name none. */
export type StorageName = string | undefined

/** By its handle, and while it is being made by its options. */
export type VolumeOnStorage = VolumeHandle & { readonly options: Attributes }

export interface StorageSpace extends Space {
  /** As {@link Driver.storageOf}, or where it is: for people. */
  readonly storage: string
}

export type Retirement = 'forgotten' | 'trashed'

/** The context of a driver's call, with the volume's journal. */
export interface DriverCall extends CallContext {
  readonly journal: Journal
}

/** A driver's notes on one volume. A note is durable before `write` resolves. */
export interface Journal {
  readonly notes: Attributes
  write(notes: Attributes): Promise<void>
}

export interface RemovalProgress {
  /** Called with the number of entries removed so far, as often as the driver likes. */
  readonly onProgress?: (entriesRemoved: number) => void
  /** Called with what the removal waits for; progress ends the wait. */
  readonly onWait?: (reason: string) => void
}

export interface CreateRequest {
  readonly name: VolumeName
  /** Chosen by core and the same in every repetition of this call: the driver's idempotency token. */
  readonly id: string
  /**
   * As given by the user or a profile; core has checked them against `volumeOptions`. All of them come back from `discover`, also
   * `profile`, which means nothing to a driver.
   */
  readonly options: Attributes
  readonly createdAt: string
  readonly onRemove?: OnRemove
}

export interface CreatedVolume {
  readonly handle: VolumeHandle
  readonly origin: 'created' | 'adopted'
  readonly sizeBytes?: number
}

export interface DiscoveredVolume extends CreatedVolume {
  readonly state: 'live' | Retirement
  readonly createdAt: string
  readonly options: Attributes
  readonly onRemove?: OnRemove
  /** When it was retired, ISO 8601. */
  readonly retiredAt?: string
}

/**
 * Where core finds the volume after attach. `directory`: that directory is the mountpoint.
 * `filesystem`: core mounts `source` with exactly these options and exposes `subdirectory` of it ('' for its root).
 */
export type MountSource =
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 'filesystem'
      readonly source: string
      /** Of the disk, `major:minor`: by the time of the mount another one may have its path. */
      readonly device?: string
      readonly fsType: string
      readonly options: readonly string[]
      readonly subdirectory: string
    }

/** Snapshots that the storage makes by itself. Names are unique within the driver. */
export interface SnapshotOperations {
  create(name: string, call: DriverCall): Promise<void>
  /** A snapshot that is gone already is no error. */
  remove(name: string, call: DriverCall): Promise<void>
  /** Resolves to a directory that shows the snapshot read-only until `close`. */
  openReadOnly(name: string, call: DriverCall): Promise<{ readonly path: string; close(): Promise<void> }>
  /** Makes `target`, freshly created and empty, hold what the snapshot holds. */
  clone(name: string, target: VolumeHandle, call: DriverCall): Promise<void>
}
