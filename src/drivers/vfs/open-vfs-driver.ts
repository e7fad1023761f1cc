import { uptime } from 'node:os'
import { join } from 'node:path'
import { ConvoyError, isConvoyError } from '../../errors.js'
import { pause, startTimer, within } from '../../host/clock.js'
import { FileProcess } from '../../host/file-process.js'
import { type ExpectedMount, findMissingMount, readFstab } from '../../host/fstab.js'
import { readMountTable } from '../../host/mount-table.js'
import { SystemMounter } from '../../host/mounter.js'
import { NfsTransports } from '../../host/nfs-transports.js'
import { ProjectQuota } from '../../host/project-quota.js'
import { resolveHost } from '../../host/resolve-host.js'
import { SharedFileProcess } from '../../host/shared-file-process.js'
import { optional } from '../../model/optional.js'
import { parseOptions } from '../../model/options.js'
import type { DriverSetup } from '../registry.js'
import { EfsAccess } from './efs-access.js'
import { KnownShares } from './known-shares.js'
import { OwnAccessPoints } from './own-access-points.js'
import { parseShare, type Share } from './share.js'
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
  const options = parseOptions(vfsDriverOptions, setup.options, 'option of driver vfs')
  const { path, share, efs, mountoptions, defaultvolumesize } = options
  if (share === undefined && efs === undefined && mountoptions !== undefined) throw withoutShare()
  if ([path, share, efs].filter((place) => place !== undefined).length > 1) throw onePlace()
  const shared = parseShare({
    ...optional('share', share),
    ...optional('efs', efs),
    ...optional('mountoptions', mountoptions),
  })
  const quota = new ProjectQuota()
  const placeAt = (place: Pick<VfsPlaceDeps, 'root' | 'files' | 'where'>) =>
    new VfsPlace({ ...setup, ...place, quota, defaultSizeBytes: defaultvolumesize })
  const efsAccess = new EfsAccess({ ...options, log: setup.log })
  const shares = new Shares(setup, efsAccess)
  const places = new VfsPlaces({
    main: placeAt({ ...(shared === undefined ? await openDirectory(path, setup) : shares.open(shared)), where: {} }),
    mainShare: shared,
    known: new KnownShares(shares.directory),
    openShare: (other) => placeAt({ ...shares.open(other), where: other.where }),
  })
  const ownAccessPoints = new OwnAccessPoints({ api: efsAccess.api, hostId: setup.hostId, pause })
  return new VfsDriver({ places, ownAccessPoints, quota, defaultSizeBytes: defaultvolumesize })
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
  readonly #efs: EfsAccess
  readonly #files = new SharedFileProcess()
  readonly #mounter = new SystemMounter()
  readonly #transports = new NfsTransports()

  constructor(setup: DriverSetup, efs: EfsAccess) {
    this.directory = join(setup.root, 'shares')
    this.#setup = setup
    this.#efs = efs
  }

  open(share: Share): Opened {
    const files = this.#files.of(share.id)
    const root = new ShareRoot({
      share,
      mountpoint: join(this.directory, share.id),
      mounter: this.#mounter,
      files,
      resolveHost,
      redirect: (from, to) => this.#transports.redirect(from, to),
      ...(share.efs === undefined ? {} : this.#efs.waysTo(share.efs, this.#mounter)),
      log: this.#setup.log,
      ...clock,
    })
    return { root, files }
  }
}

function onePlace(): ConvoyError {
  return new ConvoyError('invalid-argument', 'vfs.path, vfs.share and vfs.efs exclude each other', {
    hint:
      'give vfs.share or vfs.efs for what convoy mounts, or vfs.path for a directory, which may be on a share that you mount; ' +
      'EFS_ID and NFS_SERVER in the environment are the same as vfs.efs and vfs.share',
  })
}

function withoutShare(): ConvoyError {
  return new ConvoyError(
    'invalid-argument',
    'vfs.mountoptions says how to mount a share, and there is neither vfs.share nor vfs.efs',
  )
}
