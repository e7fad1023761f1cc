import * as fs from 'node:fs'

const { O_DIRECTORY, O_NOFOLLOW } = fs.constants
/** Opens without asking the file system, so that a dead mount below the tree cannot hang us. Node has no name for it. */
const O_PATH = 0o10000000

const shared = Buffer.alloc(1024)

export interface DirectoryEntry {
  /** As the file system has it: not always UTF-8. */
  readonly name: Buffer
  /** A hint: another process may have exchanged it, and not every file system says. */
  readonly isDirectory: boolean
}

/**
 * A directory held open: what is done through it happens in it, wherever its path leads by now, and never behind a symbolic
 * link. It does what openat(2) and unlinkat(2) do, through /proc/self/fd. All of it is synchronous.
 */
export class OpenDirectory {
  readonly #descriptor: number
  readonly #path: Buffer

  /** Throws ENOTDIR for whatever is not a directory, a symbolic link to one included. */
  constructor(path: string | Buffer) {
    this.#descriptor = fs.openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW)
    this.#path = Buffer.from(`/proc/self/fd/${this.#descriptor}/`)
  }

  /** Device and inode. Asks the file system, so not before {@link readMountId} has told whose it is. */
  readIdentity(): string {
    const { dev, ino } = fs.fstatSync(this.#descriptor, { bigint: true })
    return `${dev}:${ino}`
  }

  /** Differs behind a bind mount of the same file system too, where the device is the same. */
  readMountId(): string {
    // Read by hand, because it is done for every directory and readFileSync takes twice as long.
    const descriptor = fs.openSync(`/proc/self/fdinfo/${this.#descriptor}`, 'r')
    let information = ''
    try {
      information = shared.toString('latin1', 0, fs.readSync(descriptor, shared))
    } finally {
      fs.closeSync(descriptor)
    }
    const mountId = /^mnt_id:\s*(\d+)$/m.exec(information)?.[1]
    if (mountId === undefined) throw new Error('the kernel does not tell the mount of an open directory')
    return mountId
  }

  openChild(name: Buffer): OpenDirectory {
    return new OpenDirectory(this.#pathOf(name))
  }

  /** Whatever directory this one is in by now. */
  openParent(): OpenDirectory {
    return new OpenDirectory(this.#pathOf(Buffer.from('..')))
  }

  /** Reads as it goes, so a directory of any size needs little memory. Entries may be removed meanwhile. */
  *entries(): Iterable<DirectoryEntry> {
    const directory = fs.opendirSync(this.#path, { encoding: bufferEncoding, bufferSize: 512 })
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        // With that encoding Node makes the names Buffers.
        yield { name: entry.name as unknown as Buffer, isDirectory: entry.isDirectory() }
      }
    } finally {
      directory.closeSync()
    }
  }

  /** Anything but a directory, for which it throws EISDIR. Removes a link, never what it leads to. */
  removeFile(name: Buffer): void {
    fs.unlinkSync(this.#pathOf(name))
  }

  removeDirectory(name: Buffer): void {
    fs.rmdirSync(this.#pathOf(name))
  }

  close(): void {
    fs.closeSync(this.#descriptor)
  }

  #pathOf(name: Buffer): Buffer {
    return Buffer.concat([this.#path, name])
  }
}

// Node takes it wherever it takes an encoding; its types forgot that for opendir.
const bufferEncoding = 'buffer' as BufferEncoding
