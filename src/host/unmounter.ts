import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { ProgramResult } from './exec.js'
import { unmountError } from './mount-errors.js'
import { countMounts, findMount, type MountEntry } from './mount-table.js'

/** One mount on a mountpoint: how many there were with it tells whether it has gone. */
interface Topmost {
  readonly mountpoint: string
  readonly count: number
}

export interface UnmounterDeps {
  /** Runs umount(8) for as long as it may take; why it says that it failed, if it does. */
  readonly umount: (args: readonly string[], call: CallContext) => Promise<ProgramResult | ConvoyError>
  readonly readTable: () => Promise<readonly MountEntry[]>
}

type Way = 'umount' | 'umount -f' | 'umount -l'

/** Takes mounts away. Only the mount table says whether one is gone: a dead server keeps umount(8) waiting also when it is. */
export class Unmounter {
  readonly #deps: UnmounterDeps

  constructor(deps: UnmounterDeps) {
    this.#deps = deps
  }

  /**
   * Takes the topmost mount away, from who uses it only when the storage hangs; whether its file system may live on. ConvoyError
   * `in-use` while it is used.
   */
  async unmount(mount: Topmost, call: CallContext): Promise<boolean> {
    const failure = await this.#try('umount', mount, call)
    if (failure === undefined) return false
    if (!isHang(failure) || call.signal.aborted) throw unmountError(mount.mountpoint, failure)
    return this.#takeHanging(mount, call)
  }

  /** Takes the topmost mount away, whoever uses it. */
  async abandon(mount: Topmost, call: CallContext): Promise<void> {
    const entry = findMount(await this.#deps.readTable(), mount.mountpoint)
    // Of NFS 3 only that returns while the server is silent.
    if (entry?.fsType === 'nfs') return this.#detach(mount, call)
    const failure = await this.#try('umount', mount, call)
    if (failure === undefined) return
    if (isHang(failure)) await this.#takeHanging(mount, call)
    else await this.#detach(mount, call)
  }

  async #takeHanging(mount: Topmost, call: CallContext): Promise<boolean> {
    const entry = findMount(await this.#deps.readTable(), mount.mountpoint)
    // It fails what waits for the server: never done while that answers, because other mounts may share the file system.
    if (entry?.fsType === 'nfs4' && (await this.#try('umount -f', mount, call)) === undefined) return false
    await this.#detach(mount, call)
    return true
  }

  async #detach(mount: Topmost, call: CallContext): Promise<void> {
    const failure = await this.#try('umount -l', mount, call)
    if (failure !== undefined) throw unmountError(mount.mountpoint, failure)
    const { mountpoint } = mount
    call.log.warn({ mountpoint }, 'a mount is out of sight; its file system lives on until nobody uses it')
  }

  /** Undefined when it is gone. */
  async #try(
    way: Way,
    { mountpoint, count }: Topmost,
    call: CallContext,
  ): Promise<ProgramResult | ConvoyError | undefined> {
    const began = performance.now()
    const failure = await this.#deps.umount([...flags[way], ...cautiously(mountpoint)], call)
    const isGone = countMounts(await this.#deps.readTable(), mountpoint) < count
    const level = isGone && way === 'umount' ? 'debug' : 'warn'
    const said = failure instanceof ConvoyError ? failure.sentence : failure.stderr.trim()
    call.log[level](
      { mountpoint, way, isGone, said, ms: Math.round(performance.now() - began) },
      'unmounting was tried',
    )
    return isGone ? undefined : failure
  }
}

const flags: Readonly<Record<Way, readonly string[]>> = { umount: [], 'umount -f': ['-f'], 'umount -l': ['-l'] }

/** Without helpers (-i) and without asking the file system for its real path (-c): both hang on a dead server. */
const cautiously = (mountpoint: string) => ['-i', '-c', '--', mountpoint]

const isHang = (failure: ProgramResult | ConvoyError) => isConvoyError(failure, 'deadline-exceeded')
