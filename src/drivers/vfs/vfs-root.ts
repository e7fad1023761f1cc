import { ConvoyError } from '../../errors.js'
import { lastLine, runProgram } from '../../host/exec.js'
import type { ExpectedMount } from '../../host/fstab.js'
import type { FileRunner } from '../../host/file-process.js'
import type { CallContext } from '../../model/call-context.js'
import type { Attributes } from '../../model/volume.js'
import { missingRoot } from './vfs-volume.js'

const lookTimeoutMs = 30_000

/** The directory that holds volumes. It may come late: a disk, or a share. */
export interface VfsRoot {
  /** Without links once it has been found: the kernel shows mounts by that path. */
  readonly path: string
  /** `server:/export`, of a share that we mount: it may go at any time, and what is done there then is done to something else. */
  readonly source: string | undefined
  /** See `VolumePlace.servers`. */
  readonly servers?: RegExp | undefined
  /** Why it is pointless to wait for it any longer; absent while it is not. */
  readonly longDown: ConvoyError | undefined
  /**
   * Looks for it. ConvoyError `unavailable` while it is not there, `invalid-argument` for what is no directory. Whoever asks
   * meanwhile gets the same answer: hundreds of mounts may wait for a share that hangs.
   */
  find(): Promise<void>
  /** Does something there, if need be after finding it. */
  use<T>(act: () => Promise<T>): Promise<T>
  /** What people are told of it besides its path. */
  describe(): Attributes
  /** Makes it unreachable by way of us, if it is we who made it reachable. */
  leave(call: CallContext): Promise<void>
  close(): void
}

export interface DirectoryRootSettings {
  readonly path: string
  /** Make it when it is missing: nothing else can be meant to be mounted there. */
  readonly isOurs: boolean
  readonly files: FileRunner
  /** What is to be mounted there, and is not: until then it is another directory, which only looks empty. */
  readonly findMissingMount: (path: string) => Promise<ExpectedMount | undefined>
}

/** A directory that was given. Once found it is not looked for again. */
export class DirectoryRoot implements VfsRoot {
  readonly source = undefined
  readonly longDown = undefined
  readonly #settings: DirectoryRootSettings
  #real: string | undefined
  #looking: Promise<void> | undefined

  constructor(settings: DirectoryRootSettings) {
    this.#settings = settings
  }

  get path(): string {
    return this.#real ?? this.#settings.path
  }

  find(): Promise<void> {
    if (this.#real !== undefined) return Promise.resolve()
    this.#looking ??= this.#look()
      .then((real) => void (this.#real = real))
      .finally(() => (this.#looking = undefined))
    return this.#looking
  }

  use<T>(act: () => Promise<T>): Promise<T> {
    return act()
  }

  describe(): Attributes {
    return {}
  }

  leave(): Promise<void> {
    return Promise.resolve()
  }

  close(): void {
    // It holds nothing.
  }

  async #look(): Promise<string> {
    const { path, isOurs, files } = this.#settings
    const real = await realPathOf(path)
    if (real !== undefined) {
      const mount = isOurs ? undefined : await this.#settings.findMissingMount(real)
      if (mount !== undefined) throw notMounted(path, mount)
      return real
    }
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

function notMounted(path: string, { source, mountpoint }: ExpectedMount): ConvoyError {
  const where = path === mountpoint ? 'there' : `on ${mountpoint}`
  return new ConvoyError(
    'unavailable',
    `vfs.path ${path} is not in use: ${source} is to be mounted ${where}, and is not`,
    {
      hint: `mount it: mount ${mountpoint}; or take it out of /etc/fstab`,
    },
  )
}
