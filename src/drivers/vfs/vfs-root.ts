import { ConvoyError } from '../../errors.js'
import { lastLine, runProgram } from '../../host/exec.js'
import type { FileProcess } from '../../host/file-process.js'
import { missingRoot } from './vfs-volume.js'

const lookTimeoutMs = 30_000

export interface VfsRootSettings {
  readonly path: string
  /** Make it when it is missing: nothing else can be meant to be mounted there. */
  readonly isOurs: boolean
  readonly files: FileProcess
}

/** The directory that holds the volumes. It may come late: a disk, or a share. */
export class VfsRoot {
  readonly #settings: VfsRootSettings
  #real: string | undefined
  #looking: Promise<void> | undefined

  constructor(settings: VfsRootSettings) {
    this.#settings = settings
  }

  /** Without links once it has been found: the kernel shows mounts by that path. */
  get path(): string {
    return this.#real ?? this.#settings.path
  }

  /**
   * Looks for it, until it has been found once. ConvoyError `unavailable` while it is not there, `invalid-argument` for what is
   * no directory. Whoever asks meanwhile gets the same answer: hundreds of mounts may wait for a share that hangs.
   */
  find(): Promise<void> {
    if (this.#real !== undefined) return Promise.resolve()
    this.#looking ??= this.#look()
      .then((real) => void (this.#real = real))
      .finally(() => (this.#looking = undefined))
    return this.#looking
  }

  async #look(): Promise<string> {
    const { path, isOurs, files } = this.#settings
    const real = await realPathOf(path)
    if (real !== undefined) return real
    if (!isOurs) throw missingRoot(path)
    await files.run([{ op: 'mkdir', path, mode: 0o711 }])
    return (await realPathOf(path)) ?? path
  }
}

/**
 * Undefined when there is nothing. By realpath(1) and not by the file child, because a start waits for it: that takes a tenth of
 * the time.
 */
async function realPathOf(path: string): Promise<string | undefined> {
  const { exitCode, stdout, stderr } = await runProgram('realpath', [`${path}/.`], { timeoutMs: lookTimeoutMs })
  if (exitCode === 0) return stdout.replace(/\n$/, '')
  if (stderr.includes('No such file')) return undefined
  if (!stderr.includes('Not a directory')) {
    throw new ConvoyError(
      'unavailable',
      `vfs.path ${path} cannot be used: ${lastLine(stderr) ?? `exit code ${exitCode}`}`,
    )
  }
  throw new ConvoyError('invalid-argument', `vfs.path ${path} is not a directory`, {
    hint: 'give vfs.path the directory that shall hold the volumes',
  })
}
