import { existsSync, realpathSync, statSync } from 'node:fs'
import { ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { parseAbsolutePath } from '../model/options.js'
import { findProgram, runProgram, type ProgramResult } from './exec.js'
import { mountError } from './mount-errors.js'
import { formatMountOptions } from './mount-options.js'
import { countMounts, findMount, isBelow, isNfs, readMountTable, type MountEntry } from './mount-table.js'
import { makeMountpoint, removeMountpoint, sealMountpoint } from './mountpoint-directory.js'
import { Unmounter } from './unmounter.js'

export interface MountRequest {
  /** A block device, or what the file system type takes instead: `server:/export`. */
  readonly source: string
  /** What the mount table calls the source, of NFS, where that is something else: a helper mounts by way of an address of its own. */
  readonly shownAs?: RegExp
  /** The number of the disk that is meant, `major:minor`: its path may be another one's by now. */
  readonly device?: string
  readonly fsType: string
  /** One option each; see {@link formatMountOptions} for what is refused. */
  readonly options: readonly string[]
  /** Absolute, without symbolic links, in directories that only root may change: never inside a volume. */
  readonly mountpoint: string
  /** While nothing is mounted there, not even root can write: for a mount that may go at any time. */
  readonly isSealed?: boolean
}

export interface UnmountResult {
  /** The mount is out of sight but may live on: its file system did not answer. Do not detach or remove what is below it. */
  readonly lazily: boolean
}

/** Mounts file systems on this host. Both calls can be repeated after any failure, and what is done already is no error. */
export interface Mounter {
  /**
   * Resolves only when the mount table shows the mount. `in-use` when something else is mounted there, unless its disk has gone:
   * that takes the place of a dead one.
   */
  mount(request: MountRequest, call: CallContext): Promise<void>
  /** Removes every mount at the mountpoint, then the directory. `in-use` while this host's processes use it. */
  unmount(mountpoint: string, call: CallContext): Promise<UnmountResult>
  /**
   * Takes every mount at the mountpoint out of sight, whoever uses it: they keep what they have, and who comes finds the directory
   * below. For a mount that leads nowhere.
   */
  abandon(mountpoint: string, call: CallContext): Promise<void>
  /** What the kernel has mounted at that directory or below it; never touches the file systems themselves. */
  mountsBelow(directory: string): Promise<readonly MountEntry[]>
}

/** One that mounts disks, too. */
export interface DiskMounter extends Mounter {
  /** What is mounted at that directory or below it, and its disk has gone: somebody detached it under the mount. */
  lostBelow(directory: string): Promise<readonly MountEntry[]>
}

export interface SystemMounterDeps {
  readonly run?: typeof runProgram
  readonly readTable?: typeof readMountTable
  /** Of a file system, `major:minor`. */
  readonly isDiskThere?: (device: string) => boolean
  readonly mountTimeoutMs?: number
  readonly unmountTimeoutMs?: number
}

/** mount(8) and umount(8). What they did is read from the mount table, whatever their exit codes say. */
export class SystemMounter implements DiskMounter {
  readonly #deps: Required<SystemMounterDeps>
  readonly #unmounter: Unmounter

  constructor(deps: SystemMounterDeps = {}) {
    const timeouts = { mountTimeoutMs: 30_000, unmountTimeoutMs: 10_000 }
    const defaults = { run: runProgram, readTable: readMountTable, isDiskThere, ...timeouts }
    this.#deps = { ...defaults, ...deps }
    const { readTable, unmountTimeoutMs } = this.#deps
    const umount = (args: readonly string[], call: CallContext) => this.#attempt('umount', args, unmountTimeoutMs, call)
    this.#unmounter = new Unmounter({ umount, readTable })
  }

  async mountsBelow(directory: string): Promise<readonly MountEntry[]> {
    const entries = await this.#deps.readTable()
    return entries.filter(({ mountpoint }) => isBelow(mountpoint, directory))
  }

  async lostBelow(directory: string): Promise<readonly MountEntry[]> {
    return (await this.mountsBelow(directory)).filter(({ device }) => !this.#deps.isDiskThere(device))
  }

  async mount(request: MountRequest, call: CallContext): Promise<void> {
    const args = mountArguments(request)
    const before = await this.#findAt(request.mountpoint)
    if (before !== undefined && !this.#deps.isDiskThere(before.device)) {
      const { mountpoint, source } = before
      call.log.warn({ mountpoint, source }, 'the disk of a mount has gone: the mount makes room')
      await this.abandon(mountpoint, call)
    } else if (isDone(before, request)) return
    if (Object.hasOwn(mountPrograms, request.fsType)) findProgram(mountPrograms[request.fsType] ?? '')
    makeMountpoint(request.mountpoint)
    if (request.isSealed === true) await sealMountpoint(request.mountpoint)
    const failure = await this.#attempt('mount', args, this.#deps.mountTimeoutMs, call)
    const after = await this.#findAt(request.mountpoint)
    await this.#undoOther(after, request, call)
    if (isDone(after, request)) return
    throw mountError(request.source, request.mountpoint, failure)
  }

  /** Between the look at the disk and the mount its path can have become another disk's: ConvoyError `internal`. */
  async #undoOther(
    found: MountEntry | undefined,
    { device, source, mountpoint }: MountRequest,
    call: CallContext,
  ): Promise<void> {
    if (device === undefined || found === undefined || found.device === device) return
    await this.unmount(mountpoint, call)
    throw new ConvoyError('internal', `${source} is not the disk ${device} any more: it was unmounted again`, {
      hint: 'start the container again: the right disk is looked for anew',
    })
  }

  async unmount(mountpoint: string, call: CallContext): Promise<UnmountResult> {
    parseAbsolutePath(mountpoint)
    let lazily = false
    // As often as it is mounted now, and no more: a mount that comes meanwhile is somebody else's.
    for (let count = await this.#count(mountpoint); count > 0; count -= 1) {
      const wasLazy = await this.#unmounter.unmount({ mountpoint, count }, call)
      lazily = lazily || wasLazy
    }
    if ((await this.#count(mountpoint)) > 0) {
      throw new ConvoyError('in-use', `"${mountpoint}" was mounted again while it was being unmounted`)
    }
    await removeMountpoint(mountpoint, call)
    return { lazily }
  }

  async abandon(mountpoint: string, call: CallContext): Promise<void> {
    parseAbsolutePath(mountpoint)
    for (let count = await this.#count(mountpoint); count > 0; count -= 1) {
      await this.#unmounter.abandon({ mountpoint, count }, call)
    }
  }

  /** Why the program says that it failed, if it does. */
  async #attempt(
    program: string,
    args: readonly string[],
    timeoutMs: number,
    { signal }: CallContext,
  ): Promise<ProgramResult | ConvoyError> {
    try {
      return await this.#deps.run(program, args, { timeoutMs, signal })
    } catch (thrown) {
      if (thrown instanceof ConvoyError) return thrown
      throw thrown
    }
  }

  async #count(mountpoint: string): Promise<number> {
    return countMounts(await this.#deps.readTable(), mountpoint)
  }

  async #findAt(mountpoint: string): Promise<MountEntry | undefined> {
    return findMount(await this.#deps.readTable(), mountpoint)
  }
}

/** Whether what is mounted there is what was asked for; ConvoyError `in-use` when it is something else. */
function isDone(found: MountEntry | undefined, request: MountRequest): boolean {
  if (found === undefined) return false
  if (isMountOf(found, request)) return true
  throw new ConvoyError(
    'in-use',
    `"${request.mountpoint}" has ${found.source} (${found.fsType}) mounted on it already`,
    {
      hint: `unmount it to make room for ${request.source}`,
    },
  )
}

/** mount(8) blames the options when the type's own program is missing, so that is found out first. */
const mountPrograms: Readonly<Record<string, string>> = {
  cifs: 'mount.cifs',
  efs: 'mount.efs',
  nfs: 'mount.nfs',
  nfs4: 'mount.nfs4',
}

/** Whether the kernel still has the disk; what lies on no disk of its own has a number that begins with 0. */
function isDiskThere(device: string): boolean {
  return device.startsWith('0:') || existsSync(`/sys/dev/block/${device}`)
}

function mountArguments({ fsType, options, source, mountpoint }: MountRequest): readonly string[] {
  parseAbsolutePath(mountpoint)
  // A list (`ext4,xfs`), `auto` and `no…` would let the kernel guess from what the device holds.
  if (!/^[a-z0-9][a-z0-9_.]{0,30}$/.test(fsType) || /^(?:auto|no.*)$/.test(fsType)) {
    throw new ConvoyError('invalid-argument', `${JSON.stringify(fsType)} is not a file system type`)
  }
  if (!/^[\x21-\x7e]{1,1024}$/.test(source)) {
    throw new ConvoyError('invalid-argument', `${JSON.stringify(source.slice(0, 60))} cannot be mounted`)
  }
  return ['-t', fsType, '-o', formatMountOptions(options), '--', source, mountpoint]
}

function isMountOf(entry: MountEntry, { source, fsType, shownAs, device }: MountRequest): boolean {
  if (device !== undefined) return entry.device === device && entry.fsType === fsType
  if (shownAs !== undefined) return isNfs(entry) && shownAs.test(entry.source)
  // The kernel calls every version from 4 on nfs4.
  const isSameType = entry.fsType === fsType || (fsType === 'nfs' && entry.fsType === 'nfs4')
  if (!isSameType) return false
  return withoutSlash(entry.source) === withoutSlash(source) || isSameDevice(entry, source)
}

const withoutSlash = (source: string) => source.replace(/(?<=[^:/])\/+$/, '')

/** /dev/disk/by-id/… is mounted, /dev/nvme1n1 is what the table shows. Only paths in /dev are touched. */
function isSameDevice(entry: MountEntry, source: string): boolean {
  if (!source.startsWith('/dev/')) return false
  try {
    const { rdev } = statSync(source)
    const major = (rdev >> 8) & 0xfff
    const minor = (rdev & 0xff) | ((rdev >> 12) & 0xfff00)
    return entry.device === `${major}:${minor}` || entry.source === realpathSync(source)
  } catch {
    return false
  }
}
