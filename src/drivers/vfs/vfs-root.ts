import { ConvoyError } from '../../errors.js'
import { lastLine, runProgram } from '../../host/exec.js'
import type { ExpectedMount } from '../../host/fstab.js'
import type { FileRunner } from '../../host/file-process.js'
import type { CallContext } from '../../model/call-context.js'
import type { Attributes } from '../../model/volume.js'
import { ShareHealth, type ShareHealthDeps } from './share-health.js'
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
  /** Takes away what this daemon has mounted there. */
  leave(call: CallContext): Promise<void>
  /** It has been found, and answers as far as is known. */
  readonly isThere: boolean
  /** What people are told of it besides its path. */
  describe(): Attributes
  close(): void
}

export interface DirectoryRootSettings extends Omit<ShareHealthDeps, 'probe' | 'storage' | 'calmProbeMs'> {
  readonly path: string
  /** Make it when it is missing: nothing else can be meant to be mounted there. */
  readonly isOurs: boolean
  readonly files: FileRunner
  /** What is to be mounted there, and is not: until then it is another directory, which only looks empty. */
  readonly findMissingMount: (path: string) => Promise<ExpectedMount | undefined>
}

/** A directory that was given. Once found it is not looked for again. It may be on a share that somebody else mounts. */
export class DirectoryRoot implements VfsRoot {
  readonly source = undefined
  readonly #settings: DirectoryRootSettings
  readonly #health: ShareHealth
  #real: string | undefined
  #looking: Promise<void> | undefined

  constructor(settings: DirectoryRootSettings) {
    const { path, files } = settings
    this.#settings = settings
    const probe = () => this.use(() => files.run([{ op: 'statfs', path }]))
    this.#health = new ShareHealth({ ...settings, probe, storage: path })
  }

  get path(): string {
    return this.#real ?? this.#settings.path
  }

  get isThere(): boolean {
    return this.#real !== undefined && this.#health.downForMs === undefined
  }

  find(): Promise<void> {
    if (this.#real !== undefined) return Promise.resolve()
    this.#looking ??= this.#look()
      .then((real) => void (this.#real = real))
      .finally(() => (this.#looking = undefined))
    return this.#looking
  }

  get longDown(): ConvoyError | undefined {
    return this.#health.longDown
  }

  use<T>(act: () => Promise<T>): Promise<T> {
    return this.#health.watch(act)
  }

  leave(): Promise<void> {
    // It was there before us.
    return Promise.resolve()
  }

  describe(): Attributes {
    return {}
  }

  close(): void {
    this.#health.close()
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
