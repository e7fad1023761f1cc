import { join } from 'node:path'
import { ConvoyError } from '../../errors.js'
import type { FileResult } from '../../host/file-operations.js'
import { FileProcess } from '../../host/file-process.js'
import { ProjectQuota } from '../../host/project-quota.js'
import { parseOptions } from '../../model/options.js'
import type { DriverSetup } from '../registry.js'
import { VfsDriver } from './vfs-driver.js'
import { vfsDriverOptions } from './vfs-options.js'

/** Opens the vfs driver on its directory. Only the one below the daemon's is made: another that is missing may be a disk that is not mounted. */
export async function openVfsDriver(setup: DriverSetup): Promise<VfsDriver> {
  const { path: given, defaultvolumesize } = parseOptions(vfsDriverOptions, setup.options, 'option of driver vfs')
  const usual = join(setup.root, 'volumes')
  const path = given ?? usual
  const files = new FileProcess()
  try {
    if (path === usual) await files.run([{ op: 'mkdir', path, mode: 0o711 }])
    const [real] = await files.run([{ op: 'realpath', path }])
    const directory = await directoryAt(files, real, path)
    return new VfsDriver({
      ...setup,
      path: directory,
      defaultSizeBytes: defaultvolumesize,
      files,
      quota: new ProjectQuota(),
    })
  } catch (thrown) {
    files.close()
    if (!(thrown instanceof ConvoyError) || thrown.code !== 'not-found') throw thrown
    throw new ConvoyError('invalid-argument', `vfs.path ${path} does not exist`, {
      hint: 'create it, or mount the disk or share that holds it, and start convoy again',
      cause: thrown,
    })
  }
}

async function directoryAt(files: FileProcess, real: FileResult | undefined, path: string): Promise<string> {
  if (typeof real !== 'string') throw new ConvoyError('internal', `no real path of ${path}`)
  const [status] = await files.run([{ op: 'stat', path: real }])
  if (typeof status === 'object' && status !== null && 'kind' in status && status.kind === 'directory') return real
  throw new ConvoyError('invalid-argument', `vfs.path ${path} is not a directory`, {
    hint: 'give vfs.path the directory that shall hold the volumes',
  })
}
