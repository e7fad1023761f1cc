import { join } from 'node:path'
import { isConvoyError } from '../../errors.js'
import { within } from '../../host/clock.js'
import { FileProcess } from '../../host/file-process.js'
import { ProjectQuota } from '../../host/project-quota.js'
import { parseOptions } from '../../model/options.js'
import type { DriverSetup } from '../registry.js'
import { VfsDriver } from './vfs-driver.js'
import { vfsDriverOptions } from './vfs-options.js'
import { VfsRoot } from './vfs-root.js'

/** Docker waits for the daemon's start; a storage that comes later is found by whoever needs it. */
const longestWaitMs = 2000

/**
 * Opens the vfs driver on its directory. Only the one below the daemon's is made: another that is missing may be a disk that is
 * not mounted yet. ConvoyError `invalid-argument` for what is no directory.
 */
export async function openVfsDriver(setup: DriverSetup): Promise<VfsDriver> {
  const { path: given, defaultvolumesize } = parseOptions(vfsDriverOptions, setup.options, 'option of driver vfs')
  const usual = join(setup.root, 'volumes')
  const path = given ?? usual
  const files = new FileProcess()
  const root = new VfsRoot({ path, isOurs: path === usual, files })
  try {
    await within(longestWaitMs, root.find())
  } catch (thrown) {
    if (!isConvoyError(thrown, 'unavailable') && !isConvoyError(thrown, 'deadline-exceeded')) {
      files.close()
      throw thrown
    }
    setup.log.warn({ path, err: thrown }, 'the directory of the volumes is not there yet')
  }
  return new VfsDriver({ ...setup, root, defaultSizeBytes: defaultvolumesize, files, quota: new ProjectQuota() })
}
