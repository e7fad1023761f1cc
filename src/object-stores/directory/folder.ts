import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { isErrno } from '../../errors.js'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants

/** What a folder says of something in it. A hint: somebody may exchange it. */
export interface FolderEntry {
  readonly name: string
  readonly isFolder: boolean
}

/**
 * A directory held open: what is done through it happens in it, wherever its path leads by now, also when its file system was
 * unmounted meanwhile; and never behind a symbolic link. Errors are those of Node.
 */
export class Folder {
  readonly #handle: FileHandle

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** The way there may lead through symbolic links. */
  static async open(path: string): Promise<Folder> {
    return new Folder(await open(path, O_RDONLY | O_DIRECTORY))
  }

  /** Throws ELOOP or ENOTDIR for a symbolic link. */
  async openFolder(name: string): Promise<Folder> {
    return new Folder(await open(this.pathOf(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
  }

  /** One that is there already is left as it is. */
  async makeFolder(name: string): Promise<void> {
    await mkdir(this.pathOf(name), { mode: 0o700 }).catch((thrown: unknown) => {
      if (!isErrno(thrown, 'EEXIST')) throw thrown
    })
  }

  /** Never waits for the other end of a fifo. */
  openFile(name: string): Promise<FileHandle> {
    return open(this.pathOf(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  }

  createFile(name: string): Promise<FileHandle> {
    return open(this.pathOf(name), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600)
  }

  async describe(name: string): Promise<Stats | undefined> {
    try {
      return await lstat(this.pathOf(name))
    } catch (thrown) {
      if (isErrno(thrown, 'ENOENT')) return undefined
      throw thrown
    }
  }

  /** Unsorted. */
  async entries(): Promise<readonly FolderEntry[]> {
    const all = await readdir(this.pathOf('.'), { withFileTypes: true })
    return all.map((entry) => ({
      name: entry.name,
      isFolder: entry.isDirectory(),
    }))
  }

  /** A file that is gone already is no error. */
  async removeFile(name: string): Promise<void> {
    await unlink(this.pathOf(name)).catch((thrown: unknown) => {
      if (!isErrno(thrown, 'ENOENT')) throw thrown
    })
  }

  /** Makes names that came and went durable, where the file system has that for directories. */
  async sync(): Promise<void> {
    await this.#handle.sync().catch((thrown: unknown) => {
      if (!isErrno(thrown, 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP')) throw thrown
    })
  }

  /** Of something in it, for calls of Node that take paths. */
  pathOf(name: string): string {
    return `/proc/self/fd/${this.#handle.fd}/${name}`
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

/** Closes the folder when that has been done. */
export async function using<T>(folder: Folder, act: (folder: Folder) => Promise<T>): Promise<T> {
  try {
    return await act(folder)
  } finally {
    await folder.close()
  }
}
