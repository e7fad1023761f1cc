import { uptime } from 'node:os'
import { join } from 'node:path'
import { ConvoyError, isConvoyError } from '../../errors.js'
import { startTimer, within } from '../../host/clock.js'
import { FileProcess } from '../../host/file-process.js'
import { type ExpectedMount, findMissingMount, readFstab } from '../../host/fstab.js'
import { readMountTable } from '../../host/mount-table.js'
import { SystemMounter } from '../../host/mounter.js'
import { NfsTransports } from '../../host/nfs-transports.js'
import { ProjectQuota } from '../../host/project-quota.js'
import { resolveHost } from '../../host/resolve-host.js'
import { SharedFileProcess } from '../../host/shared-file-process.js'
import { parseOptions } from '../../model/options.js'
import type { DriverSetup } from '../registry.js'
import { KnownShares } from './known-shares.js'
import { type NfsShare, parseNfsShare } from './nfs-share.js'
import { ShareRoot } from './share-root.js'
import { VfsDriver } from './vfs-driver.js'
import { VfsPlace, type VfsPlaceDeps } from './vfs-place.js'
import { VfsPlaces } from './vfs-places.js'
import { vfsDriverOptions } from './vfs-options.js'
import { DirectoryRoot } from './vfs-root.js'

/** Docker waits for the daemon's start; a storage that comes later is found by whoever needs it. */
const longestWaitMs = 2000

/**
 * Opens the vfs driver on its directory, or on its share, which is not mounted before it is needed. ConvoyError
 * `invalid-argument` for what is no directory.
 */
export async function openVfsDriver(setup: DriverSetup): Promise<VfsDriver> {
  const { path, share, mountoptions, defaultvolumesize } = parseOptions(
    vfsDriverOptions,
    setup.options,
    'option of driver vfs',
  )
  if (share === undefined && mountoptions !== undefined) throw withoutShare()
  if (share !== undefined && path !== undefined) throw shareOrPath()
  const shared = share === undefined ? undefined : parseNfsShare(share, mountoptions)
  const quota = new ProjectQuota()
  const placeAt = (place: Pick<VfsPlaceDeps, 'root' | 'files' | 'where'>) =>
    new VfsPlace({ ...setup, ...place, quota, defaultSizeBytes: defaultvolumesize })
  const shares = new Shares(setup)
  const places = new VfsPlaces({
    main: placeAt({ ...(shared === undefined ? await openDirectory(path, setup) : shares.open(shared)), where: {} }),
    mainShare: shared,
    known: new KnownShares(shares.directory),
    openShare: (other, where) => placeAt({ ...shares.open(other), where }),
  })
  return new VfsDriver({ places, quota, defaultSizeBytes: defaultvolumesize })
}

const clock = { nowMs: () => performance.now(), uptimeMs: () => uptime() * 1000, startTimer }

type Opened = Pick<VfsPlaceDeps, 'root' | 'files'>

/** Only the one below the daemon's is made: another that is missing may be a disk that is not mounted yet. */
async function openDirectory(given: string | undefined, setup: DriverSetup): Promise<Opened> {
  const files = new FileProcess()
  const usual = join(setup.root, 'volumes')
  const path = given ?? usual
  const root = new DirectoryRoot({
    path,
    isOurs: path === usual,
    files,
    findMissingMount: findMissingMountOf,
    ...clock,
  })
  try {
    await within(longestWaitMs, root.find())
  } catch (thrown) {
    if (!isConvoyError(thrown, 'unavailable') && !isConvoyError(thrown, 'deadline-exceeded')) {
      files.close()
      throw thrown
    }
    setup.log.warn({ path, err: thrown }, 'the directory of the volumes is not there yet')
  }
  return { root, files }
}

async function findMissingMountOf(path: string): Promise<ExpectedMount | undefined> {
  return findMissingMount(path, { expected: readFstab(), mounted: await readMountTable() })
}

/** Shares that this daemon mounts, below its own directory; one process works on all of them. */
class Shares {
  readonly directory: string
  readonly #setup: DriverSetup
  readonly #files = new SharedFileProcess()
  readonly #mounter = new SystemMounter()
  readonly #transports = new NfsTransports()

  constructor(setup: DriverSetup) {
    this.directory = join(setup.root, 'shares')
    this.#setup = setup
  }

  open(share: NfsShare): Opened {
    const files = this.#files.of(share.id)
    const root = new ShareRoot({
      share,
      mountpoint: join(this.directory, share.id),
      mounter: this.#mounter,
      files,
      resolveHost,
      redirect: (from, to) => this.#transports.redirect(from, to),
      log: this.#setup.log,
      ...clock,
    })
    return { root, files }
  }
}

function shareOrPath(): ConvoyError {
  return new ConvoyError('invalid-argument', 'vfs.path and vfs.share exclude each other', {
    hint: 'give vfs.share for a share that convoy mounts, or vfs.path for a directory, which may be on a share that you mount',
  })
}

function withoutShare(): ConvoyError {
  return new ConvoyError('invalid-argument', 'vfs.mountoptions says how to mount a share, and there is no vfs.share')
}
