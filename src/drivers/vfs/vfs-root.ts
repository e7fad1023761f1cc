import { ConvoyError, isConvoyError } from '../../errors.js'
import type { FileProcess } from '../../host/file-process.js'
import { missingRoot } from './vfs-volume.js'

/** The directory that holds the volumes. It may come late: a disk, or a share. */
export class VfsRoot {
  readonly #given: string
  readonly #files: FileProcess
  #real: string | undefined

  constructor(given: string, files: FileProcess) {
    this.#given = given
    this.#files = files
  }

  /** Without links once it has been found: the kernel shows mounts by that path. */
  get path(): string {
    return this.#real ?? this.#given
  }

  /** Looks for it, until it has been found once. ConvoyError `unavailable` while it is not there. */
  async find(): Promise<void> {
    this.#real ??= await this.#look()
  }

  async #look(): Promise<string> {
    const path = this.#given
    try {
      const [real] = await this.#files.run([{ op: 'realpath', path }])
      if (typeof real !== 'string') throw new ConvoyError('internal', `no real path of ${path}`)
      const [status] = await this.#files.run([{ op: 'stat', path: real }])
      if (typeof status === 'object' && status !== null && 'kind' in status && status.kind === 'directory') return real
    } catch (thrown) {
      throw isConvoyError(thrown, 'not-found') ? missingRoot(path, thrown) : thrown
    }
    throw new ConvoyError('invalid-argument', `vfs.path ${path} is not a directory`, {
      hint: 'give vfs.path the directory that shall hold the volumes',
    })
  }
}
